"""The closed form of a linear autoencoder: the films by films weights, by inverting the smaller side of the matrix.

A history x, a row of X, is to be turned into a row y of Y by ``x B``, and no film may speak for itself: the diagonal
of B is zero. With ``P = (XᵀX + D)⁻¹``, D the films' penalties, and ``C = XᵀY``, that is

    B = PC - P diag(r),  r_j = (PC)_jj / P_jj,

and where Y = X it is the ``I - P diag(P)⁻¹`` of EASE. Here Y = SX: each history has its own scale as a target.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.errors import TrainingError
from movie_mlops.recommenders.gram import block_memory, dense_gram, gram_block_memory, mirror, row_blocks, upper_gram
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.tangent import bend_gram

Scales = NDArray[np.float64]
"""One factor for each user."""

_MOSTLY_APART: Final = 0.7
"""Where more than this share of the films differ, to invert them all is the quicker way, and the smaller one."""


def solve(
    matrix: Csr,
    penalties: NDArray[np.float64],
    scales: Scales | None,
    advance: Advance,
    *,
    bend: float = 0.0,
    engine: Engine = HERE,
) -> NDArray[np.float32]:
    """Return B for X.

    Args:
        matrix: X, users by films; every user and every film has a value.
        penalties: The diagonal of D.
        scales: The diagonal of S; None where Y = X.
        advance: Told 100 percent in all.
        bend: How far ``XᵀX`` goes towards what the tangent kernel makes of it, from 0 to 1; not together with scales.
        engine: Where the Gram matrix is made; it is inverted here.

    Raises:
        TrainingError: ``XᵀX + D`` is not positive definite in single precision.
    """
    few_users = matrix.shape[0] < matrix.shape[1]
    if bend and few_users:
        return solve_by_twins(matrix, penalties, advance, bend=bend, engine=engine)
    if few_users:
        return solve_by_users(matrix, penalties, scales, advance, engine=engine)
    return solve_by_items(matrix, penalties, scales, advance, bend=bend, engine=engine)


def memory_needed(n_users: int, n_items: int, nnz: int, *, scaled: bool, bent: bool = False) -> int:
    """Return the peak bytes of `solve`, its result included; ``scaled``: with scales."""
    blocks = 3 * block_memory(n_items)
    if n_users < n_items and not bent:
        return 4 * n_items**2 + 8 * n_users * n_items + 4 * n_users**2 + 40 * nnz + blocks
    # Of kinds of films there are so many at most that their own matrix takes no more than half of the films'.
    matrices = 8 if scaled else 6 if bent and n_users < n_items else 4
    return matrices * n_items**2 + 8 * nnz + gram_block_memory(n_items, nnz) + blocks


def solve_by_items(
    matrix: Csr,
    penalties: NDArray[np.float64],
    scales: Scales | None,
    advance: Advance,
    *,
    bend: float = 0.0,
    engine: Engine = HERE,
) -> NDArray[np.float32]:
    """Return B by inverting a films by films matrix, in the memory that B then fills; ``bend`` as for `solve`."""
    weights = upper_gram(matrix, engine)
    if bend:
        bend_gram(weights, bend)
    advance(20)
    _add_and_invert(weights, penalties)
    advance(50)
    if scales is None:
        weights *= (-1 / np.diagonal(weights).astype(np.float64)).astype(np.float32)
    else:
        _towards_targets(weights, dense_gram(rows_scaled(matrix, np.sqrt(scales)), engine))
    np.fill_diagonal(weights, 0)
    advance(30)
    return weights


def solve_towards(
    gram: NDArray[np.float32], towards: NDArray[np.float32], penalties: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return B where the sums are known already; it takes the place of ``gram``.

    Args:
        gram: ``XᵀX``.
        towards: ``C = XᵀY``, which need not be symmetric.
        penalties: The diagonal of D.

    Raises:
        TrainingError: ``XᵀX + D`` is not positive definite in single precision.
    """
    _add_and_invert(gram, penalties)
    _towards_targets(gram, towards)
    np.fill_diagonal(gram, 0)
    return gram


def _towards_targets(inverse: NDArray[np.float32], towards: NDArray[np.float32]) -> None:
    """Replace P, which is symmetric, by ``PC - P diag(r)``, in place."""
    rebuilt = np.einsum("ij,ij->j", inverse, towards, dtype=np.float64)
    ratios = (rebuilt / np.diagonal(inverse)).astype(np.float32)
    for start, stop in row_blocks(len(inverse), len(inverse)):
        rows = inverse[start:stop] @ towards
        inverse[start:stop] *= ratios
        np.subtract(rows, inverse[start:stop], out=inverse[start:stop])


def solve_by_users(
    matrix: Csr, penalties: NDArray[np.float64], scales: Scales | None, advance: Advance, *, engine: Engine = HERE
) -> NDArray[np.float32]:
    """Return B by inverting only a users by users matrix, which is the smaller one where users are few.

    With ``K = (I + X D⁻¹ Xᵀ)⁻¹`` the Woodbury identity gives ``P = D⁻¹ - D⁻¹ Xᵀ K X D⁻¹`` and ``P Xᵀ = D⁻¹ Xᵀ K``.
    So off the diagonal ``B = D⁻¹ Xᵀ K Z``, where Z has the values of X, that of user u and film j times
    ``s_u + r_j / d_j``.
    """
    transposed = matrix.T.tocsr()
    kernel = upper_gram(_values_scaled(matrix, 1 / np.sqrt(penalties)[matrix.indices]).T.tocsr(), engine)
    _add_and_invert(kernel, np.ones(len(kernel)))
    advance(40)
    half = transposed @ kernel
    films = np.repeat(np.arange(len(penalties), dtype=np.int32), np.diff(transposed.indptr))
    products = transposed.data * half[films, transposed.indices]
    leverage = np.bincount(films, products) / penalties
    _require_definite(bool((leverage < 1).all()))
    if scales is None:
        half *= (1 / (1 - leverage)).astype(np.float32)[:, np.newaxis]
    else:
        del half
        users = scales[transposed.indices]
        ratios = np.bincount(films, products * users) / (1 - leverage) / penalties
        half = _values_scaled(transposed, users + ratios[films]) @ kernel
    del kernel, films, products
    half = np.ascontiguousarray(half.T)
    advance(20)
    inverse_penalties = (1 / penalties).astype(np.float32)[:, np.newaxis]
    weights = np.empty((matrix.shape[1], matrix.shape[1]), np.float32)
    for start, stop in row_blocks(len(weights), len(weights)):
        np.multiply(transposed[start:stop] @ half, inverse_penalties[start:stop], out=weights[start:stop])
    np.fill_diagonal(weights, 0)
    advance(40)
    return weights


def solve_by_twins(
    matrix: Csr, penalties: NDArray[np.float64], advance: Advance, *, bend: float, engine: Engine = HERE
) -> NDArray[np.float32]:
    """Return B of bent cosines by inverting a matrix with one row for all the films that the same users like the same.

    Where users are few most films that one of them alone has met are such twins. Bent or not, the Gram matrix G holds
    the same rows for them: ``G = E H Eᵀ``, where E says which film is of which kind. With n films of a kind, all of
    them with the penalty d, and ``A = (I + SHS)⁻¹``, ``S = diag(√(n/d))``, the Woodbury identity gives for films i ≠ j
    of the kinds g and h

        P_ij = (A_gh - [g = h]) / √(d_g n_g d_h n_h),  P_ii = (n_g - 1 + A_gg) / (d_g n_g).
    """
    first, kind, counts = _kinds(matrix)
    if len(first) > _MOSTLY_APART * matrix.shape[1]:
        return solve_by_items(matrix, penalties, None, advance, bend=bend, engine=engine)
    inverse = upper_gram(matrix[:, first].tocsr(), engine)
    bend_gram(inverse, bend)
    advance(20)
    scales = np.sqrt(counts / penalties[first])
    inverse *= scales.astype(np.float32)[:, np.newaxis]
    inverse *= scales.astype(np.float32)
    _add_and_invert(inverse, np.ones(len(first)))
    advance(40)
    own = np.diagonal(inverse).astype(np.float64)
    masses = penalties[first] * counts
    np.fill_diagonal(inverse, own - 1)
    inverse *= (1 / np.sqrt(masses)).astype(np.float32)[:, np.newaxis]
    inverse *= (-np.sqrt(masses) / (counts - 1 + own)).astype(np.float32)
    weights = np.empty((matrix.shape[1], matrix.shape[1]), np.float32)
    for start, stop in row_blocks(len(weights), len(weights)):
        np.take(inverse[kind[start:stop]], kind, axis=1, out=weights[start:stop])
    np.fill_diagonal(weights, 0)
    advance(40)
    return weights


def _kinds(matrix: Csr) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return of films that the same users like the same: the first of each kind, each film's kind, and how many."""
    columns = matrix.tocsc()
    columns.sort_indices()
    pairs = [(columns.indices[a:b].tobytes(), columns.data[a:b].tobytes()) for a, b in pairwise(columns.indptr)]
    numbers: dict[tuple[bytes, bytes], int] = {}
    kind = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], np.int64)
    _, first = np.unique(kind, return_index=True)
    return first, kind, np.bincount(kind)


def rows_scaled(matrix: Csr, scales: Scales) -> Csr:
    """Return a matrix whose row u is that of ``matrix`` times ``scales[u]``."""
    return _values_scaled(matrix, np.repeat(scales, np.diff(matrix.indptr)))


def _values_scaled(matrix: Csr, factors: NDArray[np.float64]) -> Csr:
    scaled: Csr = matrix.copy()
    scaled.data = (matrix.data * factors).astype(np.float32)
    return scaled


def _add_and_invert(matrix: NDArray[np.float32], diagonal: NDArray[np.float64]) -> None:
    """Replace a Gram matrix G by ``(G + diag(d))⁻¹``, in place, with no second matrix beside it.

    Only what is above the diagonal of G is read.

    Raises:
        TrainingError: The sum is not positive definite in float32.
    """
    matrix[np.diag_indices_from(matrix)] += diagonal
    # LAPACK reads columns: the lower triangle of the transposed view is the upper one by rows, with no copy.
    columns = matrix.T
    factor, info = spotrf(columns, lower=1, clean=0, overwrite_a=1)
    _require_definite(info == 0)
    inverse, info = spotri(factor, lower=1, overwrite_c=1)
    _require_definite(info == 0)
    assert np.shares_memory(inverse, matrix)  # else LAPACK was handed a copy, and the caller sees nothing
    # LAPACK lets infinities through without a word: they leave zeros and NaN on the diagonal.
    inverse_diagonal = np.diagonal(matrix)
    _require_definite(bool(((inverse_diagonal > 0) & np.isfinite(inverse_diagonal)).all()))
    mirror(matrix)


def _require_definite(holds: bool) -> None:
    if not holds:
        raise TrainingError(
            "The films' Gram matrix cannot be inverted in single precision.",
            next_step="Raise the recommender's regularisation, or use smaller weights.",
        )
