"""What people do with a list, and what they say of it: every kind of feedback, from the known truth."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest.sample import draw_stars, draw_watched
from movie_mlops.recommenders import NO_ITEM
from movie_mlops.simulation.population import Floats, Population, Truth

_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_GENERATION: Final = timedelta(days=7)
# After a film: who rates it; of those who do not, who likes it when it was good, and dislikes it when it was bad.
_RATES: Final = 0.25
_SAYS: Final = 0.35
_GOOD: Final = 4.0
_BAD: Final = 2.5
# Who looks at a film and does not watch it says so this often; otherwise nothing is heard.
_SKIPS: Final = 0.5
# How strongly taste, beside what is talked about, decides what somebody finds without a recommender.
_TASTE_OF_FINDING: Final = 1.7


@dataclass(frozen=True)
class Answers:
    """What people did with their lists.

    Attributes:
        examined: bool[users, k], the places that were looked at.
        watched: bool[users, k], of them those whose film was watched.
        words: What was said: the columns of the table ``interactions`` that feedback is made of.
    """

    examined: NDArray[np.bool_]
    watched: NDArray[np.bool_]
    words: pl.DataFrame


def examination(k: int, power: float) -> Floats:
    """Return float64[k]: how probable it is that each place of a list is looked at, whatever stands there."""
    chance: Floats = np.arange(1, k + 1, dtype=np.float64) ** -power
    return chance


def answer(
    population: Population, truth: Truth, lists: NDArray[np.int32], chance: Floats, rng: np.random.Generator
) -> Answers:
    """Have people read their lists.

    Args:
        population: Who they are.
        truth: What they think.
        lists: int32[users, k].
        chance: float64[k], see :func:`examination`.
        rng: Where chance comes from.
    """
    is_film = lists != NO_ITEM
    examined = (rng.random(lists.shape) < chance) & is_film
    rows = np.arange(len(lists))[:, None]
    watched = examined & (rng.random(lists.shape) < truth.watching[rows, np.maximum(lists, 0)])
    user, place = np.nonzero(watched)
    said = _words_after_watching(truth, user, lists[user, place].astype(np.int64), rng)
    user, place = np.nonzero(examined & ~watched & (rng.random(lists.shape) < _SKIPS))
    skipped = _Words(user, lists[user, place].astype(np.int64), Kind.SKIP)
    return Answers(examined, watched, _frame(population, [*said, skipped]))


def find(
    population: Population, truth: Truth, count: Floats, seen: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], pl.DataFrame]:
    """Have people find films without a recommender: what is talked about, and what they like.

    Args:
        population: Who they are.
        truth: What they think.
        count: float64[users], how many each finds on average.
        seen: bool[users, films], what each has met already.
        rng: Where chance comes from.

    Returns:
        bool[users, films], which they watched, and what they said.
    """
    weight = np.exp(population.fame + _TASTE_OF_FINDING * truth.match) * ~seen
    weight *= count[:, None] / np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    found = rng.random(weight.shape) < -np.expm1(-weight)
    user, film = np.nonzero(found)
    return found, _frame(population, _words_after_watching(truth, user, film, rng))


@dataclass(frozen=True)
class _Words:
    """Words of one kind: who, of which film, and how much where the kind has a value."""

    user: NDArray[np.int64]
    film: NDArray[np.int64]
    kind: Kind
    value: Floats | None = None


def _words_after_watching(
    truth: Truth, user: NDArray[np.int64], film: NDArray[np.int64], rng: np.random.Generator
) -> list[_Words]:
    stars = draw_stars(truth.opinion[user, film], rng)
    part = draw_watched(stars, rng)
    rates = rng.random(user.size) < _RATES
    says = ~rates & (rng.random(user.size) < _SAYS)
    likes, dislikes = says & (stars >= _GOOD), says & (stars <= _BAD)
    return [
        _Words(user, film, Kind.WATCH, part),
        _Words(user[rates], film[rates], Kind.RATING, stars[rates]),
        _Words(user[likes], film[likes], Kind.LIKE),
        _Words(user[dislikes], film[dislikes], Kind.DISLIKE),
    ]


def _frame(population: Population, words: list[_Words]) -> pl.DataFrame:
    """Return words as rows; all of a generation are said at its time, those after watching behind the watching."""
    at = _START + population.generation * _GENERATION
    films = population.films[c.MOVIE_ID]
    frames = [
        pl.DataFrame(
            {
                c.USER_ID: _names(population.people[each.user]),
                c.MOVIE_ID: films.gather(each.film),
                c.KIND: [each.kind.value] * each.user.size,
                c.VALUE: [None] * each.user.size if each.value is None else each.value,
            },
            schema={c.USER_ID: pl.String, c.MOVIE_ID: pl.Int64, c.KIND: pl.String, c.VALUE: pl.Float32},
        )
        for each in words
    ]
    time = pl.lit(at).dt.cast_time_unit("us")
    return pl.concat(frames).with_columns(time.alias(c.EVENT_TIME), time.alias(c.INGESTED_AT))


def _names(people: NDArray[np.int64]) -> list[str]:
    return [f"p{number:06d}" for number in people.tolist()]
