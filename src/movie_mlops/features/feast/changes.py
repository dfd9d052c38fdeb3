"""What Feast can join: feature rows, one for every moment at which something of an entity changes.

Feast joins a row with the newest feature row that is not younger. That is right wherever there is a feature row for
every change: when something happened, and when it left a window. What changes with time alone has no such rows, so
those features stay behind.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Feature, FeatureView, Views
from movie_mlops.features.online import Cut
from movie_mlops.features.parts import Age, Faded, Now, Total
from movie_mlops.features.point_in_time import AT, features_at

EVENT_TIMESTAMP: Final = "event_timestamp"
"""When a feature row begins to hold."""

CREATED_TIMESTAMP: Final = "created_timestamp"
"""When the last of what it is made of arrived."""

_TIME: Final = pl.Datetime("us", "UTC")


def drifts(feature: Feature) -> bool:
    """Return whether a feature changes while nothing happens and no window ends."""
    return any(isinstance(part, Age | Faded | Now) for part in feature.aggregation.parts)


def exportable(views: Views) -> Views:
    """Return the views that have a table, with the features that do not drift."""
    tables = (view for view in views if len(view.entity.keys) == 1)
    return Views(*(view.only([each.name for each in view.features if not drifts(each)]) for view in tables))


def changes(view: FeatureView, cut: Cut, config: FeedbackConfig) -> pl.DataFrame:
    """Compute a view at every moment at which it changes, from everything that the cut holds.

    Args:
        view: One of :func:`exportable`.
        cut: What the lake holds.
        config: What counts as liking.

    Returns:
        One row per entity and moment, sorted by both: the key, ``event_timestamp``, ``created_timestamp``, the
        features. Times among the features are microseconds since 1970, for Feast keeps times only to the second online.
    """
    of = view.entity.folds
    known_at = cut.interactions.select(pl.col(INGESTED_AT).max()).collect().item()
    moments = _moments(view, cut.interactions).collect()
    found = features_at(
        view,
        moments.rename({EVENT_TIMESTAMP: AT}),
        cut.interactions,
        config=config,
        films=cut.films,
        knowledge=known_at,
    )
    times = [feature.name for feature in view.features if feature.dtype.is_temporal()]
    return found.rename({AT: EVENT_TIMESTAMP}).select(
        of, EVENT_TIMESTAMP, CREATED_TIMESTAMP, pl.col(view.names).exclude(times), pl.col(times).to_physical()
    )


def in_groups(view: FeatureView, cut: Cut, *, at_once: int = 250_000) -> Iterator[Cut]:
    """Yield the cut in parts of about ``at_once`` interactions, each with whole entities: none takes much memory."""
    of = view.entity.folds
    counts = cut.interactions.group_by(of).len().sort(of).collect()
    groups = counts.select(of, ((pl.col("len").cum_sum() - 1) // at_once).alias("group"))
    for entities in groups.partition_by("group", maintain_order=True):
        yield replace(cut, interactions=cut.interactions.join(entities.lazy(), on=of, how="semi"))


def _moments(view: FeatureView, interactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return when something happened, or left a window, with the last arrival of all that happened by then."""
    of = view.entity.folds
    happened = interactions.select(
        of, pl.coalesce(EVENT_TIME, INGESTED_AT).cast(_TIME).alias(EVENT_TIMESTAMP), pl.col(INGESTED_AT).cast(_TIME)
    )
    # What has no time was never in a window.
    dated = interactions.filter(pl.col(EVENT_TIME).is_not_null()).select(of, pl.col(EVENT_TIME).cast(_TIME))
    left = [
        dated.select(
            of,
            (pl.col(EVENT_TIME) + timedelta(microseconds=lag)).alias(EVENT_TIMESTAMP),
            pl.lit(None, _TIME).alias(INGESTED_AT),
        )
        for lag in _lags(view)
    ]
    last_arrival = pl.col(INGESTED_AT).cum_max().forward_fill().over(of).alias(CREATED_TIMESTAMP)
    return (
        pl.concat([happened, *left])
        .group_by(of, EVENT_TIMESTAMP)
        .agg(pl.col(INGESTED_AT).max())
        .sort(of, EVENT_TIMESTAMP)
        .select(of, EVENT_TIMESTAMP, last_arrival)
    )


def _lags(view: FeatureView) -> list[int]:
    """Return how long after an interaction it enters or leaves a window, in microseconds."""
    windows = [part.window for part in view.parts if isinstance(part, Total) and part.window is not None]
    return sorted({lag for window in windows for lag in (window.starts, window.ends)} - {0})
