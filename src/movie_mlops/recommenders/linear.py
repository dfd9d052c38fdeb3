"""Linear autoencoders with a closed form: EASE and EDLAE.

Both learn a matrix B (films by films) with a zero diagonal so that a history x is rebuilt as ``x B``; the scores of
the films that x lacks are the recommendation. They differ only in the penalty of each film.

Both can weigh histories by their length. Without that, a user with ten times the likes has a hundred times the say in
``XᵀX``, though each single like of a long history tells less; and a film that everybody likes is scored above what
each one likes in particular.

Both can also compare films by a curve of their cosine instead of the cosine itself, the tangent kernel's: a network of
one layer, infinitely wide, over the films' likes instead of a linear one.

References:
    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (EASE).
    H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020 (EDLAE).
    Y. Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021 (dividing by powers of the
    users' and the films' numbers of likes); here input and target may have different ones.
    A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel", NeurIPS 2018.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import saxpy
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.closed_form import memory_needed, rows_scaled, solve
from movie_mlops.recommenders.config import EaseParams, EdlaeParams, LinearParams
from movie_mlops.recommenders.gram import squared_lengths
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.without import History, Remains, as_bytes, less_each


class _LinearAutoencoder(Recommender):
    """The closed form that both share.

    Row i of B, contiguous in memory, is what film i adds to every film's score. With p the power of a history as
    input and q that as a target, a history of n films is rebuilt as ``n^(q-p) x B``: the first scale is put on, the
    second is taken off again, so that scores of all users are alike in size. The scale of the mean length and that
    of a film's popularity lie in B.
    """

    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)
    params: LinearParams
    _last: tuple[bytes, NDArray[np.float32]] | None = None
    """The newest history's films and weights, and its scores."""

    @abstractmethod
    def _penalties(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each film's L2 penalty, from the sum of its squared weights."""

    @property
    def _power(self) -> float:
        """With this power of its length, a history is multiplied."""
        return self.params.target_power - self.params.history_power

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        matrix = training.matrix
        active = _liking(matrix)
        lengths = np.diff(active.indptr).astype(np.float64)
        relative = lengths / lengths.mean()
        if self.params.history_power:
            active = rows_scaled(active, relative**-self.params.history_power)
        scales = relative**-self._power if self._power else None
        # Left alone, LAPACK takes every core, and rounds as their number has it.
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            penalties = self._penalties(squared_lengths(active))
            weights = solve(active, penalties, scales, advance, bend=self.params.bend, engine=training.engine)
        if self._power:
            weights *= np.float32(lengths.mean() ** -self._power)
        if self.params.popularity_power:
            likes = np.bincount(matrix.indices, minlength=matrix.shape[1])
            weights *= ((likes / likes.mean()) ** -self.params.popularity_power).astype(np.float32)
        return {"weights": weights}

    def _layout(self, n_known: int) -> Layout:
        return {"weights": (np.float32, (n_known, n_known))}

    def _adopt(self, learned: Arrays) -> None:
        self._weights: NDArray[np.float32] = np.ascontiguousarray(learned["weights"])
        self._last = None

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        if self._power:
            lengths = np.maximum(np.diff(histories.indptr), 1).astype(np.float64)
            histories = rows_scaled(histories, lengths**self._power)
        return np.asarray(histories @ self._weights, dtype=np.float32)

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = np.zeros(len(self._weights), np.float32)
        # Row by row into one small array: gathering the rows first would write and read them all once more.
        for item, weight in zip(items.tolist(), self._scaled(weights).tolist(), strict=True):
            saxpy(self._weights[item], scores, a=weight)
        # Its reasons follow. One assignment of something that is never changed: safe between threads.
        self._last = as_bytes(items, weights), scores.copy()
        return scores

    def _similar(self, item: int) -> NDArray[np.float32]:
        """The geometric mean of what the two films add to each other, ``± √(B_ij B_ji)``.

        Where input and target have the same power, this is ``-P_ij / √(P_ii P_jj)``: the partial correlation of the
        two films given all others.
        """
        row = self._weights[item]
        # Rounding can leave the two with opposite signs where both are next to nothing.
        similarity: NDArray[np.float32] = np.sign(row) * np.sqrt(np.maximum(row * self._weights[:, item], 0))
        return similarity

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        contributions: NDArray[np.float32] = self._scaled(weights) * self._weights[items, targets[:, np.newaxis]]
        return contributions

    def _remains(self, history: History, left_out: NDArray[np.int64], targets: NDArray[np.int32]) -> Remains:
        items, weights, _ = history
        last, lost = self._last, self._scaled(weights)[left_out]
        there = None if last is None or last[0] != as_bytes(items, weights) else last[1]
        total = self._score_one(items, weights) if there is None else there
        rows = self._adds(items[left_out])
        # Without a film the history is shorter, and its length counts.
        shorter = np.float32((1 - 1 / len(items)) ** self._power)
        return less_each(total, rows, lost, targets).times(shorter)

    def _adds(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what each of the films adds to every known film's score: (items, known films)."""
        rows: NDArray[np.float32] = self._weights[items]
        return rows

    def _scaled(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weights of one history, which may be empty, times the power of its length."""
        return weights * np.float32(max(len(weights), 1) ** self._power)

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        # Rows are scaled in double precision before they are kept in single.
        scaling = 24 * nnz if self.params.history_power or self._power else 0
        return memory_needed(n_users, n_items, nnz, scaled=bool(self._power), bent=self.params.bend > 0) + scaling


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


def _liking(matrix: Csr) -> Csr:
    """Return the rows of the users who like something; the matrix itself where all do."""
    likes = np.diff(matrix.indptr) > 0
    return matrix if likes.all() else matrix[np.flatnonzero(likes)]
