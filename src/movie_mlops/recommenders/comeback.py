"""What people like when they come back, from what they liked before: a linear model in closed form.

Who returns after days does not go on where the last visit ended. So each history is cut where its first visit ends,
and what was liked later is regressed on what was liked in that visit:

    W = (AᵀA + λI)⁻¹ AᵀB

with A the likes of first visits and B all later ones, users by films. A history is answered by the sum of its films'
rows of W. Of who never came back there is nothing to learn; where nobody did, all films score 0.

Reference:
    A. Hoerl, R. Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics 1970.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import ComebackParams
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout

_SECONDS_PER_DAY = 86_400


class ComebackRecommender(Recommender):
    """Row i of W, contiguous in memory, is what film i of an earlier visit adds to every film's score."""

    name = "comeback"
    capabilities = Capabilities(personalised=True, needs_times=True, similar=True, explains=True)
    params_type = ComebackParams
    params: ComebackParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        assert training.times is not None  # the port has checked it
        before, later = _visits(training.matrix, training.times, round(self.params.days * _SECONDS_PER_DAY))
        gram = sparse.csr_array(before.T @ before).toarray()
        gram[np.diag_indices_from(gram)] += np.float32(self.params.regularisation)
        towards = sparse.csr_array(before.T @ later).toarray()
        advance(20)
        # Left alone, LAPACK takes every core, and rounds as their number has it.
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            weights = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), towards, overwrite_b=True)
        advance(80)
        return {"weights": np.ascontiguousarray(weights, dtype=np.float32)}

    def _layout(self, n_known: int) -> Layout:
        return {"weights": (np.float32, (n_known, n_known))}

    def _adopt(self, learned: Arrays) -> None:
        self._weights: NDArray[np.float32] = np.ascontiguousarray(learned["weights"])

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return np.asarray(histories @ self._weights, dtype=np.float32)

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = weights @ self._weights[items]
        return scores

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        contributions: NDArray[np.float32] = weights * self._weights[items, targets[:, np.newaxis]]
        return contributions

    def _similar(self, item: int) -> NDArray[np.float32]:
        """How much the film speaks for each other one at a later visit."""
        row: NDArray[np.float32] = self._weights[item].copy()
        return row

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users are never held
        # The two matrices of sums, each also as the sparse one that it comes from, and the weights.
        return 40 * n_items**2 + 40 * nnz


def _visits(matrix: Csr, times: NDArray[np.int64], length: int) -> tuple[Csr, Csr]:
    """Return what each user liked until ``length`` seconds after their first like, and what later.

    Of somebody who never came back, and of likes whose time is not known, there is neither.
    """
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    first = np.full(matrix.shape[0], np.iinfo(np.int64).max)
    dated = times >= 0
    np.minimum.at(first, rows[dated], times[dated])
    late = dated & (times - first[rows] > length)
    back = np.bincount(rows[late], minlength=matrix.shape[0])[rows] > 0
    return _some(matrix, rows, dated & ~late & back), _some(matrix, rows, late)


def _some(matrix: Csr, rows: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Csr:
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows[chosen], minlength=matrix.shape[0]))))
    likes = np.ones(int(chosen.sum()), np.float32)
    return sparse.csr_array((likes, matrix.indices[chosen], starts), shape=matrix.shape)
