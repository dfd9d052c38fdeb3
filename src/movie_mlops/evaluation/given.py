"""Splits that somebody else published, as files."""

from pathlib import Path

import numpy as np
import polars as pl

from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.evaluation.case import EvaluationCase, Facts
from movie_mlops.evaluation.errors import FoldsInvalidError
from movie_mlops.evaluation.matrices import Feedback


def given_folds(path: Path) -> list[EvaluationCase]:
    """Read published splits: ``dataset.parquet`` and ``test_0.parquet`` and on, each with user_id and movie_id.

    Every row is a positive. Fold ``i`` holds out what ``test_<i>.parquet`` lists and knows the rest of the data set.

    Raises:
        FoldsInvalidError: A file is missing, lacks a column, has a row twice, or holds out what the data set lacks.
    """
    dataset, tests = _files(path)
    data = Feedback.of(_positives(_pairs(dataset)))
    users = pl.Series(data.user_ids, dtype=pl.String)
    place = pl.DataFrame({USER_ID: users.gather(data.users), MOVIE_ID: data.movie_ids[data.items]})
    cases = []
    for test in tests:
        listed = _held_out(test, dataset, place)
        out = _is_listed(place, listed)
        facts: Facts = {
            "protocol": f"given folds, {test.stem} of {len(tests)}",
            "folder": path.name,
            "rows": place.height,
        }
        cases.append(data.case(test.stem.replace("test_", "fold-"), known=~out, shown=~out, held_out=out, facts=facts))
    return cases


def known_of_given_fold(path: Path, number: int) -> pl.DataFrame:
    """Return what one published fold knows, as feedback: the data set without the rows that the fold holds out.

    Args:
        path: The folder.
        number: Which fold, from 0, in the order of the files.

    Raises:
        FoldsInvalidError: There is no such fold, or its files cannot be used.
    """
    dataset, tests = _files(path)
    if not 0 <= number < len(tests):
        raise FoldsInvalidError(
            f"{path} has no fold {number}.", next_step=f"Give a number from 0 to {len(tests) - 1}, in the files' order."
        )
    data = _pairs(dataset)
    listed = _held_out(tests[number], dataset, data)
    return _positives(data.join(listed, on=[USER_ID, MOVIE_ID], how="anti"))


def _files(path: Path) -> tuple[Path, list[Path]]:
    dataset, tests = path / "dataset.parquet", sorted(path.glob("test_*.parquet"), key=_number)
    if not dataset.is_file() or not tests:
        lacking = "test_0.parquet" if dataset.is_file() else dataset.name
        raise FoldsInvalidError(
            f"{path} is not a folder of given folds: it has no {lacking}.",
            next_step="Name a folder that holds dataset.parquet and test_0.parquet, test_1.parquet and on.",
        )
    return dataset, tests


def _positives(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(
        pl.lit(1.0, dtype=pl.Float32).alias(WEIGHT), pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias(EVENT_TIME)
    )


def _held_out(test: Path, dataset: Path, place: pl.DataFrame) -> pl.DataFrame:
    listed = _pairs(test)
    unknown = listed.join(place, on=[USER_ID, MOVIE_ID], how="anti").height
    if unknown:
        raise _invalid(test, f"holds out {unknown:,} rows that {dataset.name} does not have")
    return listed


def _is_listed(place: pl.DataFrame, listed: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    joined = place.join(
        listed.with_columns(pl.lit(value=True).alias("listed")),
        on=[USER_ID, MOVIE_ID],
        how="left",
        maintain_order="left",
    )
    return np.asarray(joined["listed"].fill_null(value=False).to_numpy(), dtype=np.bool_)


def _pairs(file: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _invalid(file, "cannot be read as Parquet") from error
    if not {USER_ID, MOVIE_ID} <= set(frame.columns):
        raise _invalid(file, f"has the columns {', '.join(frame.columns)} instead of {USER_ID} and {MOVIE_ID}")
    try:
        pairs = frame.select(pl.col(USER_ID).cast(pl.String), pl.col(MOVIE_ID).cast(pl.Int64))
    except pl.exceptions.PolarsError as error:
        raise _invalid(file, f"has a {MOVIE_ID} that is no whole number") from error
    if sum(pairs.null_count().row(0)):
        raise _invalid(file, f"has a row without {USER_ID} or {MOVIE_ID}")
    if pairs.is_duplicated().any():
        raise _invalid(file, "has a user and film more than once")
    return pairs


def _number(file: Path) -> tuple[int, str]:
    digits = file.stem.removeprefix("test_")
    return (int(digits) if digits.isdigit() else 1 << 30, file.stem)


def _invalid(file: Path, problem: str) -> FoldsInvalidError:
    return FoldsInvalidError(
        f"{file.name} {problem}.", next_step=f"Bring {file.parent} again from where it was published."
    )
