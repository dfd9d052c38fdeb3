"""Answers joined with what their users did afterwards: frames in, frames out; no store, no clock.

A *positive* of an answer is a film that its user had not met before it, and of which their word within the horizon, the
one that counts by the platform's rule of feedback, speaks for it; whether the answer showed it or not. What was done at
the very time of the answer was done before it.

A positive that was shown is *credited* to one answer: the last that showed the film before its user first spoke for it.
So a list that is asked for five times and liked once is one success, not five.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig
from movie_mlops.features.feedback import CONSUMED, rank_columns, weight_expression
from movie_mlops.monitoring.quality.config import QualityConfig

ANSWER: Final = "answer"
AT: Final = "at"
RANK: Final = "rank"
ITEMS: Final = "items"
_TIME: Final = pl.Datetime("us", "UTC")
_ALWAYS: Final = datetime(1, 1, 1, tzinfo=UTC)
_PAIRS_AT_ONCE: Final = 2_000_000

ANSWERS: Final = pl.Schema(
    {
        ANSWER: pl.Int64(),
        USER_ID: pl.String(),
        AT: _TIME,
        ITEMS: pl.List(pl.Int64),
        "release": pl.String(),
        "arm": pl.String(),
        "source": pl.String(),
        "comparable": pl.Boolean(),
    }
)
"""Answers: a number, its user, when, the films in order, and what answered; ``comparable`` to what was evaluated."""

WORDS: Final = pl.Schema(
    {
        USER_ID: pl.String(),
        MOVIE_ID: pl.Int64(),
        KIND: pl.String(),
        VALUE: pl.Float32(),
        EVENT_TIME: _TIME,
        INGESTED_AT: _TIME,
    }
)
"""What users did: the columns of the table ``interactions`` that say so. Without a time it was before every answer."""


@dataclass(frozen=True)
class Joined:
    """What came of answers.

    Attributes:
        outcomes: The answers in the order of their numbers, with: final (the horizon is over), lately (in the last
            quarter of the days that are judged), positives, ndcg and hit_rate (null without a positive), reacted,
            displeased, credited (how many films), delay_seconds (from the answer to the first of them), new_user,
            places and repeated (places whose film was shown on an earlier day).
        positives: answer, movie_id, rank (from 1; null where it was not shown).
        exposure: movie_id, shown (in how many lists).
    """

    outcomes: pl.DataFrame
    positives: pl.DataFrame
    exposure: pl.DataFrame


def join(
    answers: pl.DataFrame, words: pl.DataFrame, *, now: datetime, config: QualityConfig, feedback: FeedbackConfig
) -> Joined:
    """Join answers with what their users did.

    Args:
        answers: Of :data:`ANSWERS`; all that each of their users was given.
        words: Of :data:`WORDS`; all that each of these users did, each thing once.
        now: What came later is not known yet.
        config: Horizon and cut-off.
        feedback: What counts as liking.
    """
    horizon = timedelta(days=config.horizon_days)
    shown = (
        answers.select(ANSWER, USER_ID, AT, pl.col(ITEMS).alias(MOVIE_ID))
        .explode(MOVIE_ID)
        .drop_nulls(MOVIE_ID)
        .with_columns((pl.int_range(pl.len()).over(ANSWER) + 1).alias(RANK))
    )
    # Of a film that stands in a list twice, which a list should not, the first place counts.
    places = shown.unique([ANSWER, MOVIE_ID], keep="first", maintain_order=True)
    met = _met(words)
    later = words.filter(
        (pl.col(EVENT_TIME) <= now) & (pl.col(EVENT_TIME) > pl.lit(answers[AT].min(), _TIME))
    ).with_columns(weight_expression(feedback).alias(WEIGHT))
    spoken = [
        _spoken(_pairs(some, later, met, places, horizon), feedback)
        for some in (answers.clear(), *_slices(answers, later))
    ]
    positives, reactions = (pl.concat(parts) for parts in zip(*spoken, strict=True))
    outcomes = (
        answers.drop(ITEMS)
        .with_columns((pl.col(AT) + horizon <= now).alias("final"))
        .join(_found(positives, config.cutoff), on=ANSWER, how="left", maintain_order="left")
        .join(reactions, on=ANSWER, how="left", maintain_order="left")
        .join(_credited(positives, answers), on=ANSWER, how="left", maintain_order="left")
        .join(_repeats(shown), on=ANSWER, how="left", maintain_order="left")
        .join(_newcomers(met, config.new_films), on=USER_ID, how="left", maintain_order="left")
        .with_columns(
            pl.col("positives", "credited", "places", "repeated").fill_null(0),
            pl.col("reacted", "displeased").fill_null(value=False),
            (pl.col(AT) + horizon > now - timedelta(days=config.days / 4)).alias("lately"),
            (pl.col("known_from").is_null() | (pl.col("known_from") > pl.col(AT))).alias("new_user"),
        )
        .drop("known_from")
        .sort(ANSWER)
    )
    exposure = shown.group_by(MOVIE_ID).agg(pl.len().cast(pl.Int64).alias("shown"))
    return Joined(outcomes, positives.select(ANSWER, MOVIE_ID, RANK), exposure)


def _met(words: pl.DataFrame) -> pl.DataFrame:
    """Return since when each user is done with each film: they rated, liked, disliked, watched or skipped it."""
    done = words.filter(pl.col(KIND).is_in([kind.value for kind in CONSUMED]))
    when = pl.col(EVENT_TIME).fill_null(pl.lit(_ALWAYS, _TIME))
    return done.group_by(USER_ID, MOVIE_ID).agg(when.min().alias("met"))


def _slices(answers: pl.DataFrame, words: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the answers some at a time: each with its user's words makes so many pairs at most."""
    counts = answers.join(words.group_by(USER_ID).len("words"), on=USER_ID, how="left", maintain_order="left")
    number = counts["words"].fill_null(0).cast(pl.Int64).cum_sum() // _PAIRS_AT_ONCE
    for _, some in answers.with_columns(number.alias("slice")).group_by("slice", maintain_order=True):
        yield some.drop("slice")


def _pairs(
    answers: pl.DataFrame, words: pl.DataFrame, met: pl.DataFrame, places: pl.DataFrame, horizon: timedelta
) -> pl.DataFrame:
    """Return answers with each word within their horizon on a film that was new, and its rank where it was shown."""
    return (
        answers.select(ANSWER, USER_ID, AT)
        .join(words, on=USER_ID)
        .filter((pl.col(EVENT_TIME) > pl.col(AT)) & (pl.col(EVENT_TIME) <= pl.col(AT) + horizon))
        .join(met, on=[USER_ID, MOVIE_ID], how="left")
        .filter(pl.col("met").is_null() | (pl.col("met") > pl.col(AT)))
        .join(places.select(ANSWER, MOVIE_ID, RANK), on=[ANSWER, MOVIE_ID], how="left")
    )


def _spoken(pairs: pl.DataFrame, feedback: FeedbackConfig) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the positives with rank and time of the first good word, and the reactions to what was shown."""
    first = pairs.filter(pl.col(WEIGHT) > 0).group_by(ANSWER, MOVIE_ID).agg(pl.col(EVENT_TIME).min().alias("first"))
    # Most users speak once of a film: only the others need the long sort.
    repeated = pl.struct(ANSWER, MOVIE_ID).is_duplicated()
    settled = pairs.filter(repeated).sort(rank_columns(), nulls_last=False).unique([ANSWER, MOVIE_ID], keep="last")
    positives = (
        pl.concat([pairs.filter(~repeated), settled])
        .filter(pl.col(WEIGHT) > 0)
        .join(first, on=[ANSWER, MOVIE_ID])
        .select(ANSWER, USER_ID, MOVIE_ID, RANK, "first")
    )
    bad = pl.col(KIND).is_in([Kind.DISLIKE.value, Kind.SKIP.value]) | (
        (pl.col(KIND) == Kind.RATING.value) & (pl.col(VALUE) <= feedback.negative_rating)
    )
    reactions = (
        pairs.filter(pl.col(RANK).is_not_null())
        .group_by(ANSWER)
        .agg(pl.lit(value=True).first().alias("reacted"), bad.fill_null(value=False).any().alias("displeased"))
    )
    return positives, reactions


def _found(positives: pl.DataFrame, cutoff: int) -> pl.DataFrame:
    """Return nDCG and hit rate of each answer as the evaluation defines them; see :mod:`movie_mlops.evaluation`."""
    found = positives.group_by(ANSWER).agg(
        pl.len().cast(pl.Int64).alias("positives"), gain(cutoff).sum().alias("gain"), gain(cutoff).max().alias("best")
    )
    return found.select(
        ANSWER,
        "positives",
        (pl.col("gain") / ideal_gains(found["positives"], cutoff)).alias("ndcg"),
        (pl.col("best") > 0).cast(pl.Float64).alias("hit_rate"),
    )


def gain(cutoff: int) -> pl.Expr:
    """Return ``1 / log2(rank + 1)`` over the column rank; 0 below the cut-off and where it is null."""
    within = pl.col(RANK) <= cutoff
    return pl.when(within).then(1.0 / (pl.col(RANK) + 1).cast(pl.Float64).log(2)).otherwise(0.0)


def ideal_gains(counts: pl.Series, cutoff: int) -> pl.Series:
    """Return the gain of the best list for so many positives, at least one each."""
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, cutoff + 2)))
    return pl.Series(ideal[np.minimum(counts.to_numpy(), cutoff) - 1], dtype=pl.Float64)


def _credited(positives: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Give each good word to the last answer before it that showed the film."""
    return (
        positives.filter(pl.col(RANK).is_not_null())
        .join(answers.select(ANSWER, AT), on=ANSWER)
        .sort(AT, ANSWER)
        .unique([USER_ID, MOVIE_ID, "first"], keep="last")
        .group_by(ANSWER)
        .agg(
            pl.len().cast(pl.Int64).alias("credited"),
            ((pl.col("first") - pl.col(AT)).dt.total_microseconds().min() / 1e6).alias("delay_seconds"),
        )
    )


def _repeats(shown: pl.DataFrame) -> pl.DataFrame:
    day = pl.col(AT).dt.date()
    before = day > day.min().over(USER_ID, MOVIE_ID)
    return (
        shown.with_columns(before.alias("again"))
        .group_by(ANSWER)
        .agg(pl.len().cast(pl.Int64).alias("places"), pl.col("again").sum().cast(pl.Int64).alias("repeated"))
    )


def _newcomers(met: pl.DataFrame, films: int) -> pl.DataFrame:
    """Return since when each user had met so many films; null where they have not."""
    sorted_times = pl.col("met").sort()
    return met.group_by(USER_ID).agg(sorted_times.get(films - 1, null_on_oob=True).alias("known_from"))
