"""Look-ups in sorted segments, over all rows at once: how far a row has come, and what had added up by then."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Segments:
    """Places in order of entity, then of moment.

    Attributes:
        entity: int64[n], ascending, each in 0 … ``entities`` - 1.
        moments: int64[n], ascending within an entity.
        entities: How many entities there are.
    """

    entity: Int
    moments: Int
    entities: int

    @cached_property
    def starts(self) -> Int:
        """int64[entities + 1], where each entity's places start."""
        return np.searchsorted(self.entity, np.arange(self.entities + 1)).astype(np.int64)

    def positions(self, entity: Int, at: Int) -> Int:
        """Return for each row the place behind the last one of its entity with a moment of at most ``at``.

        A binary search in all segments at once: as many steps as the longest segment needs.
        """
        places, ends = self.starts[entity], self.starts[entity + 1]
        longest = int((ends - places).max(initial=0))
        step = 1 << longest.bit_length() >> 1
        while step:
            further = places + step
            # The moment before a place that is behind the end is of another entity: the first condition rules it out.
            inside = further <= ends
            inside &= self.moments[np.minimum(further, len(self.moments)) - 1] <= at
            places += step * inside
            step >>= 1
        return places

    def sums(self, amounts: Int, positions: Int, entity: Int) -> Int:
        """Return for each row the sum of its entity's ``amounts`` before its position; exact while it is below 2**63.

        The running sum goes over all entities; where it overflows it wraps, and the difference is right again.
        """
        if not len(amounts):
            return np.zeros(len(positions), np.int64)
        running = np.zeros(len(amounts) + 1, np.int64)
        np.cumsum(amounts, out=running[1:])
        base = running[self.starts[:-1]]
        return running[positions] - base[entity]

    def running_best(self, values: Int, *, latest: bool) -> Int:
        """Return at each place the greatest (or smallest) value of its entity so far."""
        return self._scan(values.copy(), np.maximum if latest else np.minimum)

    def last_of(self, values: Int, positions: Int, entity: Int, *, default: int) -> Int:
        """Return for each row the value before its position, ``default`` where its entity has none there."""
        if not len(values):
            return np.full(len(positions), default, np.int64)
        return np.where(positions > self.starts[entity], values[np.maximum(positions - 1, 0)], default)

    def faded(self, amounts: Float, half_life: int, positions: Int, entity: Int, at: Int) -> Float:
        """Return for each row the sum of its entity's ``amounts`` before its position, halved every half-life."""
        if not len(amounts):
            return np.zeros(len(positions))
        totals, step = amounts.copy(), 1
        while step <= self._longest - 1:
            reach = self.entity[step:] == self.entity[:-step]
            fading = np.exp2((self.moments[:-step] - self.moments[step:])[reach] / half_life)
            totals[step:][reach] = totals[step:][reach] + totals[:-step][reach] * fading
            step *= 2
        before = np.maximum(positions - 1, 0)
        found = positions > self.starts[entity]
        since = np.where(found, self.moments[before] - at, 0)
        return np.where(found, totals[before] * np.exp2(since / half_life), 0.0)

    @cached_property
    def _longest(self) -> int:
        return int(np.diff(self.starts).max(initial=0))

    def _scan(self, values: Int, better: np.ufunc) -> Int:
        step = 1
        while step <= self._longest - 1:
            reach = self.entity[step:] == self.entity[:-step]
            values[step:] = np.where(reach, better(values[step:], values[:-step]), values[step:])
            step *= 2
        return values


def in_order(entity: Int, moments: Int, *, ties: Float | None = None) -> Int:
    """Return the places in order of entity, then of moment; mostly they are in order already.

    Args:
        entity: int64[n].
        moments: int64[n].
        ties: float64[n], the order of those of one entity and moment, for sums that are rounded: so the order in which
            rows come cannot change a bit of them. Without it, they stay as they come.
    """
    later = (entity[1:] == entity[:-1]) & (moments[1:] >= moments[:-1])
    sorted_already = ((entity[1:] > entity[:-1]) | later).all()
    order = np.arange(len(moments)) if sorted_already else np.lexsort((moments, entity))
    if ties is not None and len(order):
        whose, when = entity[order], moments[order]
        same = (whose[1:] == whose[:-1]) & (when[1:] == when[:-1])
        tied = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
        places = order[tied]
        order[tied] = places[np.lexsort((ties[places], when[tied], whose[tied]))]
    return order


def latest_above(keys: Int, positions: Int, limits: Int, starts: Int) -> Int:
    """Return for each row the last place, from its start to its position, whose key is above its limit.

    Each place knows the last place before it with a greater key: no place between the two can be the answer where it is
    not itself, so that a row follows few links.

    Args:
        keys: int64[n].
        positions: int64[rows], places to look from.
        limits: int64[rows].
        starts: int64[rows], places to look to.

    Returns:
        int64[rows]; a place before the row's start where there is none.
    """
    found = positions.copy()
    rows = np.flatnonzero(found >= starts)
    rows = rows[keys[found[rows]] <= limits[rows]]
    if not rows.size:
        return found
    links = _last_greater(keys)
    while rows.size:
        found[rows] = links[found[rows]]
        rows = rows[found[rows] >= starts[rows]]
        rows = rows[keys[found[rows]] <= limits[rows]]
    return found


def _last_greater(keys: Int) -> Int:
    """Return for each place the last one before it with a greater key; -1 where there is none."""
    links = np.arange(-1, len(keys) - 1, dtype=np.int64)
    rows = np.flatnonzero((links >= 0) & (keys[links] <= keys))
    while rows.size:
        # All at once: what a link skips is never greater than where it starts, at every moment of the search.
        links[rows] = links[links[rows]]
        rows = rows[(links[rows] >= 0) & (keys[links[rows]] <= keys[rows])]
    return links
