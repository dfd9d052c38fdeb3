"""The most popular films: the baselines that every other recommender has to beat."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import LikedFirstParams, PopularParams, PopularRecentParams
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.liked_first import liked_first
from movie_mlops.recommenders.liked_lately import lately_since
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout


class _SameForAll(Recommender):
    """One ranking for every history."""

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        popularity = self._popularity(training).astype(np.float32)
        advance(100)
        return {"popularity": popularity}

    @abstractmethod
    def _popularity(self, training: Training) -> NDArray[np.float64]:
        """Return each film's score."""

    def _layout(self, n_known: int) -> Layout:
        return {"popularity": (np.float32, (n_known,))}

    def _adopt(self, learned: Arrays) -> None:
        self._scores: NDArray[np.float32] = learned["popularity"]

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return np.tile(self._scores, (histories.shape[0], 1))

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ARG002  # the same for all
        return self._scores.copy()

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users need nothing
        return 40 * n_items + 9 * nnz


class PopularRecommender(_SameForAll):
    """The films that most users liked, of all time. The score is the number of users."""

    name = "popular"
    capabilities = Capabilities(personalised=False, needs_times=False, similar=False, explains=False)
    params_type = PopularParams
    params: PopularParams

    def _popularity(self, training: Training) -> NDArray[np.float64]:
        return _counts(training.matrix.indices, training.matrix.shape[1])


class PopularRecentRecommender(_SameForAll):
    """The films that most users liked in the last days of the training data.

    The score is the number of users in the window, plus a part below one that orders equals by their number of all
    time (in float32, so that numbers above a few thousand keep only the coarse part of it).
    """

    name = "popular-recent"
    capabilities = Capabilities(personalised=False, needs_times=True, similar=False, explains=False)
    params_type = PopularRecentParams
    params: PopularRecentParams

    def _popularity(self, training: Training) -> NDArray[np.float64]:
        assert training.times is not None  # the port has checked it
        n_items = training.matrix.shape[1]
        now, params = int(training.times.max()), self.params
        recent = training.times > lately_since(training.times, days=params.days, least=params.least, now=now)
        of_all_time = _counts(training.matrix.indices, n_items)
        popularity: NDArray[np.float64] = _counts(training.matrix.indices[recent], n_items)
        popularity += of_all_time / (of_all_time.max() + 1)
        return popularity


class LikedFirstRecommender(_SameForAll):
    """The films that people like first: for a newcomer, of whom nothing is known; see `liked_first`."""

    name = "liked-first"
    capabilities = Capabilities(personalised=False, needs_times=True, similar=False, explains=False)
    params_type = LikedFirstParams
    params: LikedFirstParams

    def _popularity(self, training: Training) -> NDArray[np.float64]:
        assert training.times is not None  # the port has checked it
        matrix, times = training.matrix, training.times
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        ever = _counts(matrix.indices, matrix.shape[1])
        return liked_first(users, matrix.indices, times, ever, self.params, now=int(times.max()))

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        return super()._memory_needed(n_users, n_items, nnz) + 80 * nnz


def _counts(items: NDArray[np.integer], n_items: int) -> NDArray[np.float64]:
    return np.bincount(items, minlength=n_items).astype(np.float64)
