"""Which films are liked together: the item by item Gram matrix, in blocks of bounded size."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.inputs import Csr

BLOCK_BYTES = 2**25
"""About how much memory one block of rows may take as a dense array."""


def gram_blocks(matrix: Csr) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield ``XᵀX`` of ``matrix`` X (n by m) as dense blocks of rows: (first row, block of shape (rows, m))."""
    n_columns = matrix.shape[1]
    transposed = matrix.T.tocsr()
    for start, stop in row_blocks(n_columns, n_columns):
        yield start, (transposed[start:stop] @ matrix).toarray()


def dense_gram(matrix: Csr) -> NDArray[np.float32]:
    """Return ``XᵀX`` of ``matrix`` X (n by m), dense: (m, m)."""
    gram = np.empty((matrix.shape[1], matrix.shape[1]), np.float32)
    for start, block in gram_blocks(matrix):
        gram[start : start + len(block)] = block
    return gram


def squared_lengths(matrix: Csr) -> NDArray[np.float64]:
    """Return the diagonal of ``XᵀX``: the sum of the squared weights of each column."""
    squares: NDArray[np.float64] = np.bincount(
        matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[1]
    ).astype(np.float64)
    return squares


def gram_block_memory(n_columns: int, nnz: int) -> int:
    """Return the peak bytes of `gram_blocks`: the transposed matrix, one dense block, the same block sparse."""
    return 8 * nnz + 3 * block_memory(n_columns) + 16 * n_columns


def block_memory(n_columns: int) -> int:
    """Return the bytes of one block of rows of an ``n_columns`` by ``n_columns`` matrix."""
    return min(max(BLOCK_BYTES, 4 * n_columns), 4 * n_columns**2)


def row_blocks(n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of blocks of rows that take about `BLOCK_BYTES` as float32."""
    rows = max(1, BLOCK_BYTES // (4 * n_columns))
    for start in range(0, n_rows, rows):
        yield start, min(start + rows, n_rows)
