"""Logs of lists as files: one row for each place of each list, Parquet or CSV."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.core.packed import HEAD_BYTES, is_packed
from movie_mlops.evaluation.errors import PropensitiesUnusableError
from movie_mlops.evaluation.logged_lists import LoggedLists, unusable

REQUEST: Final = "request_id"
PLACE: Final = "place"
_NUMBERS: Final = {
    "reward": "rewards",
    "propensity": "logged",
    "target_propensity": "target",
    "predicted": "predicted",
    "expected": "expected",
    "outside": "outside",
}
_NEEDED: Final = (REQUEST, PLACE, "reward", "propensity", "target_propensity")


def write_lists(path: Path, log: LoggedLists, movie_ids: NDArray[np.int64]) -> int:
    """Write a log as Parquet; its folder is made.

    Args:
        path: The file.
        log: The lists.
        movie_ids: int64[n, k], the film of each place.

    Returns:
        How many rows were written.
    """
    shown = np.ones(log.rewards.shape, np.bool_) if log.filled is None else log.filled
    request, place = np.nonzero(shown)
    columns = {REQUEST: request, USER_ID: request if log.users is None else log.users[request], PLACE: place + 1}
    columns[MOVIE_ID] = movie_ids[shown]
    for name, attribute in _NUMBERS.items():
        values = getattr(log, attribute)
        if values is not None:
            columns[name] = values[shown]
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(columns).with_columns(pl.col(USER_ID).cast(pl.String))
    frame.write_parquet(path)
    return frame.height


def read_lists(path: Path) -> LoggedLists:
    """Read a log: ``request_id``, ``place`` (from 1), ``reward``, ``propensity``, ``target_propensity``.

    ``user_id`` (whose requests belong together), ``predicted`` and ``expected`` (for the doubly robust estimate) and
    ``outside`` may be there too. A missing probability is told of, never filled in.

    Raises:
        PropensitiesUnusableError: The file cannot be read, lacks a column, has a place twice, or its numbers
            cannot be used.
    """
    frame = _read(path)
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing or frame.is_empty():
        raise _refused(path, f"lacks {', '.join(missing)}" if missing else "has no row")
    if frame.select(REQUEST, PLACE).is_duplicated().any():
        raise _refused(path, "has the same place of the same request twice")
    try:
        place = frame[PLACE].cast(pl.Int64).to_numpy() - 1
        numbers = {
            attribute: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for name, attribute in _NUMBERS.items()
            if name in frame.columns
        }
    except pl.exceptions.PolarsError as error:
        raise _refused(path, f"holds what is no number ({str(error).splitlines()[0]})") from error
    if place.min() < 0:
        raise _refused(path, "has places below 1")
    requests, row = np.unique(frame[REQUEST].cast(pl.String).to_numpy(), return_inverse=True)
    shape = (requests.size, int(place.max()) + 1)
    filled = np.zeros(shape, np.bool_)
    filled[row, place] = True
    spread = {}
    for attribute, values in numbers.items():
        spread[attribute] = np.zeros(shape)
        spread[attribute][row, place] = values
    users = None
    if USER_ID in frame.columns:
        users = np.zeros(requests.size, np.int64)
        users[row] = np.unique(frame[USER_ID].cast(pl.String).fill_null("").to_numpy(), return_inverse=True)[1]
    return LoggedLists(filled=filled, users=users, **spread)


def _read(path: Path) -> pl.DataFrame:
    try:
        with path.open("rb") as file:
            if is_packed(file.read(HEAD_BYTES)):
                raise _refused(path, "is packed")
        return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(path, f"cannot be read ({str(error).splitlines()[0]})") from error


def _refused(path: Path, what: str) -> PropensitiesUnusableError:
    return unusable(
        f"{path} {what}.",
        f"Give Parquet or CSV with the columns {', '.join(_NEEDED)}: one row for each place of each list.",
    )
