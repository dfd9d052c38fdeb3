"""From everything that a user did to their latest word on each film: one rule, in Python and in polars.

A word has an authority: what was said (rating, like, dislike) stands above what was watched, and that above what
passed by (view, click, skip). Who withdraws takes back what was said, so that stands where saying does, and weighs
nothing. The word that counts is, among those of the highest authority, the latest by
``event_time`` (an unknown time is the oldest), then by ``ingested_at``; of two words in the same instant the one with
the smaller weight counts, because contradicting oneself is no praise, then the later in :data:`AUTHORITY`, then the
greater value. Words that are equal in all of that say the same. The choice is a maximum, so that neither the order nor
the grouping in which interactions arrive can change it. :func:`rank_of` is the rule for one word, :func:`rank_columns`
the same over columns; everything that has to choose, chooses by one of the two.
"""

import math
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from movie_mlops.core.columns import (
    EVENT_TIME,
    INGESTED_AT,
    KIND,
    MOVIE_ID,
    USER_ID,
    VALUE,
    WEIGHT,
)
from movie_mlops.core.nouns import Kind
from movie_mlops.features.config import FeedbackConfig

AUTHORITY: Final = MappingProxyType(
    {
        Kind.VIEW: 0,
        Kind.CLICK: 0,
        Kind.SKIP: 0,
        Kind.WATCH: 1,
        Kind.RATING: 2,
        Kind.LIKE: 2,
        Kind.DISLIKE: 2,
        Kind.WITHDRAW: 2,
    },
)
"""Which kinds of word stand above which."""

KIND_CODES: Final = MappingProxyType({kind: code for code, kind in enumerate(AUTHORITY)})
"""The number that stands for each kind where words are packed; it never changes."""

_NO_VALUE: Final = -1.0
"""Below every value: how a word without one is compared."""

_AUTHORITIES: Final = tuple(AUTHORITY.values())

Rank = tuple[int, int, int, float, int, float]
"""What the word that counts has the most of."""

CONSUMED: Final = frozenset({Kind.SKIP, Kind.WATCH, Kind.RATING, Kind.LIKE, Kind.DISLIKE})
"""The kinds that say that somebody is done with a film: it is not recommended again. Who only looked at it (view,
click) is not."""

RATED: Final = frozenset({Kind.RATING, Kind.WITHDRAW})
"""Among these words the rating that counts is chosen: who withdraws takes a rating back, too."""

CODE_COLUMN: Final = "kind_code"


def rank_of(code: int, value: float | None, weight: float, time: int, arrival: int) -> Rank:
    """Return the rank of one word: of two on one film, the greater counts.

    Args:
        code: Of its kind, in :data:`KIND_CODES`.
        value: Its stars or watched fraction, in single precision; ``None`` or NaN where it has none.
        weight: What :func:`weigh` says.
        time: Microseconds since 1970 when it was said; below all others where nobody knows.
        arrival: Microseconds since 1970 when the lake got it.
    """
    compared = _NO_VALUE if value is None or math.isnan(value) else value
    return _AUTHORITIES[code], time, arrival, -weight, code, compared


def rank_columns() -> list[pl.Expr]:
    """Return :func:`rank_of` over the columns of ``interactions`` and ``weight``: ascending, nulls first."""
    authorities = {kind.value: rank for kind, rank in AUTHORITY.items()}
    return [
        pl.col(KIND).replace_strict(authorities, return_dtype=pl.UInt8).alias("authority"),
        pl.col(EVENT_TIME),
        pl.col(INGESTED_AT),
        -pl.col(WEIGHT),
        code_column(),
        pl.col(VALUE).fill_nan(None).fill_null(_NO_VALUE),
    ]


def code_column() -> pl.Expr:
    """Return the code of each word's kind, as UInt8, named :data:`CODE_COLUMN`."""
    codes = {kind.value: code for kind, code in KIND_CODES.items()}
    return pl.col(KIND).replace_strict(codes, return_dtype=pl.UInt8).alias(CODE_COLUMN)


def weigh(kind: Kind, value: float | None, config: FeedbackConfig) -> float:
    """Return what one interaction weighs: above 0 it is a positive, 0 means seen but not liked, below 0 it is against.

    Args:
        kind: What was done.
        value: Stars of a rating, watched fraction of a watch; compared in single precision, as tables keep it.
        config: The thresholds and weights.

    Returns:
        The weight, rounded to single precision. A rating without stars weighs 0.
    """
    weight = np.float32(config.weights.get(kind, 0.0))
    against = np.float32(config.against.get(kind, 0.0))
    if kind is Kind.WATCH and value is None:
        return float(weight)
    if kind in _THRESHOLDS:
        stated = np.float32(-1.0 if value is None else value)
        positive, negative = (np.float32(getattr(config, name)) for name in _THRESHOLDS[kind])
        if stated >= positive:
            return float(weight * stated if kind is Kind.WATCH and config.graded_watch else weight)
        return -float(against) if against > 0 and 0 <= stated <= negative else 0.0
    return float(weight) if weight > 0 or against == 0 else -float(against)


_THRESHOLDS: Final = {
    Kind.RATING: ("positive_rating", "negative_rating"),
    Kind.WATCH: ("positive_watch", "negative_watch"),
}


def weight_expression(config: FeedbackConfig) -> pl.Expr:
    """Return :func:`weigh` over the columns ``kind`` and ``value``, as Float32."""
    # polars puts NaN above every number; a rating of NaN stars praises nothing.
    value = pl.col(VALUE).cast(pl.Float32).fill_nan(-1.0)
    weight, against = (
        pl.col(KIND).replace_strict({kind.value: float(by.get(kind, 0)) for kind in Kind}, return_dtype=pl.Float32)
        for by in (config.weights, config.against)
    )
    plain = pl.when((weight > 0) | (against == 0)).then(weight).otherwise(-against)
    weighed = plain
    for kind, names in _THRESHOLDS.items():
        positive, negative = (pl.lit(getattr(config, name), pl.Float32) for name in names)
        stated = value.fill_null(-1.0)
        graded = weight * stated if kind is Kind.WATCH and config.graded_watch else weight
        is_against = (against > 0) & (stated >= 0) & (stated <= negative)
        judged = (
            pl.when(stated >= positive).then(graded).when(is_against).then(-against).otherwise(pl.lit(0.0, pl.Float32))
        )
        if kind is Kind.WATCH:
            judged = pl.when(value.is_null()).then(weight).otherwise(judged)
        weighed = pl.when(pl.col(KIND) == kind.value).then(judged).otherwise(weighed)
    return weighed


def latest_words(interactions: pl.LazyFrame, config: FeedbackConfig) -> pl.DataFrame:
    """Return the word that counts of every (user, film), with all that is needed to compare it with later ones.

    Args:
        interactions: Rows of the table ``interactions``.
        config: The thresholds and weights.

    Returns:
        One row per (user, film), sorted by both: user_id, movie_id, kind, value, weight (Float32), event_time,
        ingested_at, kind_code (UInt8).
    """
    weighed = interactions.select(
        USER_ID,
        MOVIE_ID,
        KIND,
        VALUE,
        weight_expression(config).alias(WEIGHT),
        EVENT_TIME,
        INGESTED_AT,
        code_column(),
    ).collect()
    # Most users speak once of a film: only the others need the long sort.
    repeated = pl.struct(USER_ID, MOVIE_ID).is_duplicated()
    settled = (
        weighed.filter(repeated)
        .sort(rank_columns(), nulls_last=False)
        .unique([USER_ID, MOVIE_ID], keep="last", maintain_order=True)
    )
    return pl.concat([weighed.filter(~repeated), settled]).sort(USER_ID, MOVIE_ID)


def feedback(interactions: pl.LazyFrame, config: FeedbackConfig) -> pl.DataFrame:
    """Return the latest word of every user on every film that they met, where they did not withdraw it.

    Args:
        interactions: Rows of the table ``interactions``.
        config: The thresholds and weights.

    Returns:
        One row per (user, film), sorted by both: user_id, movie_id, weight (Float32; 0 is seen, not liked,
        below 0 evidence against it),
        event_time (null where unknown).
    """
    return (
        latest_words(interactions, config)
        .filter(pl.col(KIND) != Kind.WITHDRAW.value)
        .select(USER_ID, MOVIE_ID, WEIGHT, EVENT_TIME)
    )
