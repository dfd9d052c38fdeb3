"""Figures of many answers, from sums alone: what is kept grows with the number of groups, not with the users.

Users are the sample, for the answers of one user are alike. With ``y_u`` and ``n_u`` what a user adds to the top and
the bottom of a ratio ``r = sum y / sum n``, the delta method gives ``var r = U / (U - 1) * sum (y_u - r n_u)**2 /
(sum n)**2`` for U users (Deng, Knoblich and Lu, *Applying the delta method in metric analytics*, KDD 2018), which needs
six sums. The intervals of means are Student's with ``U - 1`` degrees of freedom, cut where no value can lie. Shares may
be near 0 or 1, where that would promise too much: theirs are the exact binomial ones of as many independent answers as
have the same variance (Korn and Graubard, *Confidence intervals for proportions with small expected number of positive
counts estimated from survey data*, Survey Methodology 1998).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import special

from movie_mlops.core.columns import USER_ID
from movie_mlops.monitoring.quality.hearing import ANSWER, RANK
from movie_mlops.monitoring.quality.joining import gain, ideal_gains

EVERYTHING: Final = "everything"
"""The group of all answers, and the name of its only member."""

_SUMS: Final = ("users", "y", "n", "yy", "yn", "nn")
_KEY: Final = ("measure", "group", "member")

_FINAL: Final = pl.col("final")
_JUDGED: Final = _FINAL & (pl.col("positives") > 0)

_MEANS: Final[Mapping[str, pl.Expr]] = {"ndcg": pl.col("ndcg"), "hit_rate": pl.col("hit_rate")}
"""Means over users of each user's mean, over final answers after which there was something to find."""

_RATIOS: Final[Mapping[str, tuple[pl.Expr, pl.Expr, pl.Expr]]] = {
    "hit_ratio": (_FINAL, pl.col("credited") > 0, pl.lit(1)),
    "likes_per_answer": (_FINAL, pl.col("credited"), pl.lit(1)),
    "unanswered": (_FINAL, ~pl.col("reacted"), pl.lit(1)),
    "displeased": (_FINAL, pl.col("displeased"), pl.lit(1)),
    "fallbacks": (pl.lit(value=True), pl.col("source") == "popular", pl.lit(1)),
    "empty": (pl.lit(value=True), pl.col("places") == 0, pl.lit(1)),
    "repeats": (pl.lit(value=True), pl.col("repeated"), pl.col("places")),
}
"""Sums over answers: of which, what, over what."""

_SHARES: Final = frozenset(_RATIOS) - {"likes_per_answer"}

MEASURES: Final = (*_MEANS, *_RATIOS)


@dataclass(frozen=True)
class Figure:
    """A number of some answers, with its interval.

    Attributes:
        value: The number.
        low: Lower end of the interval.
        high: Upper end.
        users: How many users it rests on.
        answers: How many of their answers, or places for a share of places; 0 for a mean over users.
    """

    value: float
    low: float
    high: float
    users: int
    answers: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data; an interval without an end there ends in ``None``."""
        return {**vars(self), "high": self.high if np.isfinite(self.high) else None}


class Tally:
    """Adds up what came of answers, page by page; all of a user's answers are on one page.

    Args:
        cutoff: Length of the lists.
        genres: movie_id and genres of the films.
    """

    def __init__(self, cutoff: int, genres: pl.DataFrame | None = None) -> None:
        self._cutoff = cutoff
        self._genres = genres
        self._sums = pl.DataFrame(schema={**dict.fromkeys(_KEY, pl.String()), **dict.fromkeys(_SUMS, pl.Float64())})

    def add(self, outcomes: pl.DataFrame, positives: pl.DataFrame) -> None:
        """Add what :func:`~movie_mlops.monitoring.quality.joining.join` found on a page."""
        rows = outcomes.with_columns(
            pl.lit(EVERYTHING).alias(EVERYTHING),
            pl.when("new_user").then(pl.lit("new")).otherwise(pl.lit("known")).alias("users"),
            pl.when("lately").then(pl.lit("lately")).otherwise(pl.lit("before")).alias("time"),
            pl.col("at").dt.date().cast(pl.String).alias("day"),
        ).with_columns(pl.concat_str("day", "release", separator="|").alias("day and release"))
        parts = [self._sums]
        for group in (EVERYTHING, "release", "arm", "users", "source", "time", "day and release"):
            parts += [_by_user(rows, group, name) for name in MEASURES]
        comparable = rows.filter("comparable").with_columns(pl.col("release").alias("promise"))
        parts += [_by_user(comparable, "promise", name) for name in _MEANS]
        if self._genres is not None:
            parts.append(self._by_genre(rows, positives, self._genres))
        self._sums = pl.concat(parts).group_by(_KEY).agg(pl.col(_SUMS).sum())

    def figures(self, measure: str, group: str = EVERYTHING, *, level: float = 0.95) -> dict[str, Figure]:
        """Return a measure by the members of a group, in the order of their names; who has none is not there."""
        rows = self._sums.filter((pl.col("measure") == measure) & (pl.col("group") == group) & (pl.col("n") > 0))
        return {row["member"]: _figure(row, measure, level) for row in rows.sort("member").iter_rows(named=True)}

    def figure(self, measure: str, *, level: float = 0.95) -> Figure | None:
        """Return a measure of all answers; ``None`` where there is nothing to measure."""
        return self.figures(measure, level=level).get(EVERYTHING)

    def _by_genre(self, rows: pl.DataFrame, positives: pl.DataFrame, genres: pl.DataFrame) -> pl.DataFrame:
        """Add up nDCG with nothing but the films of one genre to be found, as the evaluation slices it."""
        found = (
            positives.join(rows.filter(_JUDGED).select(ANSWER, USER_ID), on=ANSWER)
            .join(genres.explode("genres").drop_nulls("genres"), on="movie_id")
            .group_by(ANSWER, USER_ID, pl.col("genres").alias("genre"))
            .agg(pl.len().cast(pl.Int64).alias("positives"), gain(self._cutoff).sum().alias("gain"))
        )
        measured = found.with_columns(
            (pl.col("gain") / ideal_gains(found["positives"], self._cutoff)).alias("ndcg"),
            pl.lit(value=True).alias("final"),
        )
        return _by_user(measured.drop(RANK, strict=False), "genre", "ndcg")


def _by_user(rows: pl.DataFrame, group: str, measure: str) -> pl.DataFrame:
    """Return the six sums of a measure over users, by member."""
    if measure in _MEANS:
        per_user = rows.filter(_JUDGED).group_by(group, USER_ID).agg(_MEANS[measure].mean().alias("y"), n=pl.lit(1.0))
    else:
        which, top, bottom = _RATIOS[measure]
        per_user = (
            rows.filter(which)
            .select(group, USER_ID, y=top.cast(pl.Float64), n=bottom.cast(pl.Float64))
            .group_by(group, USER_ID)
            .agg(pl.col("y", "n").sum())
        )
    y, n = pl.col("y"), pl.col("n")
    return (
        per_user.group_by(pl.col(group).fill_null("none").alias("member"))
        .agg(
            pl.len().cast(pl.Float64).alias("users"),
            y.sum(),
            n.sum(),
            (y * y).sum().alias("yy"),
            (y * n).sum().alias("yn"),
            (n * n).sum().alias("nn"),
        )
        .select(pl.lit(measure).alias("measure"), pl.lit(group).alias("group"), "member", *_SUMS)
    )


def _figure(sums: Mapping[str, Any], measure: str, level: float) -> Figure:
    users, n = int(sums["users"]), sums["n"]
    value, answers = sums["y"] / n, 0 if measure in _MEANS else int(n)
    if users <= 1:
        # One user says nothing of others.
        return Figure(value, 0.0, np.inf if measure == "likes_per_answer" else 1.0, users, answers)
    squares = max(sums["yy"] - 2 * value * sums["yn"] + value * value * sums["nn"], 0.0)
    variance = squares * users / (users - 1) / n**2
    if measure in _SHARES:
        return Figure(value, *_share(value, variance, users, n, level), users, answers)
    reach = float(special.stdtrit(users - 1, (1 + level) / 2) * np.sqrt(variance))
    most = np.inf if measure == "likes_per_answer" else 1.0
    return Figure(value, max(value - reach, 0.0), min(value + reach, most), users, answers)


def _share(value: float, variance: float, users: int, n: float, level: float) -> tuple[float, float]:
    """Return the exact interval of a share, for as many independent answers as have this variance."""
    # With the same outcome everywhere nothing is known of the variance: then each user is one answer.
    size = value * (1 - value) / variance if variance > 0 else float(users)
    student = special.stdtrit(np.array([n - 1, users - 1.0]), (1 + level) / 2)
    size = min(size * float(student[0] / student[1]) ** 2, n)
    hits, tail = value * size, (1 - level) / 2
    low = 0.0 if hits <= 0 else float(special.betaincinv(hits, size - hits + 1, tail))
    high = 1.0 if hits >= size else float(special.betaincinv(hits + 1, size - hits, 1 - tail))
    return low, high


def exposure_of(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return how often each film was shown on several pages together."""
    return pl.concat(parts).group_by("movie_id").agg(pl.col("shown").sum())
