"""SLIM: each film is rebuilt from a few others, whose weights are not negative and mostly zero.

References:
    X. Ning, G. Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011.
    J. Friedman, T. Hastie, R. Tibshirani, "Regularization Paths for Generalized Linear Models via Coordinate
    Descent", JSS 33(1), 2010 (covariance updates: only the Gram matrix is read, not the users).
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import SlimParams
from movie_mlops.recommenders.errors import TrainingError
from movie_mlops.recommenders.gram import block_memory, dense_gram, gram_block_memory, row_blocks
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.neighbours import NeighbourRecommender, lists_memory, strongest_of
from movie_mlops.recommenders.spread import spread
from movie_mlops.recommenders.stored import Arrays

_FILMS_AT_ONCE: Final = 8


class SlimRecommender(NeighbourRecommender):
    """Film j's column x_j of the matrix X is rebuilt as ``X w``, with ``w ≥ 0`` and ``w_j = 0``.

    w has the least ``½ |x_j - X w|² + ½ λ₂ |w|² + λ₁ |w|₁``. Where film i and film j have no more than λ₁ in common,
    ``w_i`` is 0, and i is left out from the start: no X and no w being negative, the slope at i never gets above
    ``x_i · x_j - λ₁``.
    """

    name = "slim"
    params_type = SlimParams
    params: SlimParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        gram = dense_gram(training.matrix, training.engine)
        if not np.isfinite(gram).all():
            raise TrainingError(
                "The films' Gram matrix is too large for single precision.", next_step="Use smaller weights."
            )
        advance(10)
        return strongest_of(self._blocks(gram, advance), self.params.neighbours)

    def _blocks(self, gram: NDArray[np.float32], advance: Advance) -> Iterator[NDArray[np.float32]]:
        from movie_mlops.recommenders.compiled import elastic_nets  # noqa: PLC0415 - numba takes longer than the room

        l1, l2 = np.float32(self.params.l1), np.float32(self.params.l2)
        for start, stop in row_blocks(len(gram), len(gram)):
            weights = np.zeros((stop - start, len(gram)), np.float32)
            spread(partial(elastic_nets, gram, l1, l2, start, weights), stop - start, _FILMS_AT_ONCE)
            yield weights
            advance(90 * (stop - start) / len(gram))

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users are never held
        kept = lists_memory(n_items, self.params.neighbours)
        return 5 * n_items**2 + gram_block_memory(n_items, nnz) + block_memory(n_items) + kept
