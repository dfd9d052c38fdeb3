"""From the best films to a list: pins, rules of the house, unlike films beside each other, and what is less expected.

A list is filled place by place with the film that is worth the most there (Carbonell and Goldstein, SIGIR 1998):
``(1 - diversity) · relevance - diversity · likeness`` to what the list already holds. Relevance is a film's score
on a scale from 0 to 1 over the pool; by serendipity it gives way to how far the film is from what is popular and from
what was liked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.catalogue import Film
from movie_mlops.serving.likeness import Likeness
from movie_mlops.serving.rules import Ruling
from movie_mlops.serving.scoring import Scored
from movie_mlops.serving.wishes import Wish

_LATEST_LIKES: Final = 10
"""From so many of the films that were liked last serendipity leads away."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A film with its place.

    Attributes:
        film: The film.
        by: What gave it this place: ``score``, ``pin``, ``quota`` or ``dial``.
    """

    film: Film
    by: str


@dataclass(frozen=True, slots=True)
class Arranged:
    """A list, and the rules that it could not keep.

    Attributes:
        placed: The films in order.
        unmet: The quotas for which too few films were left.
        held_back: Whether the rules left places empty although there were films.
    """

    placed: tuple[Placed, ...]
    unmet: tuple[str, ...] = ()
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """The films that a list is chosen from, the best first.

    Attributes:
        positions: int64[n], their catalogue positions.
        values: float32[n], what each is worth after boosts.
        members: float32[members, n], what each is worth to each member of a group, where nobody is to come off badly.
    """

    positions: NDArray[np.int64]
    values: NDArray[np.float32]
    members: NDArray[np.float32] | None = None


def arrange(scored: Scored, pool: Pool, pinned: Sequence[Film], wish: Wish, ruling: Ruling | None) -> Arranged:
    """Fill a list of ``wish.k`` places.

    Args:
        scored: What the pool is taken from.
        pool: The films to choose from; none of them is pinned.
        pinned: The films that come first.
        wish: What is asked for.
        ruling: The rules of the house.
    """
    films = [scored.catalogue.films[position] for position in pool.positions.tolist()]
    worth = _Worth(scored, pool, films, wish)
    house = None if ruling is None or ruling.plain else _House(scored, pool, ruling, wish.k)
    placed: list[Placed] = []
    for film in pinned[: wish.k]:
        placed.append(Placed(film, "pin"))
        worth.take(film)
        if house is not None:
            house.take(film)
    left = np.ones(len(films), dtype=np.bool_)
    while len(placed) < wish.k and left.any():
        may, forced = (left, False) if house is None else house.may(left, wish.k - len(placed))
        if not may.any():
            break
        best = worth.best(may)
        # What stood first by its score alone was not moved by a dial.
        by = "quota" if forced else "score" if not worth.dialled or best == int(np.argmax(left)) else "dial"
        placed.append(Placed(films[best], by))
        left[best] = False
        worth.take(films[best], best)
        if house is not None:
            house.take(films[best], best)
    short = len(placed) < wish.k
    return Arranged(tuple(placed), () if house is None else house.unmet(), short and bool(left.any()))


class _Worth:
    """What each film of a pool is worth at the next place."""

    def __init__(self, scored: Scored, pool: Pool, films: Sequence[Film], wish: Wish) -> None:
        self._diversity = np.float32(wish.diversity)
        self._members = None if pool.members is None else _scaled(pool.members)
        self._given = None if self._members is None else np.zeros((len(self._members), 1), np.float32)
        self._relevance = _scaled(pool.values)
        self._likeness = Likeness(scored, films) if wish.diversity or wish.serendipity else None
        if wish.serendipity and self._likeness is not None:
            fame: NDArray[np.float32] = scored.catalogue.fame[pool.positions]
            novelty = (2 - fame - _closest(scored, self._likeness, len(films))) / np.float32(2)
            share = np.float32(wish.serendipity)
            self._relevance = (1 - share) * self._relevance + share * _scaled(novelty)
        self._nearest = np.zeros(len(films), np.float32)
        self.dialled = bool(wish.diversity or wish.serendipity)

    def best(self, may: NDArray[np.bool_]) -> int:
        """Return which of the films that may come is worth the most; of equals the first."""
        relevance = self._relevance
        if self._members is not None and self._given is not None:
            # Who would have got least of the list with this film in it, and a little for everybody.
            least: NDArray[np.float32] = (self._given + self._members).min(axis=0)
            everybody: NDArray[np.float32] = self._members.mean(axis=0)
            relevance = _scaled(least + everybody / np.float32(1000))
        worth = (1 - self._diversity) * relevance - self._diversity * self._nearest
        return int(np.argmax(np.where(may, worth, -np.inf)))

    def take(self, film: Film, place: int | None = None) -> None:
        """Note that a film is in the list."""
        if self._diversity and self._likeness is not None:
            np.maximum(self._nearest, self._likeness.to(film), out=self._nearest)
        if place is not None and self._members is not None and self._given is not None:
            self._given += self._members[:, [place]]


class _House:
    """What the rules allow at the next place."""

    def __init__(self, scored: Scored, pool: Pool, ruling: Ruling, k: int) -> None:
        catalogue = scored.catalogue
        self._rules = ruling.rules
        self._catalogue = catalogue
        self._names = catalogue.genres
        self._genres = catalogue.genres_of(pool.positions)
        self._genre_counts = np.zeros(len(self._names), np.int64)
        self._directors = [catalogue.films[position].directors for position in pool.positions.tolist()]
        self._director_counts: Counter[str] = Counter()
        self._quota_masks = ruling.quotas
        quotas = [mask[pool.positions] for mask in ruling.quotas]
        self._quotas = np.array(quotas, np.bool_).reshape(len(quotas), len(pool.positions))
        self._needed = np.array(ruling.needed(k), np.int64)
        self._counted = np.zeros(len(ruling.quotas), np.int64)

    def may(self, left: NDArray[np.bool_], places: int) -> tuple[NDArray[np.bool_], bool]:
        """Return which of the films that are left may come next, and whether a quota leaves no other choice."""
        may = left & ~self._full()
        # A quota holds no place that nothing is left for.
        wanting = np.minimum(np.maximum(self._needed - self._counted, 0), (self._quotas & may).sum(axis=1))
        if wanting.sum() < places or not wanting.any():
            return may, False
        return may & self._quotas[wanting > 0].any(axis=0), True

    def take(self, film: Film, place: int | None = None) -> None:
        """Count a film of the list."""
        position = self._catalogue.position(film.movie_id)
        self._genre_counts += np.array([name in film.genres for name in self._names], np.int64)
        self._director_counts.update(film.directors)
        if place is not None:
            self._counted += self._quotas[:, place]
        else:
            self._counted += np.array([mask[position] for mask in self._quota_masks], np.int64)

    def unmet(self) -> tuple[str, ...]:
        """Return the quotas that the list does not keep."""
        names = [quota.name for quota in self._rules.quotas]
        kept = (self._counted >= self._needed).tolist()
        return tuple(name for name, met in zip(names, kept, strict=True) if not met)

    def _full(self) -> NDArray[np.bool_]:
        full = np.zeros(len(self._directors), dtype=np.bool_)
        if (most := self._rules.most_per_genre) is not None:
            full |= self._genres[:, self._genre_counts >= most].any(axis=1)
        if (most := self._rules.most_per_director) is not None:
            stopped = {name for name, count in self._director_counts.items() if count >= most}
            if stopped:
                full |= np.array([not stopped.isdisjoint(names) for names in self._directors], np.bool_)
        return full


def _closest(scored: Scored, likeness: Likeness, films: int) -> NDArray[np.float32]:
    """Return how much each film of the pool is like the nearest of the films that were liked last."""
    closest = np.zeros(films, np.float32)
    if scored.told is None or scored.model is None:
        return closest
    told = scored.told
    liked = np.flatnonzero(told.weights > 0)
    latest = liked[np.argsort(told.times[liked], kind="stable")][-_LATEST_LIKES:]
    for movie_id in scored.model.movie_ids[told.items[latest]].tolist():
        film = scored.catalogue.get(movie_id)
        if film is not None:
            np.maximum(closest, likeness.to(film), out=closest)
    return closest


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values brought to a scale from 0 to 1, each row by itself; 1 where they are all the same."""
    if not values.size:
        return values
    low = values.min(axis=-1, keepdims=True)
    span = values.max(axis=-1, keepdims=True) - low
    scaled: NDArray[np.float32] = np.divide(values - low, span, out=np.ones_like(values), where=span > 0)
    return scaled
