"""Views as tables: every user and every film, all as of one time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.pieces import pieces
from movie_mlops.features.point_in_time import AT, features_at
from movie_mlops.features.views import FILM_FEATURES, USER_FEATURES


def known_by(interactions: pl.LazyFrame, as_of: datetime | None) -> pl.LazyFrame:
    """Keep the interactions that are known to have happened by ``as_of``, whenever they arrived.

    An interaction whose time is unknown happened, at the latest, when it was ingested.

    Args:
        interactions: Rows of the table ``interactions``.
        as_of: An aware time; ``None`` keeps every row.

    Returns:
        The rows that were left, unchanged.

    Raises:
        FeatureError: ``as_of`` is not aware.
    """
    if as_of is None:
        return interactions
    if as_of.tzinfo is None:
        raise FeatureError(
            f"The time {as_of.isoformat()} has no time zone.",
            next_step="Give it with one, such as 2024-01-31T00:00:00Z.",
        )
    return interactions.filter(pl.coalesce(EVENT_TIME, INGESTED_AT) <= as_of)


@dataclass(frozen=True)
class Frames:
    """A table in pieces, each computed when it is asked for, and anew whenever one goes through them.

    Attributes:
        make: Gives the pieces: one at least, all of one schema.
    """

    make: Callable[[], Iterable[pl.DataFrame]]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter(self.make())

    def whole(self) -> pl.DataFrame:
        """Return the pieces together."""
        return pl.concat(self)


def snapshot(
    view: FeatureView,
    interactions: pl.LazyFrame,
    *,
    as_of: datetime | None,
    config: FeedbackConfig,
    films: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """Compute a view for every entity that somebody met, as of one time: see :func:`snapshots`.

    Returns:
        One row per entity, sorted by its key, with the columns of the view.
    """
    return snapshots(view, interactions, as_of=as_of, config=config, films=films).whole()


def snapshots(
    view: FeatureView,
    interactions: pl.LazyFrame,
    *,
    as_of: datetime | None,
    config: FeedbackConfig,
    films: pl.LazyFrame | None = None,
    memory: int | None = None,
) -> Frames:
    """Compute a view for every entity that somebody met, as of one time, as much at once as memory has room for.

    Args:
        view: Which; one whose rows have one key.
        interactions: Rows of the table ``interactions``.
        as_of: Only what happened by this aware time counts; ``None`` counts everything, as of the latest time in it.
        config: What counts as liking.
        films: Rows of the table ``movies``; ``None`` knows nothing of any film.
        memory: About so many bytes are taken at once; ``None``: an eighth of what is left.

    Returns:
        One row per entity, sorted by its key, with the columns of the view.

    Raises:
        FeatureError: ``as_of`` is not aware, or the view has no table.
    """
    if len(view.entity.keys) > 1:
        raise FeatureError(
            f"The view {view.name!r} is about a {view.entity.name}: it has no table of all of them.",
            next_step="Ask for the rows that are needed, with a training set.",
        )
    known = known_by(interactions, as_of)
    at = as_of or newest(known.select(pl.col(EVENT_TIME, INGESTED_AT).max()).collect(engine="streaming"))
    return Frames(lambda: tables_at(view, known, at, config=config, films=films, memory=memory))


def newest(times: pl.DataFrame) -> datetime | None:
    """Return the newest time of interactions, or where none has one when the last arrived; ``None`` without any.

    Args:
        times: The columns ``event_time`` and ``ingested_at``.
    """
    latest: datetime | None = times.select(pl.col(EVENT_TIME).max().fill_null(pl.col(INGESTED_AT).max())).item()
    return latest


def tables_at(
    view: FeatureView,
    known: pl.LazyFrame,
    at: datetime | None,
    *,
    config: FeedbackConfig,
    films: pl.LazyFrame | None,
    memory: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Compute a view for every entity of some interactions, which count all, as of one time: see :func:`snapshots`.

    An entity's row hangs on the interactions of that entity alone, so that those of others need not be there.
    """
    time, by = pl.lit(at, pl.Datetime("us", "UTC")).alias(AT), view.entity.folds
    for some in [known] if view.follows_everybody else pieces(known, by, memory=memory):
        rows = some.select(by).unique().sort(by).collect().with_columns(time)
        frame = features_at(view, rows, some, config=config, films=films, knowledge=None)
        yield frame.select(list(view.schema))


def film_features(
    interactions: pl.LazyFrame, *, as_of: datetime | None, config: FeedbackConfig, films: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Compute :data:`FILM_FEATURES` of every film that somebody met: see :func:`snapshot`."""
    return snapshot(FILM_FEATURES, interactions, as_of=as_of, config=config, films=films)


def user_features(
    interactions: pl.LazyFrame, *, as_of: datetime | None, config: FeedbackConfig, films: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Compute :data:`USER_FEATURES` of every user: see :func:`snapshot`."""
    return snapshot(USER_FEATURES, interactions, as_of=as_of, config=config, films=films)
