"""What a recommender computes, apart from all checks: what its class has to write, and what it may.

Every index is that of a *known* film, and nothing of what comes in has to be looked at again; see `port`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import Params
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.without import History, Remains, each_without


class Arithmetic(ABC):
    """The private side of the port; `Recommender` puts the public one before it.

    Attributes:
        name: The name in `NAMES`.
        capabilities: What it can do.
        params_type: The dataclass of its parameters.
        params: Its parameters.
    """

    name: ClassVar[str]
    capabilities: Capabilities
    params_type: ClassVar[type[Params]]
    params: Params
    _reads_signs: ClassVar[bool] = False
    """Whether `_score_at` and the like are handed what speaks against films too, below zero beside the likes."""
    _known: NDArray[np.int32]

    @abstractmethod
    def _fit(self, training: Training, advance: Advance) -> Arrays:
        """Learn from a matrix in which every column has a like or, where unseen films are scored, content.

        A user's row may be empty.
        """

    @abstractmethod
    def _layout(self, n_known: int) -> Layout:
        """Say which arrays `_fit` returns for ``n_known`` films."""

    @abstractmethod
    def _score(self, histories: Csr) -> NDArray[np.float32]:
        """Score the known films for every history: (users, known films)."""

    @abstractmethod
    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score the known films for one history, which may be empty: (known films,)."""

    @abstractmethod
    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        """Return the peak bytes of `_fit`, its result included."""

    def _content_memory(self, n_items: int, n_features: int, n_facts: int) -> int:  # noqa: ARG002  # for those that read content
        """Return the peak bytes that content takes of `_fit` beyond `_memory_needed`."""
        return 0

    @abstractmethod
    def _adopt(self, learned: Arrays) -> None:
        """Prepare what scoring needs from arrays that were just learned or restored."""

    def _similar(self, item: int) -> NDArray[np.float32]:
        """Return a fresh array of every known film's similarity to ``item``."""
        raise NotImplementedError(item)

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return what each film of a history that is not empty contributes to each target: (targets, items)."""
        raise NotImplementedError(items, weights, targets)

    def _best(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        k: int,
        without: NDArray[np.int64],
        among: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Return exactly ``k`` best known films and their scores; ``None`` where scoring all of them is as good.

        ``among`` says of each known film whether it counts; ``without`` do not, whatever it says.
        """
        del items, weights, k, without, among
        return None

    def _explain_content(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], target: int
    ) -> NDArray[np.float32]:
        """Return what each fact adds to the score of a film, which may be unknown (-1), for a history, maybe empty."""
        raise NotImplementedError(items, weights, target)

    def _expected(self, liked: NDArray[np.int64], traits: Csr | None) -> NDArray[np.float32] | None:  # noqa: ARG002  # for those that read traits
        """Return what comes to the scores from who somebody is: (users, known films); None for nothing at all.

        Args:
            liked: int64[users]; how many known films each user likes.
            traits: Users by traits; None where nothing is known of anybody.
        """
        return None

    def _traits(self) -> int:
        """Return how many traits the training had."""
        return 0

    def _of_store(self) -> tuple[str, ...]:
        """Return what it reads of a feature store."""
        return ()

    def _looks_up(self) -> bool:
        """Return whether scores hang on that."""
        return False

    def _traits_memory(self, n_items: int, n_traits: int) -> int:  # noqa: ARG002  # for those that read traits
        """Return the peak bytes that traits take of `_fit` beyond `_memory_needed`."""
        return 0

    @abstractmethod
    def _liked(self) -> NDArray[np.bool_]:
        """Return which of the known films somebody liked in training: bool[known films]."""

    def _score_at(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:  # noqa: ARG002  # for those that read times
        """Score as `_score` does, with the time of each of the histories' values."""
        return self._score(histories)

    def _score_one_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        times: NDArray[np.int64] | None,  # noqa: ARG002
    ) -> NDArray[np.float32]:
        """Score as `_score_one` does, with the time of each film."""
        return self._score_one(items, weights)

    def _explain_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        targets: NDArray[np.int32],
        times: NDArray[np.int64] | None,  # noqa: ARG002
    ) -> NDArray[np.float32]:
        """Explain as `_explain` does, with the time of each film."""
        return self._explain(items, weights, targets)

    def _remains(self, history: History, left_out: NDArray[np.int64], targets: NDArray[np.int32]) -> Remains:
        """Return what is left of the targets' scores where a film of a history is left out, each on its own.

        The history has likes alone, at least two, and ``left_out`` are places of it.
        """
        return Remains.of(self._score_at(*each_without(history, left_out, len(self._known))), targets)
