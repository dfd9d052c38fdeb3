"""Who is near whom, as of any time: the neighbourhoods of ``co_watch.py``, counted over columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features.co_watch import CLOSENESS, CoWatch, Float, Int, Neighbours
from movie_mlops.features.lookups import Segments

Bool = NDArray[np.bool_]

_CELLS: Final = 2**25
"""So many pair counts are held at once, at most: 128 MB."""
_PRODUCT: Final = 2**21
"""Pairs are counted for as many films at once as have so many cells, at most: 60 MB while they are."""
_PAIRS: Final = 2**22
"""So many (row, like) pairs are looked at at once."""
_ROWS: Final = 256
_NOBODY: Final = -1


@dataclass(frozen=True)
class Likes:
    """Who liked what from when until when, in order of user, time and film.

    Attributes:
        user: int64[n], each in 0 … ``users`` - 1.
        time: int64[n], when it was said.
        film: int64[n].
        begins: int64[n], from when on it is known; never before ``time``.
        ends: int64[n], when another word took its place.
        users: How many users there are.
    """

    user: Int
    time: Int
    film: Int
    begins: Int
    ends: Int
    users: int

    @classmethod
    def of(cls, user: Int, time: Int, film: Int, begins: Int, ends: Int, users: int) -> Self:  # noqa: PLR0917
        """Return likes that come in any order."""
        order = np.lexsort((film, time, user))
        return cls(user[order], time[order], film[order], begins[order], ends[order], users)

    def last(self, at: int, length: int) -> Self:
        """Return the last ``length`` likes of each user as they are known at a time, as if they had always been."""
        chosen = self.window(at, length)
        return self._always(self.user[chosen], self.film[chosen], self.users)

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Return the likes of different users, each part as :meth:`last` gives it, as one."""
        first = np.cumsum([0, *(part.users for part in parts)])
        user = np.concatenate([part.user + start for part, start in zip(parts, first[:-1], strict=True)])
        return cls._always(user, np.concatenate([part.film for part in parts]), int(first[-1]))

    @classmethod
    def _always(cls, user: Int, film: Int, users: int) -> Self:
        always, never = np.broadcast_to(np.int64(0), len(user)), np.broadcast_to(np.iinfo(np.int64).max, len(user))
        return cls(user, always, film, always, never, users)

    def window(self, at: int, length: int) -> Bool:
        """Return bool[n], the last ``length`` likes of each user as they are known at a time."""
        alive = np.flatnonzero((self.begins <= at) & (at < self.ends))
        kept = alive[_from_the_end(self.user[alive], self.users) < length]
        chosen = np.zeros(len(self.user), np.bool_)
        chosen[kept] = True
        return chosen

    def histories(self, user: Int, at: Int, length: int) -> Int:
        """Return the films of each row's last ``length`` likes, int64[rows, length]; -1 where there are fewer."""
        segments = Segments(self.user, self.time, self.users)
        # What was said later than a row's time is not known at it.
        stop = segments.positions(user, at)
        found, rows = np.full((len(user), length), _NOBODY), np.arange(len(user))
        # Mostly the last are alive: more is looked at only where some are not.
        for look in (length + 8, len(self.user)):
            start = np.maximum(segments.starts[user[rows]], stop[rows] - look)
            enough = np.zeros(len(rows), np.bool_)
            for first, last in _chunks(stop[rows] - start):
                some = rows[first:last]
                found[some] = self._alive(start[first:last], stop[some], at[some], length)
                enough[first:last] = (found[some, -1] != _NOBODY) | (start[first:last] == segments.starts[user[some]])
            rows = rows[~enough]
        return found

    def _alive(self, start: Int, stop: Int, at: Int, length: int) -> Int:
        """Return the films of the last ``length`` places from ``start`` to ``stop`` that are alive, the last first."""
        many = stop - start
        row = np.repeat(np.arange(len(many)), many)
        place = np.arange(len(row)) + np.repeat(start - (np.cumsum(many) - many), many)
        alive = (self.begins[place] <= at[row]) & (at[row] < self.ends[place])
        row, place = row[alive], place[alive]
        back = _from_the_end(row, len(many))
        found = np.full((len(many), length), _NOBODY)
        kept = back < length
        found[row[kept], back[kept]] = self.film[place[kept]]
        return found


class Neighbourhoods:
    """The neighbours of some films, moved from one time to a later one.

    Args:
        model: What counts.
        likes: Of everybody.
        films: int64[n], ascending: whose neighbours are asked for; memory grows with them.
    """

    def __init__(self, model: CoWatch, likes: Likes, films: Int) -> None:
        self._model = model
        self._likes = likes
        self.films = films
        self.others = np.union1d(likes.film, films)
        self._code = np.searchsorted(self.others, likes.film)
        self._own = np.searchsorted(self.others, films)
        self._both = np.zeros(len(films) * len(self.others), np.int32)
        self._root = np.zeros(len(self.others))
        self._window = np.zeros(len(likes.user), np.bool_)

    def move(self, at: int) -> None:
        """Go to another time: only the users whose last likes are others are counted again."""
        window = self._likes.window(at, self._model.window)
        users = np.zeros(self._likes.users, np.bool_)
        users[self._likes.user[window != self._window]] = True
        changed = users[self._likes.user]
        for sign, counted in ((1, window & changed), (-1, self._window & changed)):
            for cells, many in self._pairs(np.flatnonzero(counted)):
                self._both[cells] += sign * many
        self._window = window
        self._root = np.sqrt(np.bincount(self._code[window], minlength=len(self.others)))

    def near(self, rows: Int) -> tuple[Float, NDArray[np.int32]]:
        """Return how near every film is to some of :attr:`films`, 0 where it is none of theirs, and the users of both.

        Args:
            rows: Places in :attr:`films`.

        Returns:
            float64 and int32, both [rows, others].
        """
        own = self._own[rows]
        both = self._both.reshape(len(self.films), -1)[rows]
        both[np.arange(len(rows)), own] = 0
        near = both / (self._root[own][:, None] * self._root[None, :] + self._model.shrinkage)
        near[~_greatest(near, self._model.neighbours)] = 0.0
        return near, both

    def __iter__(self) -> Iterator[tuple[int, Neighbours]]:
        """Yield every film that has neighbours, with them."""
        for start in range(0, len(self.films), _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(self.films)))
            near, both = self.near(rows)
            for place, row in enumerate(rows.tolist()):
                if len(found := np.flatnonzero(near[place])):
                    users = both[place, found].astype(np.int64)
                    yield int(self.films[row]), Neighbours(self.others[found], users, near[place, found])

    def _pairs(self, places: Int) -> Iterator[tuple[Int, NDArray[np.int32]]]:
        """Yield the cells of the pairs among likes, and how many users each has, some films at a time."""
        from scipy.sparse import csr_array  # noqa: PLC0415 - heavy, and only here

        ones = np.ones(len(places), np.int32)
        shape = (self._likes.users, len(self.others))
        said = csr_array((ones, (self._likes.user[places], self._code[places])), shape=shape)
        own = said[:, self._own].T.tocsr()
        step = max(1, _PRODUCT // len(self.others))
        for start in range(0, len(self._own), step):
            pairs = (own[start : start + step] @ said).tocoo()
            rows = pairs.row.astype(np.int64) + start
            yield rows * len(self.others) + pairs.col, pairs.data.astype(np.int32)


def slabs(films: Int, likes: Likes) -> Iterator[Int]:
    """Yield films, as many at a time as :class:`Neighbourhoods` may hold."""
    step = max(1, _CELLS // max(1, len(np.unique(likes.film))))
    for start in range(0, len(films), step):
        yield films[start : start + step]


def closeness_of_rows(model: CoWatch, likes: Likes, user: Int, at: Int, film: Int) -> Float:
    """Return :data:`CLOSENESS` of each row, float64[rows, 4].

    Args:
        model: What counts.
        likes: Of everybody.
        user: int64[rows], whose rows.
        at: int64[rows], microseconds since 1970.
        film: int64[rows].
    """
    found = np.zeros((len(user), len(CLOSENESS)))
    period = model.starts(at)
    for films in slabs(np.unique(film), likes):
        hoods = Neighbourhoods(model, likes, films)
        rows = np.flatnonzero((film >= films[0]) & (film <= films[-1]))
        rows = rows[np.lexsort((film[rows], period[rows]))]
        for start, stop in _runs(period[rows]):
            hoods.move(int(period[rows[start]]))
            for first in range(start, stop, _ROWS):
                some = rows[first : min(first + _ROWS, stop)]
                histories = likes.histories(user[some], at[some], model.window)
                found[some] = _closeness(hoods, film[some], histories)
    return found


def _closeness(hoods: Neighbourhoods, film: Int, history: Int) -> Float:
    """Return :data:`CLOSENESS` of some rows, from their films and their last likes (-1 where there are fewer)."""
    films, row = np.unique(film, return_inverse=True)
    near, both = hoods.near(np.searchsorted(hoods.films, films))
    there = (history != _NOBODY) & (history != film[:, None])
    column = np.where(there, np.searchsorted(hoods.others, history), 0)
    nearness = np.where(there, near[row[:, None], column], 0.0)
    users = np.where(nearness > 0, both[row[:, None], column], 0)
    return np.column_stack(
        [there.sum(axis=1), nearness.max(axis=1, initial=0.0), nearness.sum(axis=1), users.sum(axis=1)]
    )


def _from_the_end(segment: Int, segments: int) -> Int:
    """Return for each place, in order of segment, how many places of its segment come after it."""
    return np.cumsum(np.bincount(segment, minlength=segments))[segment] - 1 - np.arange(len(segment))


def _greatest(values: Float, many: int) -> Bool:
    """Return which are the greatest of each row; of equal ones the first, and only those above 0."""
    kept: Bool = values > 0
    # Most rows have fewer; of the others the zeros are left out first: partitioning is slow where many are equal.
    for row in np.flatnonzero(kept.sum(axis=1) > many):
        places = np.flatnonzero(kept[row])
        there = values[row, places]
        least = np.partition(there, -many)[-many]
        above = there > least
        level = np.flatnonzero(there == least)[: many - int(above.sum())]
        above[level] = True
        kept[row, places[~above]] = False
    return kept


def _runs(values: Int) -> Iterator[tuple[int, int]]:
    """Yield where each run of equal values starts and stops."""
    edges = np.flatnonzero(np.diff(values)) + 1
    starts = [0, *edges.tolist(), len(values)]
    return ((a, b) for a, b in pairwise(starts) if b > a)


def _chunks(work: Int) -> Iterator[tuple[int, int]]:
    """Yield stretches of rows with about :data:`_PAIRS` of work each."""
    edges = np.searchsorted(np.cumsum(work), np.arange(_PAIRS, int(work.sum()) + 1, _PAIRS)) + 1
    return _runs(np.searchsorted(edges, np.arange(len(work)), side="right"))
