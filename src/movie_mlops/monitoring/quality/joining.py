"""Answers joined with what their users did afterwards: frames in, frames out; no store, no clock.

What users said of them is heard by :mod:`~movie_mlops.monitoring.quality.hearing`, now or when it came in; here it
becomes what the figures are made of.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.features import FeedbackConfig
from movie_mlops.monitoring.quality.config import QualityConfig
from movie_mlops.monitoring.quality.hearing import ANSWER, AT, ITEMS, RANK, Heard, Outcome, hear, shown_films


@dataclass(frozen=True)
class Joined:
    """What came of answers.

    Attributes:
        outcomes: The answers in the order of their numbers, with: final (the horizon is over), lately (in the last
            quarter of the days that are judged), positives, ndcg and hit_rate (null without a positive), reacted, what
            :class:`Heard` tells of each, places and repeated (places whose film was shown on an earlier day).
        positives: answer, movie_id, rank (from 1; null where it was not shown).
        exposure: movie_id, shown (in how many lists).
    """

    outcomes: pl.DataFrame
    positives: pl.DataFrame
    exposure: pl.DataFrame


def join(
    answers: pl.DataFrame,
    words: pl.DataFrame,
    *,
    now: datetime,
    config: QualityConfig,
    feedback: FeedbackConfig,
    heard: Heard | None = None,
) -> Joined:
    """Join answers with what their users did.

    Args:
        answers: Of :data:`ANSWERS`; all that each of their users was given.
        words: Of :data:`WORDS`; all that each of these users did, each thing once.
        now: What came later is not known yet.
        config: Horizon and cut-off.
        feedback: What counts as liking.
        heard: What was kept of users of whom everything is kept; their words are not needed.
    """
    horizon = timedelta(days=config.horizon_days)
    if heard is None:
        heard = hear(answers, words, now=now, config=config, feedback=feedback)
    else:
        others = answers.join(heard.reactions, on=ANSWER, how="anti", maintain_order="left")
        heard = heard.beside(hear(others, words, now=now, config=config, feedback=feedback))
    shown = shown_films(answers)
    outcomes = (
        answers.drop(ITEMS)
        .with_columns((pl.col(AT) + horizon <= now).alias("final"))
        .join(_found(heard.positives, config.cutoff), on=ANSWER, how="left", maintain_order="left")
        .join(heard.reactions.drop("newest"), on=ANSWER, how="left", maintain_order="left")
        .join(_repeats(shown), on=ANSWER, how="left", maintain_order="left")
        .with_columns(
            pl.col("positives", "places", "repeated").fill_null(0),
            (pl.col("outcome") != Outcome.NONE).alias("reacted"),
            (pl.col(AT) + horizon > now - timedelta(days=config.days / 4)).alias("lately"),
        )
        .sort(ANSWER)
    )
    exposure = shown.group_by(MOVIE_ID).agg(pl.len().cast(pl.Int64).alias("shown"))
    return Joined(outcomes, heard.positives, exposure)


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


def _repeats(shown: pl.DataFrame) -> pl.DataFrame:
    day = pl.col(AT).dt.date()
    before = day > day.min().over(USER_ID, MOVIE_ID)
    return (
        shown.with_columns(before.alias("again"))
        .group_by(ANSWER)
        .agg(pl.len().cast(pl.Int64).alias("places"), pl.col("again").sum().cast(pl.Int64).alias("repeated"))
    )
