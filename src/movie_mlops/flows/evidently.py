"""Evidently's own report on the same rows, for those who have it installed."""

from pathlib import Path

import polars as pl

from movie_mlops.core import clock
from movie_mlops.flows.drift import Compared, known_by_now, reference_of
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.features import known_movies, known_users
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.windows import Window, groups_of, popularity, timed


def write_evidently(platform: Platform, compared: Compared, path: Path) -> None:
    """Write Evidently's report on the users of both windows as one HTML file.

    It wants rows, which a bundle does not keep: those of the training window are read from the lake again.

    Args:
        platform: The stores.
        compared: What was compared.
        path: The file.

    Raises:
        FlowError: Evidently is not installed, or there are no rows since the training.
    """
    try:
        import pandas as pd  # noqa: PLC0415 (optional)
        from evidently import Report  # noqa: PLC0415 (optional)
        from evidently.presets import DataDriftPreset  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise FlowError(
            f"Evidently cannot be used here: {error}.",
            next_step="Install it with what it needs: pip install 'movie-mlops[platform,evidently]'",
        ) from error
    now = _rows(compared, "users")
    if now is None:
        raise FlowError("Nothing came in since the training.", next_step="Ask again when there are events.")
    _, reference = reference_of(platform)
    began, ended = (clock.from_unix(at / 1e6) for at in (reference.began, reference.ended))
    interactions = known_by_now(platform)
    rows = timed(interactions).filter((pl.col("when") > began) & (pl.col("when") <= ended)).collect()
    groups = groups_of(
        Window(rows, began, ended),
        interactions,
        movies=known_movies(platform.lake),
        users=known_users(platform.lake),
        popular=popularity(interactions, began),
        config=platform.config.feedback,
    )
    before = next(batch for group in groups if group.name == "users" for batch in group.batches)
    # It refuses a column without a value on either side.
    told = [name for name in now.columns if now[name].count() and before[name].count()]
    frames = [pd.DataFrame(frame.select(told).to_dict(as_series=False)) for frame in (now, before)]
    try:
        report = Report([DataDriftPreset()]).run(*frames)
    except (ValueError, KeyError, TypeError) as error:
        raise FlowError(
            f"Evidently cannot compare these users: {error}.", next_step="Leave out --evidently, or widen --days."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    report.save_html(str(path))


def _rows(compared: Compared, name: str) -> pl.DataFrame | None:
    return next((batch for group in compared.groups if group.name == name for batch in group.batches), None)
