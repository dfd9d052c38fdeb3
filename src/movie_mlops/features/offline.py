"""Features as they were known at a time, computed over the whole table at once."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.nouns import Kind
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FILM_FEATURES, USER_FEATURES, FeatureView
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.feedback import latest_words

_PRIOR_RATINGS: Final = 20.0
"""So many ratings of the global mean are added to each film: a film of three ratings is mostly the average film."""


def known_by(interactions: pl.LazyFrame, as_of: datetime | None) -> pl.LazyFrame:
    """Keep the interactions that are known to have happened by ``as_of``.

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


def film_features(
    interactions: pl.LazyFrame,
    *,
    as_of: datetime | None,
    config: FeedbackConfig,
    prior_ratings: float = _PRIOR_RATINGS,
) -> pl.DataFrame:
    """Compute :data:`FILM_FEATURES` from what was known at a time.

    Args:
        interactions: Rows of the table ``interactions``.
        as_of: Only what happened by this aware time counts; ``None`` stands for the latest time in the rows.
        config: What counts as liking.
        prior_ratings: How strongly a film's mean is drawn to the global mean, in ratings.

    Returns:
        One row per film that somebody met, sorted by movie_id, with the columns of :data:`FILM_FEATURES`.
    """
    known = known_by(interactions, as_of)
    words = latest_words(known, config)
    ratings = latest_words(known.filter(pl.col(KIND) == Kind.RATING.value), config)
    end = as_of or known.select(pl.col(EVENT_TIME).max()).collect().item()
    liked = pl.col(WEIGHT) > 0
    said = words.group_by(MOVIE_ID).agg(
        _likes_since(liked, end, days=7).alias("likes_7d"),
        _likes_since(liked, end, days=30).alias("likes_30d"),
        liked.sum().alias("likes_all"),
    )
    value = pl.col(VALUE).cast(pl.Float64)
    mean_of_all = ratings.select(value.mean()).item()
    rated = ratings.group_by(MOVIE_ID).agg(
        value.count().alias("ratings"),
        value.mean().alias("rating_mean"),
        value.sum().alias("stars"),
    )
    first = known.group_by(MOVIE_ID).agg(pl.col(EVENT_TIME).min().alias("first_time")).collect()
    count, stars = pl.col("ratings").fill_null(0), pl.col("stars").fill_null(0.0)
    shrunk = (stars + prior_ratings * pl.lit(mean_of_all, pl.Float64)) / (count + prior_ratings)
    frame = first.join(said, on=MOVIE_ID).join(rated, on=MOVIE_ID, how="left")
    return _in_shape(frame.with_columns(count, shrunk.alias("rating_mean_shrunk")), FILM_FEATURES)


def user_features(interactions: pl.LazyFrame, *, as_of: datetime | None, config: FeedbackConfig) -> pl.DataFrame:
    """Compute :data:`USER_FEATURES` from what was known at a time.

    Args:
        interactions: Rows of the table ``interactions``.
        as_of: Only what happened by this aware time counts; ``None`` counts everything.
        config: What counts as liking.

    Returns:
        One row per user, sorted by user_id, with the columns of :data:`USER_FEATURES`.
    """
    known = known_by(interactions, as_of)
    did = (
        known.group_by(USER_ID)
        .agg(pl.len().alias("interactions"), pl.col(EVENT_TIME).max().alias("last_time"))
        .collect()
    )
    said = latest_words(known, config).group_by(USER_ID).agg((pl.col(WEIGHT) > 0).sum().alias("positives"))
    value = pl.col(VALUE).cast(pl.Float64)
    rated = (
        latest_words(known.filter(pl.col(KIND) == Kind.RATING.value), config)
        .group_by(USER_ID)
        .agg(
            value.count().alias("ratings"),
            value.mean().alias("rating_mean"),
            value.std(ddof=0).alias("rating_std"),
        )
    )
    frame = did.join(said, on=USER_ID).join(rated, on=USER_ID, how="left")
    return _in_shape(frame.with_columns(pl.col("ratings").fill_null(0)), USER_FEATURES)


def _likes_since(liked: pl.Expr, end: datetime | None, *, days: int) -> pl.Expr:
    if end is None:
        return pl.lit(0)
    return (liked & (pl.col(EVENT_TIME) > end - timedelta(days=days)).fill_null(value=False)).sum()


def _in_shape(frame: pl.DataFrame, view: FeatureView) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in view.schema.items()).sort(view.entity.name)
