"""What users said of answers: the rule by which a word belongs to an answer; frames in, frames out.

A *positive* of an answer is a film that its user had not met before it, and of which their word within the horizon, the
one that counts by the platform's rule of feedback, speaks for it; whether the answer showed it or not. What was done at
the very time of the answer was done before it.

A positive that was shown is *credited* to one answer: the last that showed the film before its user first spoke for it.
So a list that is asked for five times and liked once is one success, not five.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

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


class Outcome(StrEnum):
    """What came of an answer: of all that its user did with its films, what says most.

    ``other`` is a rating in between, or a like for which a later answer that showed the film too is credited.
    """

    LIKED = "liked"
    DISLIKED = "disliked"
    WATCHED = "watched"
    CLICKED = "clicked"
    OTHER = "other"
    NONE = "none"


_TOLD: Final = tuple(one for one in Outcome if one is not Outcome.NONE)
"""The outcomes of which a film was the reason, the first that there is before the others."""


@dataclass(frozen=True)
class Heard:
    """What users said of answers: what can be kept of a join, for it does not depend on when somebody asks.

    Attributes:
        reactions: One row for each answer, by its number: outcome, position (the best place of a film of that outcome;
            null without one), displeased, credited (how many films), delay_seconds (from the answer to the first of
            them), new_user, newest (when the last word was that had a part in it).
        positives: answer, movie_id, rank (from 1; null where it was not shown).
    """

    reactions: pl.DataFrame
    positives: pl.DataFrame

    def beside(self, other: "Heard") -> "Heard":
        """Return both, of different answers, as one."""
        reactions = pl.concat([self.reactions, other.reactions.select(self.reactions.columns)])
        return Heard(reactions, pl.concat([self.positives, other.positives]))


def hear(
    answers: pl.DataFrame,
    words: pl.DataFrame,
    *,
    config: QualityConfig,
    feedback: FeedbackConfig,
    now: datetime | None = None,
) -> Heard:
    """Return what users said of answers; see :func:`~movie_mlops.monitoring.quality.joining.join`.

    Args:
        answers: Of :data:`ANSWERS`; of each of their users all from some time on.
        words: Of :data:`WORDS`; all that each of these users did, each thing once.
        config: The horizon, and who is new.
        feedback: What counts as liking.
        now: What came later is left out; ``None`` leaves nothing out.
    """
    horizon = timedelta(days=config.horizon_days)
    # Of a film that stands in a list twice, which a list should not, the first place counts.
    places = shown_films(answers).unique([ANSWER, MOVIE_ID], keep="first", maintain_order=True)
    met = _met(words)
    known = pl.lit(value=True) if now is None else pl.col(EVENT_TIME) <= now
    later = words.filter(known & (pl.col(EVENT_TIME) > pl.lit(answers[AT].min(), _TIME))).with_columns(
        weight_expression(feedback).alias(WEIGHT)
    )
    spoken = [
        _spoken(_pairs(some, later, met, places, horizon), feedback)
        for some in (answers.clear(), *_slices(answers, later))
    ]
    positives, reactions = (pl.concat(parts) for parts in zip(*spoken, strict=True))
    found = (
        answers.select(ANSWER, USER_ID, AT)
        .join(reactions, on=ANSWER, how="left", maintain_order="left")
        .join(_credited(positives, answers), on=ANSWER, how="left", maintain_order="left")
        .join(_newcomers(met, config.new_films), on=USER_ID, how="left", maintain_order="left")
        .select(
            ANSWER,
            pl.coalesce(
                *(pl.when(pl.col(one).is_not_null()).then(pl.lit(one.value)) for one in _TOLD),
                pl.lit(Outcome.NONE.value),
            ).alias("outcome"),
            pl.coalesce(*(pl.col(one) for one in _TOLD)).alias("position"),
            pl.col("displeased").fill_null(value=False),
            pl.col("credited").fill_null(0),
            "delay_seconds",
            (pl.col("known_from").is_null() | (pl.col("known_from") > pl.col(AT))).alias("new_user"),
            "newest",
        )
    )
    return Heard(found, positives.select(ANSWER, MOVIE_ID, RANK))


def shown_films(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the films of answers, each with its place."""
    return (
        answers.select(ANSWER, USER_ID, AT, pl.col(ITEMS).alias(MOVIE_ID))
        .explode(MOVIE_ID)
        .drop_nulls(MOVIE_ID)
        .with_columns((pl.int_range(pl.len()).over(ANSWER) + 1).alias(RANK))
    )


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
        (pl.col(KIND) == Kind.RATING.value) & (pl.col(VALUE) <= feedback.negative_rating).fill_null(value=False)
    )
    # Of films that were not shown the rank is null, and null is no smallest place.
    best = {
        Outcome.DISLIKED: bad,
        Outcome.WATCHED: pl.col(KIND) == Kind.WATCH.value,
        Outcome.CLICKED: pl.col(KIND).is_in([Kind.CLICK.value, Kind.VIEW.value]),
        Outcome.OTHER: pl.lit(value=True),
    }
    reactions = pairs.group_by(ANSWER).agg(
        *(pl.col(RANK).filter(which).min().alias(one) for one, which in best.items()),
        (bad & pl.col(RANK).is_not_null()).any().alias("displeased"),
        pl.col(EVENT_TIME).max().alias("newest"),
    )
    return positives, reactions


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
            pl.col(RANK).min().alias(Outcome.LIKED),
            ((pl.col("first") - pl.col(AT)).dt.total_microseconds().min() / 1e6).alias("delay_seconds"),
        )
    )


def _newcomers(met: pl.DataFrame, films: int) -> pl.DataFrame:
    """Return since when each user had met so many films; null where they have not."""
    sorted_times = pl.col("met").sort()
    return met.group_by(USER_ID).agg(sorted_times.get(films - 1, null_on_oob=True).alias("known_from"))
