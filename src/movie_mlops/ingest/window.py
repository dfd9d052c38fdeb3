"""Which interactions a load is about, by when they happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.lake import INTERACTIONS, Lake


@dataclass(frozen=True)
class Window:
    """Which interactions are meant, by when they happened; one without a time is always meant.

    Attributes:
        since: None before this time.
        until: None at this time or later.
        moves_cursor: Whether the load covers everything up to its newest interaction, so that a later load may begin
            there.
    """

    since: datetime | None = None
    until: datetime | None = None
    moves_cursor: bool = True

    @property
    def is_all(self) -> bool:
        """Whether every interaction is meant."""
        return self.since is None and self.until is None

    def has(self) -> pl.Expr:
        """Return where an interaction is meant."""
        time, meant = pl.col(c.EVENT_TIME), pl.lit(value=True)
        if self.since is not None:
            meant &= (time >= self.since).fill_null(value=True)
        if self.until is not None:
            meant &= (time < self.until).fill_null(value=True)
        return meant


ALL = Window()
"""Every interaction of the source."""


def since_cursor(lake: Lake, dataset: str, config: IngestConfig) -> Window:
    """Return the window of an incremental load: from the newest interaction that is known, less the overlap."""
    cursor = lake.cursor(INTERACTIONS, cursor_of(dataset))
    if cursor is None:
        return ALL
    return Window(since=clock.from_unix(cursor / 1e6) - timedelta(days=config.overlap_days))


def cursor_of(dataset: str) -> str:
    """Return the name of a data set's cursor: the newest interaction up to which everything is in, in microseconds."""
    return f"ingest:{dataset}"
