"""Linear autoencoders with a closed form: EASE and EDLAE.

Both learn a matrix B (films by films) with a zero diagonal so that a history x is rebuilt as ``x B``; the scores of
the films that x lacks are the recommendation. They differ only in the penalty of each film.

References:
    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (EASE).
    H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020 (EDLAE).
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import saxpy
from scipy.linalg.lapack import spotrf, spotri
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import EaseParams, EdlaeParams
from movie_mlops.recommenders.errors import TrainingError
from movie_mlops.recommenders.gram import block_memory, dense_gram, gram_block_memory, row_blocks, squared_lengths
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout


class _LinearAutoencoder(Recommender):
    """The closed form that both share: ``B = I - P diag(P)⁻¹`` with ``P = (XᵀX + D)⁻¹`` and D the films' penalties.

    Row i of B, contiguous in memory, is what film i adds to every film's score.
    """

    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)
    params: EaseParams | EdlaeParams

    @abstractmethod
    def _penalties(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each film's L2 penalty, from the sum of its squared weights."""

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        matrix = training.matrix
        n_items = matrix.shape[1]
        active = matrix[np.flatnonzero(np.diff(matrix.indptr))]
        squares = squared_lengths(matrix)
        solve = _solve_by_users if active.shape[0] < n_items else _solve_by_items
        # Left alone, LAPACK takes every core, and rounds as their number has it.
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            return {"weights": solve(active, self._penalties(squares), advance)}

    def _layout(self, n_known: int) -> Layout:
        return {"weights": (np.float32, (n_known, n_known))}

    def _adopt(self, learned: Arrays) -> None:
        self._weights: NDArray[np.float32] = np.ascontiguousarray(learned["weights"])

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return np.asarray(histories @ self._weights, dtype=np.float32)

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = np.zeros(len(self._weights), np.float32)
        # Row by row into one small array: gathering the rows first would write and read them all once more.
        for item, weight in zip(items.tolist(), weights.tolist(), strict=True):
            saxpy(self._weights[item], scores, a=weight)
        return scores

    def _similar(self, item: int) -> NDArray[np.float32]:
        """Partial correlation of the two films given all others: ``-P_ij / √(P_ii P_jj) = ± √(B_ij B_ji)``."""
        row = self._weights[item]
        # Rounding can leave the two with opposite signs where both are next to nothing.
        similarity: NDArray[np.float32] = np.sign(row) * np.sqrt(np.maximum(row * self._weights[:, item], 0))
        return similarity

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        contributions: NDArray[np.float32] = weights * self._weights[items, targets[:, np.newaxis]]
        return contributions

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        blocks = 3 * block_memory(n_items)
        if n_users < n_items:
            return 4 * n_items**2 + 8 * n_users * n_items + 4 * n_users**2 + 24 * nnz + blocks
        return 4 * n_items**2 + 16 * nnz + gram_block_memory(n_items, nnz) + blocks


class EaseRecommender(_LinearAutoencoder):
    """EASE (Steck 2019): the same penalty λ for every film."""

    name = "ease"
    params_type = EaseParams
    params: EaseParams

    def _penalties(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full_like(squares, self.params.regularisation)


class EdlaeRecommender(_LinearAutoencoder):
    """EDLAE (Steck 2020): the expectation of training with dropout, as a penalty that grows with a film's likes."""

    name = "edlae"
    params_type = EdlaeParams
    params: EdlaeParams

    def _penalties(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.params.regularisation + self.params.dropout / (1 - self.params.dropout) * squares


def _solve_by_items(matrix: Csr, penalties: NDArray[np.float64], advance: Advance) -> NDArray[np.float32]:
    """Return B by inverting a films by films matrix, in the memory that B then fills."""
    weights = dense_gram(matrix)
    advance(20)
    _add_and_invert(weights, penalties)
    advance(70)
    inverse_diagonal = np.diagonal(weights).astype(np.float64)
    scale = (-1 / inverse_diagonal).astype(np.float32)
    weights *= scale
    np.fill_diagonal(weights, 0)
    advance(10)
    return weights


def _solve_by_users(matrix: Csr, penalties: NDArray[np.float64], advance: Advance) -> NDArray[np.float32]:
    """Return B by inverting only a users by users matrix, which is the smaller one where users are few.

    With the Woodbury identity and ``H = Xᵀ (I + X D⁻¹ Xᵀ)⁻¹ X``, ``P = D⁻¹ - D⁻¹ H D⁻¹``; so off the diagonal
    ``B_ij = H_ij / (d_i (1 - H_jj / d_j))``.
    """
    transposed = matrix.T.tocsr()
    scaled = matrix.copy()
    scaled.data = (matrix.data / np.sqrt(penalties)[matrix.indices]).astype(np.float32)
    kernel = dense_gram(scaled.T.tocsr())
    _add_and_invert(kernel, np.ones(len(kernel)))
    advance(40)
    half = np.ascontiguousarray((transposed @ kernel).T)
    del kernel
    weights = np.empty((matrix.shape[1], matrix.shape[1]), np.float32)
    for start, stop in row_blocks(len(weights), len(weights)):
        weights[start:stop] = transposed[start:stop] @ half
    advance(40)
    leverage = np.diagonal(weights).astype(np.float64) / penalties
    _require_definite(bool((leverage < 1).all()))
    weights /= penalties.astype(np.float32)[:, np.newaxis]
    weights *= (1 / (1 - leverage)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    advance(20)
    return weights


def _add_and_invert(matrix: NDArray[np.float32], diagonal: NDArray[np.float64]) -> None:
    """Replace a Gram matrix G by ``(G + diag(d))⁻¹``, in place, with no second matrix beside it.

    Raises:
        TrainingError: The sum is not positive definite in float32.
    """
    matrix[np.diag_indices_from(matrix)] += diagonal
    # LAPACK reads columns: the transposed view of a symmetric matrix is the same matrix, with no copy.
    columns = matrix.T
    factor, info = spotrf(columns, lower=1, clean=0, overwrite_a=1)
    _require_definite(info == 0)
    inverse, info = spotri(factor, lower=1, overwrite_c=1)
    _require_definite(info == 0)
    assert np.shares_memory(inverse, matrix)  # else LAPACK was handed a copy, and the caller sees nothing
    # LAPACK lets infinities through without a word: they leave zeros and NaN on the diagonal.
    inverse_diagonal = np.diagonal(matrix)
    _require_definite(bool(((inverse_diagonal > 0) & np.isfinite(inverse_diagonal)).all()))
    # The lower triangle by columns is the upper one by rows: mirror it, a block of rows at a time.
    for start, stop in row_blocks(len(matrix), len(matrix)):
        corner = matrix[start:stop, start:stop]
        corner[...] = np.triu(corner) + np.triu(corner, 1).T
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T


def _require_definite(holds: bool) -> None:
    if not holds:
        raise TrainingError(
            "The films' Gram matrix cannot be inverted in single precision.",
            next_step="Raise the recommender's regularisation, or use smaller weights.",
        )
