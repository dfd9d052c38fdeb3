"""What a feature can be made of: streams of numbers that interactions say, each in two forms.

A measure turns an interaction into a whole number, or into nothing where it does not count. The columnar form is a
polars expression; the other form is a function of one :class:`Seen`. Numbers are whole (stars in units of 2**-16), so
that sums are exact: no order, no grouping and no machine can change a bit of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl

from movie_mlops.core.columns import GENRES, KIND, VALUE, WEIGHT, YEAR
from movie_mlops.core.nouns import Kind


class Source(StrEnum):
    """Which interactions of a user and a film a measure sees."""

    EVENTS = "events"
    """Every one, as it happened; none is ever taken back."""
    WORDS = "words"
    """The one that counts, as ``features.feedback`` says it; a later word takes an earlier one back."""
    RATINGS = "ratings"
    """The rating that counts among the ratings."""


class Film(NamedTuple):
    """What is known of a film, for conditions.

    Attributes:
        genres: Its genres.
        year: The year it came out, where known.
    """

    genres: tuple[str, ...] = ()
    year: int | None = None


UNKNOWN_FILM: Final = Film()
"""A film of which nothing is known."""


class Seen(NamedTuple):
    """One interaction, as measures see it.

    Attributes:
        kind: What was done.
        value: Its stars or watched fraction, in single precision.
        weight: What it weighs, as ``features.weigh`` says it.
        time: Microseconds since 1970 when it happened; ``None`` where unknown.
        movie_id: The film.
        film: What is known of it.
    """

    kind: Kind
    value: float | None
    weight: float
    time: int | None
    movie_id: int
    film: Film


@dataclass(frozen=True)
class Condition:
    """A kind of film.

    Attributes:
        name: What it is called in the names of aggregations; equal names mean the same.
        column: The columnar form, over the columns ``genres`` and ``year``; true or false, never null.
        holds: The same of one film.
    """

    name: str
    column: pl.Expr = field(compare=False, repr=False)
    holds: Callable[[Film], bool] = field(compare=False, repr=False)


def genre(name: str) -> Condition:
    """Return the condition that a film is of a genre."""
    has_it = pl.col(GENRES).list.contains(name).fill_null(value=False)
    return Condition(f"genre {name}", has_it, lambda film: name in film.genres)


def decade(first_year: int) -> Condition:
    """Return the condition that a film came out in the ten years from ``first_year``."""
    years = range(first_year, first_year + 10)
    column = pl.col(YEAR).is_between(years[0], years[-1]).fill_null(value=False)
    return Condition(f"decade {first_year}", column, lambda film: film.year in years)


@dataclass(frozen=True)
class Measure:
    """A stream of numbers, one for each interaction that counts.

    Attributes:
        name: What it is called in the names of aggregations; equal names mean the same.
        source: Which interactions it sees.
        reads: The kinds that it learns from.
        unit: How many make one: 65536 for stars.
        column: The columnar form over ``kind``, ``value`` and ``weight``: Int64, null where it does not count.
        number: The same of one interaction.
        condition: The films that it is about; ``None`` for all.
    """

    name: str
    source: Source
    reads: frozenset[Kind]
    unit: int
    column: pl.Expr = field(compare=False, repr=False)
    number: Callable[[Seen], int | None] = field(compare=False, repr=False)
    condition: Condition | None = None

    def where(self, condition: Condition) -> "Measure":
        """Return this measure over films of one kind only."""
        return replace(self, condition=condition)

    def everywhere(self) -> "Measure":
        """Return this measure over all films."""
        return replace(self, condition=None)

    def of(self, seen: Seen) -> int | None:
        """Return the number that ``seen`` says, or ``None`` where it does not count."""
        if self.condition is not None and not self.condition.holds(seen.film):
            return None
        return self.number(seen)

    def __str__(self) -> str:
        return self.name if self.condition is None else f"{self.name} where {self.condition.name}"


STAR: Final = 2**16
"""The unit of stars: means and spreads of half stars, tenths and hundredths lose nothing that matters to it."""

_ALL: Final = frozenset(Kind)


def _stars(seen: Seen) -> int | None:
    if seen.kind is not Kind.RATING or seen.value is None or not math.isfinite(seen.value):
        return None
    return math.floor(seen.value * STAR + 0.5)


_VALUE: Final = pl.col(VALUE).cast(pl.Float64)

EVERYTHING: Final = Measure("everything", Source.EVENTS, _ALL, 1, pl.lit(1, pl.Int64), lambda _seen: 1)
"""1 for every interaction."""

LIKES: Final = Measure(
    "likes",
    Source.WORDS,
    _ALL,
    1,
    pl.when(pl.col(WEIGHT) > 0).then(pl.lit(1, pl.Int64)),
    lambda seen: 1 if seen.weight > 0 else None,
)
"""1 for every (user, film) on which the word that counts is positive."""

STARS: Final = Measure(
    "stars",
    Source.RATINGS,
    frozenset({Kind.RATING}),
    STAR,
    pl.when((pl.col(KIND) == Kind.RATING.value) & _VALUE.is_finite()).then(
        (_VALUE * STAR + 0.5).floor().cast(pl.Int64)
    ),
    _stars,
)
"""The stars of every (user, film) that was rated: the latest rating."""
