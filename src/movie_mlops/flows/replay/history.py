"""A history: everything that a source tells, in the order in which it happened, through the contract like any load."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_ID, EVENT_TIME, KIND, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.progress import Progress
from movie_mlops.features import FeedbackConfig
from movie_mlops.features.feedback import weight_expression
from movie_mlops.flows.errors import FlowError
from movie_mlops.ingest import IngestConfig, Source, load
from movie_mlops.lake import INTERACTIONS, MOVIES, USERS, Lake, LakeConfig


@dataclass(frozen=True)
class History:
    """What happened, in order.

    Attributes:
        dataset: The data set's name.
        past: What the first model learns from: rows of the table ``interactions``.
        lived: What is lived: likewise, with ``weight``.
        movies: Rows of the table ``movies``.
        users: Rows of the table ``users``; ``None`` where the source tells nothing.
    """

    dataset: str
    past: pl.DataFrame
    lived: pl.DataFrame
    movies: pl.DataFrame
    users: pl.DataFrame | None

    def fill(self, lake: Lake) -> None:
        """Write what was known at first into an empty lake."""
        lake.append(MOVIES, self.movies)
        if self.users is not None:
            lake.append(USERS, self.users)
        lake.append(INTERACTIONS, self.past)


def read_history(
    source: Source,
    config: IngestConfig,
    feedback: FeedbackConfig,
    *,
    begin: float,
    most: int | None,
    progress: Progress,
) -> History:
    """Read a source into a history.

    Args:
        source: Where it comes from.
        config: What the contract accepts.
        feedback: What counts as liking.
        begin: The share that is past.
        most: So many of its newest interactions at most.
        progress: Who listens.

    Raises:
        SourceError: The data cannot be had.
        FlowError: Nobody knows when it happened, or there is nothing to live.
    """
    source.prepare(progress)
    with tempfile.TemporaryDirectory(prefix="movie-mlops-history-") as folder:
        lake = Lake(LakeConfig(root=Path(folder)))
        load(source, lake, config=config, progress=progress)
        told = lake.scan(INTERACTIONS).collect()
        movies = lake.scan(MOVIES).collect()
        users = lake.scan(USERS).collect() if USERS in lake.names() else None
    timed = told.filter(pl.col(EVENT_TIME).is_not_null()).sort(EVENT_TIME, USER_ID, EVENT_ID)
    timed = timed if most is None else timed.tail(most)
    first = round(timed.height * begin)
    if not first or first == timed.height:
        raise FlowError(
            f"{source.dataset} has {timed.height:,} interactions of which anybody knows when they were.",
            next_step="Live a history with times, such as --source sample.",
        )
    lived = timed[first:].with_columns(weight_expression(feedback).alias(WEIGHT))
    return History(source.dataset, timed[:first], lived, movies, users)


def events_of(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows as the API takes them."""
    wanted = rows.select(EVENT_ID, USER_ID, MOVIE_ID, KIND, VALUE, EVENT_TIME)
    return [
        {**{name: value for name, value in row.items() if value is not None}, EVENT_TIME: clock.to_iso(row[EVENT_TIME])}
        for row in wanted.iter_rows(named=True)
    ]
