"""Explaining what has no terms to share out: how much a score falls when a film is left out of the history.

Reference:
    M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014 (occlusion).
"""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.without import History, each_without

_ROWS = 256

Answer = Callable[[Csr, NDArray[np.int64] | None], NDArray[np.float32]]
"""Scores histories, given their times: (users, known films)."""


class OccludedRecommender(Recommender):
    """A recommender that computes each score from the history as a whole.

    A film contributes its score with the whole history minus the score without the film: above 0, leaving it out
    lowers the score. An empty history is answered with zeros, and inside with what the model expects of anybody.
    """

    @abstractmethod
    def _answer(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """Score the known films for every history, also for an empty one: (users, known films)."""

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return self._score_at(histories, None)

    def _score_at(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        scores = self._answer(histories, times)
        scores[np.diff(histories.indptr) == 0] = 0
        return scores

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._score_one_at(items, weights, None)

    def _score_one_at(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        row = sparse.csr_array((weights, items, np.array([0, len(items)])), shape=(1, len(self._known)))
        scores: NDArray[np.float32] = self._score_at(row, times)[0]
        return scores

    def _explain_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        targets: NDArray[np.int32],
        times: NDArray[np.int64] | None,
    ) -> NDArray[np.float32]:
        return falls(self._answer, (items, weights, times), targets, np.arange(len(items)), len(self._known))


def falls(
    answer: Answer, history: History, targets: NDArray[np.int32], left_out: NDArray[np.int64], n_known: int
) -> NDArray[np.float32]:
    """Return how much each target's score falls without each of some films: (targets, left out).

    Args:
        answer: Scores the known films for every history, given their times.
        history: Films, weights and times of the whole history.
        targets: The films whose scores are looked at.
        left_out: Places of the history, each left out on its own.
        n_known: How many films are known.
    """
    # The first row is the whole history.
    asked = np.concatenate(([-1], left_out))
    scores = np.empty((len(asked), len(targets)), np.float32)
    for start in range(0, len(asked), _ROWS):
        histories, times = each_without(history, asked[start : start + _ROWS], n_known)
        scores[start : start + _ROWS] = answer(histories, times)[:, targets]
    fallen: NDArray[np.float32] = (scores[0] - scores[1:]).T
    return fallen
