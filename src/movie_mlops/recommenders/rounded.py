"""The largest products of many vectors with one, found through numbers of one byte: a quarter of the memory is read.

Every vector is rounded to whole numbers from -127 to 127 on a scale of its own, and so is the one that is asked with.
Their products are whole numbers, the same on every machine, and by Cauchy and Schwarz the exact ones are no further
from them than ``|y - ŷ| |x| + |ŷ| |x - x̂|``. What cannot be among the largest by that bound is left out; what is left,
a few dozen of many thousands, is for the caller to multiply exactly. So nothing is approximate in the end.
"""

from typing import Final

import numpy as np
import simsimd
from numpy.typing import NDArray

_MOST: Final = 127
_BLOCK: Final = 64
_ROWS_AT_ONCE: Final = 512
_SLACK: Final = 1e-5
"""Relative to the vectors' lengths; far above what single precision gets wrong in a product."""


class RoundedVectors:
    """Vectors, rounded.

    Args:
        vectors: float32[n, d], finite.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        n, d = vectors.shape
        self._n: Final = n
        blocks = -(-n // _BLOCK)
        self._bytes = np.zeros((blocks * _BLOCK, d), np.int8)
        self._scales = np.zeros(blocks * _BLOCK)
        self._lengths = np.zeros(blocks * _BLOCK)
        # In pieces: at no time is there a second copy of everything.
        self._share = 0.0
        for start in range(0, n, _ROWS_AT_ONCE):
            some = slice(start, min(start + _ROWS_AT_ONCE, n))
            exact = vectors[some].astype(np.float64)
            scales = np.abs(exact).max(axis=1, initial=0.0) / _MOST
            rounded = np.rint(exact / np.where(scales > 0, scales, 1.0)[:, None])
            self._bytes[some], self._scales[some] = rounded, scales
            near = rounded * scales[:, None]
            self._lengths[some] = lengths = np.sqrt(np.einsum("ij,ij->i", near, near))
            off = np.sqrt(np.einsum("ij,ij->i", exact - near, exact - near))
            self._share = max(self._share, float((off[lengths > 0] / lengths[lengths > 0]).max(initial=0.0)))

    def candidates(self, vector: NDArray[np.float32], k: int, without: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return a few places, in order, that hold all of the ``k`` largest products, equals of the last included.

        Args:
            vector: float32[d], what is multiplied with.
            k: How many, at least 1.
            without: Places that do not count.

        Returns:
            The places; ``None`` where there are too few vectors to leave any out, or ``vector`` is zero.
        """
        largest = float(np.abs(vector).max(initial=0.0))
        if largest == 0 or 2 * k * _BLOCK > self._n or without.size + k > self._n:
            return None
        unit = largest / _MOST
        rounded = np.rint(vector / unit)
        off = vector - rounded * unit
        length = float(np.sqrt(vector @ vector))
        # In units of the vector's own scale.
        bound = ((self._share + _SLACK) * length + float(np.sqrt(off @ off))) / unit
        products = np.asarray(simsimd.cdist(rounded.astype(np.int8)[np.newaxis], self._bytes, "dot"))[0]
        products *= self._scales
        products[without] = -np.inf
        products[self._n :] = -np.inf
        errors = self._lengths * bound
        # The k-th largest of the blocks' largest is no larger than the k-th largest of all.
        surely = np.maximum.reduce((products - errors).reshape(_BLOCK, -1), axis=0)
        least = np.partition(surely, len(surely) - k)[len(surely) - k]
        products += errors
        return np.flatnonzero(products >= least)
