"""Which films are liked together: the item by item Gram matrix, in blocks of bounded size or whole."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.spread import spread

BLOCK_BYTES = 2**25
"""About how much memory one block of rows may take as a dense array."""

TILE = 512
"""Rows and columns of what is mirrored at a time: two such tiles of float32 fit into a core's cache."""

WORTH_COMPILING = 3 * 10**8
"""From so many pairs of likes on, a compiled loop is quicker, its compiling included."""

_ROWS_AT_ONCE: Final = 64
_SHARES: Final = 4
"""So many blocks for each worker of a cluster: whoever has the rarer films is ready first, and takes another."""
_INT32_MAX: Final = int(np.iinfo(np.int32).max)


def gram_blocks(matrix: Csr, engine: Engine = HERE) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield ``XᵀX`` of ``matrix`` X (n by m) as dense blocks of rows: (first row, block of shape (rows, m)).

    A cluster gets the films dealt out and not the users: every sum runs over all users in their order, wherever it is
    done, so that no byte hangs on the engine.
    """
    n_columns = matrix.shape[1]
    transposed = matrix.T.tocsr()
    share = -(-n_columns // (_SHARES * engine.workers)) if engine.workers else n_columns
    places = list(row_blocks(n_columns, n_columns, share))
    blocks = engine.each(_rows_of_gram, matrix, (transposed[start:stop] for start, stop in places))
    for (start, _), block in zip(places, blocks, strict=True):
        yield start, block


def _rows_of_gram(matrix: Csr, films: Csr) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = (films @ matrix).toarray()
    return rows


def dense_gram(matrix: Csr, engine: Engine = HERE) -> NDArray[np.float32]:
    """Return ``XᵀX`` of ``matrix`` X (n by m), dense: (m, m)."""
    gram = upper_gram(matrix, engine)
    mirror(gram)
    return gram


def upper_gram(matrix: Csr, engine: Engine = HERE) -> NDArray[np.float32]:
    """Return ``XᵀX`` of ``matrix`` X (n by m) with only the diagonal and what is above it filled in: (m, m).

    Every sum runs over the users in their order: neither the number of cores nor the engine nor the way changes a byte.
    """
    gram = np.zeros((matrix.shape[1], matrix.shape[1]), np.float32)
    pairs = np.square(np.diff(matrix.indptr).astype(np.float64)).sum()
    if engine.workers or pairs < WORTH_COMPILING or not _add_compiled(matrix, gram):
        for start, block in gram_blocks(matrix, engine):
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


def row_blocks(n_rows: int, n_columns: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of blocks of rows that take about `BLOCK_BYTES` as float32, ``most`` rows each at most."""
    rows = max(1, min(BLOCK_BYTES // (4 * n_columns), n_rows if most is None else most))
    for start in range(0, n_rows, rows):
        yield start, min(start + rows, n_rows)
