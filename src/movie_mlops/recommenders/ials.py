"""iALS: matrix factorisation for implicit feedback, trained by the library ``implicit``.

References:
    Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
    G. Takács, I. Pilászy, D. Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback
    Collaborative Filtering", RecSys 2011 (the solver of the training).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import spotrf, spotrs
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import IalsParams
from movie_mlops.recommenders.errors import TrainingError
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout


class IalsRecommender(Recommender):
    """Only the films' vectors Y are kept; a history's own vector is solved for when it is asked about.

    With confidence ``c_i = alpha · weight_i`` of the history's films and 1 of all others, the vector is
    ``x = A⁻¹ Σ c_i y_i`` with ``A = YᵀY + λI + Σ (c_i - 1) y_i y_iᵀ``, and film j's score is ``x · y_j``.
    """

    name = "ials"
    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)
    params_type = IalsParams
    params: IalsParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        # Imported here: only training needs it, and it takes longer to import than all the rest.
        from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415
        from implicit.recommender_base import ModelFitError  # noqa: PLC0415

        params = self.params
        # The library runs its own threads over users; BLAS threads below them would only stand in their way.
        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=params.factors,
                regularization=params.regularisation,
                alpha=params.alpha,
                iterations=params.iterations,
                random_state=params.seed,
            )

            def after(iteration: int, *_: float) -> None:
                advance(100 / params.iterations)
                self._after_step((iteration + 1) / params.iterations, lambda: _films_of(model))

            try:
                model.fit(sparse.csr_matrix(training.matrix), show_progress=False, callback=after)
            except ModelFitError as error:
                raise TrainingError(
                    f"The training of ials broke down: {error}.",
                    next_step="Train again with more regularisation, or with smaller weights.",
                ) from error
        return _films_of(model)

    def _layout(self, n_known: int) -> Layout:
        return {"item_factors": (np.float32, (n_known, self.params.factors))}

    def _adopt(self, learned: Arrays) -> None:
        # Every answer reads them from end to end: out of a mapped file's small pages that takes a fifth longer.
        self._factors: NDArray[np.float32] = np.array(learned["item_factors"], order="C")
        self._base = self._factors.T @ self._factors
        self._base[np.diag_indices_from(self._base)] += np.float32(self.params.regularisation)
        self._last: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]] | None = None

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        users = np.empty((histories.shape[0], self._factors.shape[1]), np.float32)
        # One small system for each user: handing each to several BLAS threads costs more than solving it.
        with threadpool_limits(limits=1, user_api="blas"):
            for user, (start, stop) in enumerate(zip(histories.indptr[:-1], histories.indptr[1:], strict=True)):
                users[user] = self._user(histories.indices[start:stop], histories.data[start:stop])
        return users @ self._factors.T

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._factors @ self._user(items, weights)

    def _similar(self, item: int) -> NDArray[np.float32]:
        """Cosine of the two films' vectors."""
        lengths = np.sqrt(np.einsum("ij,ij->i", self._factors, self._factors)) * np.linalg.norm(self._factors[item])
        products = self._factors @ self._factors[item]
        cosines: NDArray[np.float32] = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        return cosines

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Share out ``y_jᵀ A⁻¹ Σ c_i y_i`` by the terms of its sum (Hu, Koren and Volinsky, section 5)."""
        # One factorisation serves every target: each is one more right-hand side.
        towards = self._solve(items, weights, self._factors[targets].T)
        return np.float32(self.params.alpha) * weights * (self._factors[items] @ towards).T

    def _user(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros(self._factors.shape[1], np.float32)
        confidences = np.float32(self.params.alpha) * weights
        return self._solve(items, weights, np.asarray(confidences @ self._factors[items], np.float32))

    def _solve(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], right: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return ``A⁻¹ right`` for a history."""
        solution, _ = spotrs(self._cholesky(items, weights), right)
        return np.asarray(solution, dtype=np.float32)

    def _cholesky(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the Cholesky factor of a history's A; the last one is kept, since its reasons follow its scores."""
        last = self._last
        if last is not None and np.array_equal(last[0], items) and np.array_equal(last[1], weights):
            return last[2]
        liked = self._factors[items]
        beyond = (np.float32(self.params.alpha) * weights - 1)[:, np.newaxis]
        system = self._base + liked.T @ (beyond * liked)
        # It is symmetric; transposed it lies as LAPACK wants it, which would copy it otherwise.
        factor, info = spotrf(system.T, overwrite_a=1)
        if info != 0:
            raise TrainingError(
                "A history's vector cannot be solved for in single precision.",
                next_step="Raise the recommender's regularisation, or use smaller weights.",
            )
        # One assignment of something that is never changed: safe between threads.
        self._last = (items, weights, factor)
        return np.asarray(factor, dtype=np.float32)

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        return 12 * self.params.factors * (n_users + n_items) + 12 * self.params.factors**2 + 32 * nnz


def _films_of(model: Any) -> Arrays:
    return {"item_factors": np.ascontiguousarray(model.item_factors, dtype=np.float32)}
