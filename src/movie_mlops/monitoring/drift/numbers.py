"""A sketch of a column of numbers: counts in bins that are the same for all data, so that sketches merge exactly.

A bin is a run of numbers whose sign, exponent and first bits of the mantissa are the same: bins of about equal relative
width, as in HdrHistogram and DDSketch (Masson, Rim and Lee 2019), read off the number itself. Counting is exact, needs
no logarithm whose last bit differs from machine to machine, and no look at the data before. A KLL sketch (Karnin, Lang
and Liberty 2016) is smaller, but it draws by chance, so that the same rows in another order give other bytes.

A sketch has at most :data:`MOST_BINS` bins: where more are met, all bins are made twice as wide, as often as needed.
How wide they end up follows from the set of bins that are met, so that neither order nor grouping changes the sketch.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

MOST_BINS: Final = 512
"""So many bins has a sketch at most."""

_FINEST: Final = 44
"""Bits of a float64 that the finest bins leave out: 8 of the mantissa are kept, a width of 0.4 %."""

_NEGATIVE: Final = 1 << (63 - _FINEST)
_WIDEST: Final = 62
_ROWS: Final = 1 << 20
_FEW_ROWS: Final = 1 << 16
"""So few rows are sorted sooner than a table of all bins is looked through."""

Keys = NDArray[np.int64]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Counts in the finest bins, as many as are met; what is kept of it is smaller.

    Attributes:
        keys: int64[bins], ascending: which bins.
        counts: int64[bins], how many rows each has.
    """

    keys: Keys
    counts: Counts

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Count finite numbers."""
        if values.size <= _FEW_ROWS:
            keys, counts = np.unique(_keys_of(values), return_counts=True)
            return cls(keys, counts.astype(np.int64))
        table = np.zeros(2 * _NEGATIVE, np.int64)
        for start in range(0, values.size, _ROWS):
            bits = values[start : start + _ROWS].astype("<f8", copy=False).view(np.uint64)
            table += np.bincount((bits >> np.uint64(_FINEST)).view(np.int64), minlength=table.size)
        # Zero and minus zero are one number.
        table[0] += table[_NEGATIVE]
        table[_NEGATIVE] = 0
        # The greater the bits of a negative number, the smaller it is.
        above, below = np.flatnonzero(table[:_NEGATIVE]), np.flatnonzero(table[_NEGATIVE:])[::-1]
        counts = np.concatenate([table[_NEGATIVE + below], table[above]])
        return cls(np.concatenate([-1 - below, above]), counts)

    def merge(self, other: "Histogram") -> "Histogram":
        """Return the counts of both columns together."""
        return Histogram(*_summed([(self.keys, self.counts), (other.keys, other.counts)]))

    @property
    def rows(self) -> int:
        """How many numbers there are."""
        return int(self.counts.sum())

    @property
    def lower(self) -> Floats:
        """float64[bins], where each bin begins."""
        return bounds_of(self.keys, _FINEST)

    @property
    def upper(self) -> Floats:
        """float64[bins], where each bin ends."""
        return bounds_of(self.keys + 1, _FINEST)

    def edges(self, cells: int) -> Floats:
        """Return float64[at most 2 * cells], where the next cell begins: cells of about equally many rows.

        A bin that has a cell's share of the rows alone is a cell of its own.
        """
        total = np.cumsum(self.counts)
        share = total[-1] / cells if total.size else 0.0
        heavy = np.flatnonzero(self.counts >= share)
        edges: list[float] = []
        place, before = 0, 0
        while place < self.keys.size:
            full = int(np.searchsorted(total, before + share))
            alone = heavy[np.searchsorted(heavy, place)] if heavy.size and heavy[-1] >= place else self.keys.size
            last = min(full, int(alone), self.keys.size - 1)
            if last == alone:
                edges.append(self.lower[last])
            edges.append(self.upper[last])
            place, before = last + 1, int(total[last])
        # Above the last bin there is another cell where a heavy one ends, and nowhere else.
        if edges and not (heavy.size and heavy[-1] == self.keys.size - 1):
            edges.pop()
        found = np.unique(np.array(edges, np.float64) + 0.0)
        return found[np.isfinite(found)]

    def cells(self, edges: Floats) -> Counts:
        """Return int64[edges + 1], how many rows each cell has; the edges are bounds of bins."""
        places = np.searchsorted(edges, self.lower, side="right")
        return np.bincount(places, weights=self.counts, minlength=edges.size + 1).astype(np.int64)

    def quantiles(self, shares: Floats) -> Floats:
        """Return float64[shares], for each share a number that so many of the rows are not above, to a bin's width."""
        total = np.cumsum(self.counts)
        places = np.minimum(np.searchsorted(total, shares * total[-1]), total.size - 1)
        # The lower bound: whole numbers are told as they are.
        found: Floats = self.lower[places]
        return found


@dataclass(frozen=True)
class NumberSketch:
    """What is kept of a column of numbers.

    Attributes:
        dropped: How many low bits of a number tell nothing of its bin.
        keys: int64[bins], ascending: which bins.
        counts: int64[bins], how many rows each has.
        low: The least number; infinite where there is none.
        high: The greatest.
    """

    dropped: int
    keys: Keys
    counts: Counts
    low: float
    high: float

    @classmethod
    def of(cls, found: Histogram, low: float, high: float) -> Self:
        """Sketch numbers that were counted, of which these are the least and the greatest."""
        return cls(*_narrowed(_FINEST, found.keys, found.counts), low, high)

    @property
    def rows(self) -> int:
        """How many numbers there are."""
        return int(self.counts.sum())

    @property
    def lower(self) -> Floats:
        """float64[bins], where each bin begins."""
        return bounds_of(self.keys, self.dropped)

    @property
    def upper(self) -> Floats:
        """float64[bins], where each bin ends."""
        return bounds_of(self.keys + 1, self.dropped)

    def merge(self, other: "NumberSketch") -> "NumberSketch":
        """Return the sketch of both columns together, the very one that all rows at once would have given."""
        dropped = max(self.dropped, other.dropped)
        parts = [(each.keys >> (dropped - each.dropped), each.counts) for each in (self, other)]
        narrowed = _narrowed(dropped, *_summed(parts))
        return NumberSketch(*narrowed, min(self.low, other.low), max(self.high, other.high))

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        ends = {} if not self.rows else {"low": self.low, "high": self.high}
        return {"dropped": self.dropped, "keys": self.keys.tolist(), "counts": self.counts.tolist(), **ends}

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """Return what :meth:`to_json` told."""
        keys, counts = (np.array(told[name], np.int64) for name in ("keys", "counts"))
        return cls(int(told["dropped"]), keys, counts, told.get("low", np.inf), told.get("high", -np.inf))


def floors_of(values: Floats) -> Floats:
    """Return float64[rows], where the bin of each finite number begins."""
    return bounds_of(_keys_of(values), _FINEST)


def _keys_of(values: Floats) -> Keys:
    keys = (values.astype("<f8", copy=False).view(np.uint64) >> np.uint64(_FINEST)).view(np.int64)
    negative = keys >= _NEGATIVE
    if negative.any():
        # Minus zero is zero; the greater the bits of a negative number, the smaller it is.
        keys = np.where(negative, np.where(keys == _NEGATIVE, 0, _NEGATIVE - 1 - keys), keys)
    return keys


def bounds_of(keys: Keys, dropped: int) -> Floats:
    """Return float64[bins], the least number of each bin."""
    bits = keys << dropped
    bits = np.where(bits < 0, bits ^ np.int64(0x7FFFFFFFFFFFFFFF), bits)
    bounds = bits.view(np.float64)
    # The key beyond the greatest number is none.
    return np.where(np.isnan(bounds), np.inf, bounds)


def _summed(parts: list[tuple[Keys, Counts]]) -> tuple[Keys, Counts]:
    """Return counts of the same bins added up."""
    all_keys = np.concatenate([keys for keys, _ in parts])
    keys, places = np.unique(all_keys, return_inverse=True)
    counts = np.zeros(keys.size, np.int64)
    np.add.at(counts, places, np.concatenate([counts for _, counts in parts]))
    return keys, counts


def _narrowed(dropped: int, keys: Keys, counts: Counts) -> tuple[int, Keys, Counts]:
    """Return bins twice as wide, again and again, until they are few enough."""
    while keys.size > MOST_BINS and dropped < _WIDEST:
        keys, counts = _summed([(keys >> 1, counts)])
        dropped += 1
    return dropped, keys, counts
