"""The neural tangent kernel of an infinitely wide network with one hidden layer of rectified linear units.

For vectors of length one with cosine c it is

    k(c) = c · κ₀(c) + κ₁(c),  κ₀(c) = (π - arccos c) / π,  κ₁(c) = (√(1 - c²) + (π - arccos c) c) / π,

from 1/π at c = 0 to 2 at c = 1: what has little in common counts for less than its cosine, and what has nothing in
common is not nothing to each other, for all are alike a little.

References:
    A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel", NeurIPS 2018.
    Y. Cho, L. Saul, "Kernel Methods for Deep Learning", NeurIPS 2009 (κ₀ and κ₁).
"""

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.gram import row_blocks

_BENT_AT_ONCE = 2**20
_AT_ONE = 2


def bend(cosines: NDArray[np.float32]) -> None:
    """Replace cosines by the kernel's values, in place, a block of rows at a time."""
    rows = max(1, _BENT_AT_ONCE // max(cosines.shape[1], 1))
    for start in range(0, len(cosines), rows):
        stop = start + rows
        c = np.clip(cosines[start:stop], 0, 1)
        angle = np.arccos(c)
        np.subtract(np.float32(np.pi), angle, out=angle)
        angle *= c
        angle *= np.float32(2)
        c *= c
        np.subtract(np.float32(1), c, out=c)
        angle += np.sqrt(c, out=c)
        np.divide(angle, np.float32(np.pi), out=cosines[start:stop])


def bend_gram(gram: NDArray[np.float32], share: float) -> None:
    """Replace a Gram matrix G by one of the kernel's values in place of cosines, in place; the diagonal stays.

    With ``c_ij = G_ij / √(G_ii G_jj)`` it becomes ``√(G_ii G_jj) ((1 - share) c_ij + share · k(c_ij) / 2)``.

    Args:
        gram: Sums of products of vectors without negative values, (vectors, vectors); below the diagonal anything.
        share: How far towards the kernel, from 0 to 1.
    """
    lengths = np.sqrt(np.diagonal(gram).astype(np.float64)).astype(np.float32)
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    for start, stop in row_blocks(len(gram), len(gram)):
        bent = gram[start:stop] * inverse[start:stop, np.newaxis]
        bent *= inverse
        bend(bent)
        bent *= lengths[start:stop, np.newaxis] * np.float32(share / _AT_ONE)
        bent *= lengths
        gram[start:stop] *= np.float32(1 - share)
        gram[start:stop] += bent
