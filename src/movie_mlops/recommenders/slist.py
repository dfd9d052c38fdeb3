"""SLIST: a linear model of what comes next, in closed form.

At each moment of a training history the films behind count the less the longer ago they came, by order and not by
days, and so do the films ahead. With x and y these two weighted sets at every moment of every history, B minimises
``Σ |y - x B|² + penalties`` with a zero diagonal. A history is answered by ``x B`` at its end.

Decay by order makes the sums closed too: with f = exp(-1/memory) and g = exp(-1/reach), the pair of films at places
s < t of a history of n enters ``XᵀX`` with ``f^(t-s) (1 - f^2(n-t)) / (1 - f²)`` and ``XᵀY`` with
``(f^(t-s) - g^(t-s)) / (f - g)``, so that no moment is ever written out.

Reference:
    M. Choi, J. Kim, J. Lee, H. Shim, J. Lee, "Session-aware Linear Item-Item Models for Session-based Recommendation",
    WWW 2021 (there within windows; here without).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.closed_form import solve_towards
from movie_mlops.recommenders.config import SlistParams
from movie_mlops.recommenders.gram import block_memory
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout

_LONGEST = 4096
"""Of longer histories the latest films count: what lies further back has decayed long before."""


class SlistRecommender(Recommender):
    """Row i of B, contiguous in memory, is what film i, just met, adds to every film's score."""

    name = "slist"
    capabilities = Capabilities(personalised=True, needs_times=True, similar=True, explains=True, reads_times=True)
    params_type = SlistParams
    params: SlistParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        assert training.times is not None  # the port has checked it
        gram, towards = self._sums(training.matrix, training.times, advance)
        squares = np.diagonal(gram).astype(np.float64)
        dropout = self.params.dropout
        penalties = self.params.regularisation + dropout / (1 - dropout) * squares
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            weights = solve_towards(gram, towards, penalties)
        advance(40)
        return {"weights": weights}

    def _sums(
        self, matrix: Csr, times: NDArray[np.int64], advance: Advance
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return ``XᵀX`` and ``XᵀY`` over every moment of every history."""
        n_items = matrix.shape[1]
        gram, towards = (np.zeros((n_items, n_items), np.float32) for _ in range(2))
        share = 60 / max(matrix.shape[0], 1)
        for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
            order = np.lexsort((matrix.indices[start:stop], times[start:stop]))[-_LONGEST:]
            items, n = matrix.indices[start:stop][order], len(order)
            weights = matrix.data[start:stop][order] * np.float32(max(n, 1) ** -self.params.history_power)
            # Films are met once, so that each pair of places is one pair of films.
            place = np.ix_(items, items)
            both = weights[:, np.newaxis] * weights
            gram[place] += both * self._behind(n)
            towards[place] += both * self._ahead(n)
            advance(share)
        return gram, towards

    def _behind(self, n: int) -> NDArray[np.float32]:
        """Return (n, n): how two places of a history count together as what lies behind, summed over its moments."""
        fading, places = self._fading, np.arange(n)
        # The last place is no moment: nothing lies ahead of it.
        moments = (1 - fading ** (2.0 * (n - 1 - places))) / (1 - fading**2)
        apart = np.abs(places[:, np.newaxis] - places)
        later = np.maximum(places[:, np.newaxis], places)
        together: NDArray[np.float32] = (fading**places).astype(np.float32)[apart] * moments.astype(np.float32)[later]
        return together

    def _ahead(self, n: int) -> NDArray[np.float32]:
        """Return (n, n): how a place behind and a later one ahead count together, summed over the moments between."""
        fading, nearing = self._fading, np.exp(-1 / self.params.reach)
        apart = np.arange(n, dtype=np.float64)
        if np.isclose(fading, nearing):
            decayed = apart * fading ** np.maximum(apart - 1, 0)
        else:
            decayed = (fading**apart - nearing**apart) / (fading - nearing)
        # Seen from behind a place, nothing is ahead.
        by_distance = np.concatenate((decayed, np.zeros(max(n - 1, 0)))).astype(np.float32)
        together: NDArray[np.float32] = by_distance[np.arange(n) - np.arange(n)[:, np.newaxis]]
        return together

    @property
    def _fading(self) -> float:
        return float(np.exp(-1 / self.params.memory))

    def _layout(self, n_known: int) -> Layout:
        return {"weights": (np.float32, (n_known, n_known))}

    def _adopt(self, learned: Arrays) -> None:
        self._weights: NDArray[np.float32] = np.ascontiguousarray(learned["weights"])

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return self._score_at(histories, None)

    def _score_at(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        if times is None:
            return np.asarray(histories @ self._weights, dtype=np.float32)
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        starts = histories.indptr[:-1][rows]
        order = np.lexsort((-histories.indices, -times, rows))
        since = np.empty(len(order), np.int64)
        since[order] = np.arange(len(order)) - starts
        decayed = (histories.data * self._fading**since).astype(np.float32)
        faded = sparse.csr_array((decayed, histories.indices, histories.indptr), shape=histories.shape)
        return np.asarray(faded @ self._weights, dtype=np.float32)

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._score_one_at(items, weights, None)

    def _score_one_at(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._faded(items, weights, times) @ self._weights[items]
        return scores

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return self._explain_at(items, weights, targets, None)

    def _explain_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        targets: NDArray[np.int32],
        times: NDArray[np.int64] | None,
    ) -> NDArray[np.float32]:
        contributions: NDArray[np.float32] = (
            self._faded(items, weights, times) * self._weights[items, targets[:, np.newaxis]]
        )
        return contributions

    def _faded(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Return the weights of a history as they count at its end; all alike where no time is known."""
        if times is None:
            return weights
        since = np.empty(len(items), np.int64)
        since[np.lexsort((-items, -times))] = np.arange(len(items))
        faded: NDArray[np.float32] = (weights * self._fading**since).astype(np.float32)
        return faded

    def _similar(self, item: int) -> NDArray[np.float32]:
        """How much the film speaks for each other one as the next."""
        row: NDArray[np.float32] = self._weights[item].copy()
        return row

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users are never held
        return 8 * n_items**2 + 16 * nnz + 3 * block_memory(n_items)
