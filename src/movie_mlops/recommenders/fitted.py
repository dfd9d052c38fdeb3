"""What a recommender has once it is trained: which films it knows, and how its scores of these become those of all."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.arithmetic import Arithmetic
from movie_mlops.recommenders.config import Params
from movie_mlops.recommenders.errors import NotFittedError, ParameterError, UnsupportedError
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.known_features import Asked
from movie_mlops.recommenders.stored import Arrays


class Fitted(Arithmetic):
    """A recommender as it stands between its training and its answers."""

    def __init__(self, params: Params | None = None) -> None:
        given = self.params_type() if params is None else params
        if not isinstance(given, self.params_type):
            raise ParameterError(
                f"The recommender {self.name} was given {type(given).__name__}.",
                next_step=f"Give {self.params_type.__name__}.",
            )
        self.params = given
        self._learned: Arrays | None = None
        self._known = np.empty(0, np.int32)
        self._position = np.empty(0, np.int32)
        self._show: Callable[[float, Arrays], None] | None = None
        self._asked: Asked | None = None

    @property
    def n_items(self) -> int:
        """How many films the training matrix had.

        Raises:
            NotFittedError: It was neither trained nor restored.
        """
        self._require_fitted()
        return len(self._position)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which films it scores: bool[items].

        Raises:
            NotFittedError: It was neither trained nor restored.
        """
        self._require_fitted()
        known: NDArray[np.bool_] = self._position >= 0
        return known

    def _liked(self) -> NDArray[np.bool_]:
        return np.ones(len(self._known), np.bool_)

    @property
    def met(self) -> NDArray[np.bool_]:
        """Which of these somebody liked in training: bool[items]; the others are known by their facts alone.

        Raises:
            NotFittedError: It was neither trained nor restored.
        """
        met = self.known
        met[self._known] = self._liked()
        return met

    def _with_expected(
        self, scores: NDArray[np.float32], likes: NDArray[np.integer], traits: Csr | None
    ) -> NDArray[np.float32]:
        """Return the scores with what is expected of such users; of whom nothing at all is known nothing is."""
        expected = self._expected(likes.astype(np.int64), traits)
        if expected is None:
            return scores
        told = likes > 0 if traits is None else (likes > 0) | (np.diff(traits.indptr) > 0)
        expected[~told] = 0
        return scores + (expected if scores.ndim > 1 else expected[0])

    def _traits_asked(self) -> int | None:
        return self._traits() if self.capabilities.reads_traits else None

    def _who(self, traits: Csr | None) -> Csr | None:
        return traits if self.capabilities.reads_traits else None

    def _expand(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(self._known) == len(self._position):
            return scores
        lowest = np.minimum(scores.min(axis=-1, keepdims=True), 0)
        everything = np.empty((*scores.shape[:-1], len(self._position)), np.float32)
        everything[...] = lowest
        everything[..., self._known] = scores
        return everything

    @property
    def _subtracts(self) -> bool:
        return self.capabilities.personalised and self.capabilities.additive and not self._reads_signs

    def _require_fitted(self) -> Arrays:
        if self._learned is None:
            raise NotFittedError(
                f"The recommender {self.name} has not been trained.", next_step="Call fit, or restore its arrays."
            )
        return self._learned

    def _require(self, can: bool, what: str) -> None:
        if not can:
            raise UnsupportedError(
                f"The recommender {self.name} gives no {what}.", next_step="Look at its capabilities before you ask."
            )
