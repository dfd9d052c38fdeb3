"""RP3β: a film's score is how likely a walk of three random steps from the user ends there.

The walk goes from the history's films to those who like them, and on to what they like.

References:
    C. Cooper, S. H. Lee, T. Radzik, Y. Siantos, "Random walks in recommender systems: exact computation and
    simulations", WWW 2014 (P3, and the power alpha).
    B. Paudel, F. Christoffel, C. Newell, A. Bernstein, "Updatable, Accurate, Diverse, and Scalable Recommendations for
    Interactive Applications", ACM TiiS 7(1), 2017 (RP3β: the end divided by a power of its popularity).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import Rp3BetaParams
from movie_mlops.recommenders.gram import gram_block_memory, gram_blocks
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.neighbours import NeighbourRecommender, lists_memory, strongest_of
from movie_mlops.recommenders.stored import Arrays


class Rp3BetaRecommender(NeighbourRecommender):
    """The walk from film i to user u to film j weighs ``p(u|i)^alpha p(j|u)^alpha``; all that end at j are summed.

    ``p(u|i)`` is u's share of all likes of i by weight, ``p(j|u)`` that of j in all likes of u. What film i says for
    film j is that sum divided by ``m_j^beta``, with m the sum of the film's weights, which is its number of likes
    where each weighs 1. Each film j keeps the films that say most for it. The first step, from the user to the
    history, is the history's own weight.
    """

    name = "rp3-beta"
    params_type = Rp3BetaParams
    params: Rp3BetaParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        return strongest_of(self._blocks(training, advance), self.params.neighbours)

    def _blocks(self, training: Training, advance: Advance) -> Iterator[NDArray[np.float32]]:
        matrix = training.matrix
        alpha, beta = self.params.alpha, self.params.beta
        values = matrix.data.astype(np.float64)
        by_film = np.bincount(matrix.indices, values)
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        by_user = np.bincount(users, values)
        # Σ (x_ui/m_i)^a (x_uj/n_u)^a = m_i^-a Σ (x_ui x_uj / n_u)^a: half of n's power goes to either side.
        halves = matrix.copy()
        halves.data = (values**alpha * by_user[users] ** (-alpha / 2)).astype(np.float32)
        del values, users
        starting, ending = (by_film**-alpha).astype(np.float32), (by_film**-beta).astype(np.float32)
        for start, block in gram_blocks(halves, training.engine):
            for item, together in enumerate(block, start):
                together *= starting * ending[item]  # noqa: PLW2901  # in place: the block is ours
                together[item] = 0
            yield block
            advance(100 * len(block) / len(ending))

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        walks = 40 * nnz + 16 * (n_users + n_items)
        return walks + gram_block_memory(n_items, nnz) + lists_memory(n_items, self.params.neighbours)
