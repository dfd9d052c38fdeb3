"""Which films are liked together: the item by item Gram matrix, in blocks of bounded size or whole."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.spread import spread

BLOCK_BYTES = 2**25
"""About how much memory one block of rows may take as a dense array."""

TILE = 512
"""Rows and columns of what is mirrored at a time: two such tiles of float32 fit into a core's cache."""

WORTH_COMPILING = 3 * 10**8
"""From so many pairs of likes on, a compiled loop is quicker, its compiling included."""

_ROWS_AT_ONCE: Final = 64
_INT32_MAX: Final = int(np.iinfo(np.int32).max)


def gram_blocks(matrix: Csr) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield ``XᵀX`` of ``matrix`` X (n by m) as dense blocks of rows: (first row, block of shape (rows, m))."""
    n_columns = matrix.shape[1]
    transposed = matrix.T.tocsr()
    for start, stop in row_blocks(n_columns, n_columns):
        yield start, (transposed[start:stop] @ matrix).toarray()


def dense_gram(matrix: Csr) -> NDArray[np.float32]:
    """Return ``XᵀX`` of ``matrix`` X (n by m), dense: (m, m)."""
    gram = upper_gram(matrix)
    mirror(gram)
    return gram


def upper_gram(matrix: Csr) -> NDArray[np.float32]:
    """Return ``XᵀX`` of ``matrix`` X (n by m) with only the diagonal and what is above it filled in: (m, m).

    Every sum runs over the users in their order: neither the number of cores nor the way changes a byte.
    """
    gram = np.zeros((matrix.shape[1], matrix.shape[1]), np.float32)
    pairs = np.square(np.diff(matrix.indptr).astype(np.float64)).sum()
    if pairs < WORTH_COMPILING or not _add_compiled(matrix, gram):
        for start, block in gram_blocks(matrix):
            gram[start : start + len(block)] = block
    return gram


def _add_compiled(matrix: Csr, gram: NDArray[np.float32]) -> bool:
    """Fill in what is above the diagonal by the compiled loop; return whether there is one."""
    from movie_mlops.recommenders.compiled import COMPILED, add_pairs  # noqa: PLC0415 - numba is slow to import

    if not COMPILED:
        return False
    places: NDArray[Any] = np.arange(matrix.nnz, dtype=np.int32 if matrix.nnz <= _INT32_MAX else np.int64)
    by_film: sparse.csr_array[Any] = sparse.csr_array((places, matrix.indices, matrix.indptr), shape=matrix.shape)
    by_film = by_film.T.tocsr()
    del places
    stops = matrix.indptr[1:].astype(np.int64)
    starts = by_film.indptr.astype(np.int64)
    add = partial(add_pairs, starts, by_film.indices, by_film.data, stops, matrix.indices, matrix.data, gram)
    spread(add, len(gram), _ROWS_AT_ONCE)
    return True


def mirror(matrix: NDArray[np.float32]) -> None:
    """Write what lies above the diagonal of a square matrix below it too, a tile at a time."""
    for top in range(0, len(matrix), TILE):
        rows = slice(top, top + TILE)
        corner = matrix[rows, rows]
        corner[...] = np.triu(corner) + np.triu(corner, 1).T
        for left in range(top + TILE, len(matrix), TILE):
            columns = slice(left, left + TILE)
            matrix[columns, rows] = matrix[rows, columns].T


def squared_lengths(matrix: Csr) -> NDArray[np.float64]:
    """Return the diagonal of ``XᵀX``: the sum of the squared weights of each column."""
    squares: NDArray[np.float64] = np.bincount(
        matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[1]
    ).astype(np.float64)
    return squares


def gram_block_memory(n_columns: int, nnz: int) -> int:
    """Return the peak bytes of `gram_blocks`, and of `upper_gram` without its result.

    The first has the transposed matrix, one dense block, the same block sparse; the second the transposed matrix and
    the places of its values.
    """
    return 16 * nnz + 3 * block_memory(n_columns) + 16 * n_columns


def block_memory(n_columns: int) -> int:
    """Return the bytes of one block of rows of an ``n_columns`` by ``n_columns`` matrix."""
    return min(max(BLOCK_BYTES, 4 * n_columns), 4 * n_columns**2)


def row_blocks(n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of blocks of rows that take about `BLOCK_BYTES` as float32."""
    rows = max(1, BLOCK_BYTES // (4 * n_columns))
    for start in range(0, n_rows, rows):
        yield start, min(start + rows, n_rows)
