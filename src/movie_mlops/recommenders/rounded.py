"""The largest products of many vectors with one, found through numbers of one byte and the vectors' lengths.

Every vector is rounded to whole numbers from -127 to 127 on a scale of its own, and so is the one that is asked with.
Their products are whole numbers, the same on every machine, and by Cauchy and Schwarz the exact ones are no further
from them than ``|y - ŷ| |x| + |ŷ| |x - x̂|``. What cannot be among the largest by that bound is left out; what is left,
a few dozen of many thousands, is for the caller to multiply exactly. So nothing is approximate in the end.

The vectors are looked at from the longest to the shortest, and no further than to where ``|y| |x|`` is below the k-th
largest product for sure. A factor model's films with few likes have short vectors, and most films have few likes: of
millions, a few in a hundred are looked at. Where all vectors are equally long, all are. The longest are kept as they
are, too: as a rule none but a few thousand of these is looked at, and so few are multiplied as quickly as rounded ones.

References:
    H. Li, T. N. Chan, M. L. Yiu, N. Mamoulis, "FEXIPRO: Fast and Exact Inner Product Retrieval in Recommender Systems",
    SIGMOD 2017 (sorted lengths and whole numbers as bounds).
    C. Teflioudi, R. Gemulla, O. Mykytiuk, "LEMP: Fast Retrieval of Large Entries in a Matrix Product", SIGMOD 2015.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import simsimd
from numpy.typing import NDArray

_MOST: Final = 127
_LEAST_WORTH: Final = 128
"""With fewer vectors than so many times k, to multiply them all is as quick."""
_ROWS_AT_ONCE: Final = 512
_LONGEST: Final = 4096
"""So many of the longest vectors are kept as they are."""
_FIRST_LOOK: Final = 2048
_LONGEST_LOOK: Final = 1 << 16
"""Rows looked at before it is asked whether to go on: at first few, then ever more, but no more than a cache holds."""
_FEW: Final = 64
"""Where no more than one vector in so many counts, and no more than a first look, they are all multiplied exactly."""
_SCATTERED: Final = 4
"""Where no more than one vector in so many counts, these are picked out of those that are looked at together."""
_LONGEST_TEST: Final = 1 << 18
"""Of so many rows at most it is asked at once which of them count."""
_SLACK: Final = 1e-5
"""Relative to the vectors' lengths; far above what single precision gets wrong in a product."""


class _Asked(NamedTuple):
    """What is multiplied with, rounded: int8[1, d].

    In units of its own scale, ``bound`` times a vector's length is how far the rounded product may be from the exact
    one, and ``reach`` times that length is the largest that the exact one can be.
    """

    rounded: NDArray[np.int8]
    bound: float
    reach: float


class RoundedVectors:
    """Vectors, rounded.

    Args:
        vectors: float32[n, d], finite.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        n, d = vectors.shape
        self._n: Final = n
        exact_lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        # Row r holds the vector at place order[r]; of equals the one of the lower place first.
        self._order = np.argsort(-exact_lengths, kind="stable").astype(np.int32)
        self._rows = np.empty(n, np.int32)
        self._rows[self._order] = np.arange(n, dtype=np.int32)
        # Rising, so that a length can be looked up.
        self._shortness = -exact_lengths[self._order]
        self._longest = np.ascontiguousarray(vectors[self._order[:_LONGEST]], np.float32)
        self._bytes = np.zeros((n, d), np.int8)
        self._scales = np.zeros(n)
        self._lengths = np.zeros(n)
        # In pieces: at no time is there a second copy of everything.
        self._share = 0.0
        for start in range(0, n, _ROWS_AT_ONCE):
            some = slice(start, min(start + _ROWS_AT_ONCE, n))
            exact = vectors[self._order[some]].astype(np.float64)
            scales = np.abs(exact).max(axis=1, initial=0.0) / _MOST
            rounded = np.rint(exact / np.where(scales > 0, scales, 1.0)[:, None])
            self._bytes[some], self._scales[some] = rounded, scales
            near = rounded * scales[:, None]
            self._lengths[some] = lengths = np.sqrt(np.einsum("ij,ij->i", near, near))
            off = np.sqrt(np.einsum("ij,ij->i", exact - near, exact - near))
            self._share = max(self._share, float((off[lengths > 0] / lengths[lengths > 0]).max(initial=0.0)))

    @property
    def nbytes(self) -> int:
        """How much memory they take, in bytes."""
        kept = (self._order, self._rows, self._shortness, self._bytes, self._scales, self._lengths, self._longest)
        return sum(array.nbytes for array in kept)

    def candidates(
        self, vector: NDArray[np.float32], k: int, without: NDArray[np.int64], among: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64] | None:
        """Return a few places, in order, that hold all of the ``k`` largest products, equals of the last included.

        Args:
            vector: float32[d], what is multiplied with.
            k: How many, at least 1.
            without: Places that do not count.
            among: bool[n], which places count; all where it is ``None``.

        Returns:
            The places; ``None`` where there are too few vectors to leave any out, or ``vector`` is zero.
        """
        length = math.sqrt(vector.dot(vector)) * (1 + _SLACK)
        if length == 0 or _LEAST_WORTH * k > self._n:
            return None
        least = -math.inf
        # To ask each place whether it counts takes longer than all the rest, where it is not needed.
        if among is None and self._n - without.size > _FIRST_LOOK:
            near, least = self._among_the_longest(vector, length, k, self._rows[without])
            if near is not None:
                return near
        counting = np.ones(self._n, np.bool_) if among is None else among.copy()
        counting[without] = False
        left = int(np.count_nonzero(counting))
        if left < k:
            return None
        if left <= min(self._n // _FEW, _FIRST_LOOK):
            return np.flatnonzero(counting)
        unit = float(np.abs(vector).max()) / _MOST
        rounded = np.rint(vector / unit)
        off = vector - rounded * unit
        bound = ((self._share + _SLACK) * length + float(np.sqrt(off @ off))) / unit
        asked = _Asked(rounded.astype(np.int8)[np.newaxis], bound, length / unit)
        return self._look(asked, k, least / unit, counting, max(1, self._n // left))

    def _among_the_longest(
        self, vector: NDArray[np.float32], length: float, k: int, without: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64] | None, float]:
        """Return the places of the largest products, if they all are among the longest, and what the k-th surely is.

        ``without`` are the rows that do not count.
        """
        # What single precision may get wrong, of the longest of all; once for a product here and once for the k-th.
        slack = 2 * _SLACK * -float(self._shortness[0]) * length
        products, least, end = np.empty(0, np.float32), -math.inf, min(max(_FIRST_LOOK, k), len(self._longest))
        while max(len(products), k - 1) < end <= len(self._longest):
            products = np.concatenate((products, self._longest[len(products) : end] @ vector))
            products[without[without < end]] = -np.inf
            least = float(np.partition(products, end - k)[end - k]) - slack
            end = self._end(least / length)
        if len(products) < end:
            return None, least
        return np.sort(self._order[(products >= least).nonzero()[0]]).astype(np.int64), least

    def _end(self, length: float) -> int:
        """Return how many vectors are at least so long."""
        return int(self._shortness.searchsorted(-length, "right")) if length > 0 else self._n

    def _look(
        self,
        asked: _Asked,
        k: int,
        least: float,
        counting: NDArray[np.bool_],
        scattered: int,
    ) -> NDArray[np.int64]:
        """Look at rows until no later one can be among the best.

        ``least`` is what the k-th of them has for sure. ``counting`` says which places count, of which there is one in
        ``scattered``. Where they are few, others are not looked at; where they are many, it is asked of what is good
        enough alone, which is little.
        """
        near: list[NDArray[np.int32]] = []
        highest: list[NDArray[np.float64]] = []
        best = np.empty(0)
        start, many = 0, _FIRST_LOOK
        while start < (end := self._end(least / asked.reach)):
            if scattered < _SCATTERED:
                stop = min(start + many, end)
                rows: slice | NDArray[np.int64] = np.s_[start:stop]
                block = self._bytes[start:stop]
            else:
                stop = min(start + min(many * scattered, _LONGEST_TEST), end)
                rows = start + counting.take(self._order[start:stop]).nonzero()[0]
                if not len(rows):
                    start = stop
                    continue
                block = self._bytes.take(rows, axis=0)
            products = np.asarray(simsimd.cdist(asked.rounded, block, "dot"))[0]
            products *= self._scales[rows]
            errors = self._lengths[rows] * asked.bound
            products += errors
            some = np.flatnonzero(products >= least)
            places = self._order[rows][some]
            counts = counting[places]
            some = some[counts]
            near.append(places[counts])
            highest.append(products[some])
            # Every place among the k best surely has at least so much.
            best = np.concatenate((best, products[some] - 2 * errors[some]))
            if len(best) >= k:
                best = np.partition(best, len(best) - k)[len(best) - k :]
                least = max(least, float(best[0]))
            start, many = stop, min(2 * many, _LONGEST_LOOK)
        return np.sort(np.concatenate(near)[np.concatenate(highest) >= least]).astype(np.int64)
