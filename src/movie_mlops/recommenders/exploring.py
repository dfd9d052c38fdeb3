"""Lists with a little chance in them, and how probable each film of a list was.

A list that is always the best one teaches nothing about the films that are not on it, and what it would have been
worth to show others can never be told from its log. So a share of the places is filled by chance. What makes such a
log worth something is that the probability of every choice is known: it is computed here, never estimated.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.errors import ParameterError
from movie_mlops.recommenders.ranking import NO_ITEM, top_k

Lists = NDArray[np.int32]
Propensities = NDArray[np.float64]


@dataclass(frozen=True)
class ExploringPolicy:
    """Fills a list from the top: each place with the best film that is left or, at times, with any film that is left.

    Attributes:
        share: The probability (0 to 1) that a place is filled by chance.
        pool: Chance draws, each as likely as the others, from the ``pool`` best films of a user, or of as many places
            as the list has where that is more; ``None`` draws from all films. A film outside the pool is never shown.

    Raises:
        ParameterError: A number is out of range.
    """

    share: float
    pool: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no probability, and a pool without films."""
        if not (math.isfinite(self.share) and 0 <= self.share <= 1):
            raise ParameterError(f"share is {self.share}.", next_step="Give a probability from 0 to 1.")
        if self.pool is not None and self.pool < 1:
            raise ParameterError(f"pool is {self.pool}.", next_step="Give at least 1, or None for all films.")

    def draw(
        self,
        scores: NDArray[np.float32],
        k: int,
        generator: np.random.Generator,
        *,
        exclude: sparse.csr_matrix | None = None,
    ) -> tuple[Lists, Propensities]:
        """Draw one list for each row of scores.

        Args:
            scores: float32[n, items]; ``-inf`` is never shown.
            k: Length of the lists.
            generator: Where chance comes from.
            exclude: csr[n, items] whose stored entries are never shown.

        Returns:
            int32[n, k] of items, :data:`~movie_mlops.recommenders.NO_ITEM` where none is left; and float64[n, k], the
            probability of each choice given the films above it (1 where none is left).

        Raises:
            ScoresRefusedError: A score is NaN.
        """
        state = _Filling.of(self, scores, k, exclude)
        lists = np.full((len(scores), k), NO_ITEM, dtype=np.int32)
        propensities = np.ones((len(scores), k))
        for place in range(k):
            column = state.best()
            by_chance = np.flatnonzero(generator.random(len(scores)) < self.share)
            column[by_chance] = state.any_of(by_chance, generator.random(by_chance.size))
            propensities[:, place] = state.probability(column, self.share)
            lists[:, place] = state.take(column)
        return lists, propensities

    def reach(
        self, scores: NDArray[np.float32], k: int, *, exclude: sparse.csr_matrix | None = None
    ) -> NDArray[np.bool_]:
        """Return bool[n, items]: which films can be on a list of ``k`` at all."""
        ranking = _Filling.of(self, scores, k, exclude).ranking
        found = np.zeros((len(scores), scores.shape[1] + 1), np.bool_)
        np.put_along_axis(found, ranking.astype(np.int64), values=True, axis=1)
        return found[:, :-1]

    def propensities(
        self, scores: NDArray[np.float32], lists: Lists, *, exclude: sparse.csr_matrix | None = None
    ) -> Propensities:
        """Return how probable each choice of given lists would be, given the films above it.

        Args:
            scores: float32[n, items], by which this policy would choose.
            lists: int32[n, k] that somebody else may have chosen.
            exclude: csr[n, items] whose stored entries this policy would never show.

        Returns:
            float64[n, k]; 0 where this policy would never make the choice, 1 where the list has no film.
        """
        nothing = np.broadcast_to(0.0, scores.shape)
        return self.expectations(scores, lists, nothing, exclude=exclude)[0]

    def expectations(
        self,
        scores: NDArray[np.float32],
        lists: Lists,
        values: NDArray[np.float64],
        *,
        exclude: sparse.csr_matrix | None = None,
    ) -> tuple[Propensities, NDArray[np.float64]]:
        """Return :meth:`propensities`, and what each place would be worth on average if this policy filled it.

        Args:
            scores: float32[n, items].
            lists: int32[n, k]; what stands above a place is what these lists have there.
            values: float64[n, items], the worth of each film to each row.
            exclude: csr[n, items].

        Returns:
            The propensities, and float64[n, k]: the mean of ``values`` over what this policy would choose.
        """
        state = _Filling.of(self, scores, lists.shape[1], exclude)
        propensities, expected = np.ones(lists.shape), np.zeros(lists.shape)
        for place in range(lists.shape[1]):
            column = state.column_of(lists[:, place])
            expected[:, place] = state.expectation(values, self.share)
            propensities[:, place] = np.where(lists[:, place] == NO_ITEM, 1.0, state.probability(column, self.share))
            state.take(column)
        return propensities, expected


class _Filling:
    """Lists while they are filled: what may be chosen, best first, and what is taken already.

    Attributes:
        ranking: int32[n, pool]; ``NO_ITEM`` behind the last.
        left: bool[n, pool], which of them can still be chosen.
    """

    def __init__(self, ranking: Lists) -> None:
        self.ranking = ranking
        self.left = ranking != NO_ITEM
        self._rows = np.arange(len(ranking))

    @classmethod
    def of(
        cls, policy: ExploringPolicy, scores: NDArray[np.float32], k: int, exclude: sparse.csr_matrix | None
    ) -> "_Filling":
        # Without chance only the k best can ever be shown.
        wanted = k if policy.share == 0 else max(k, policy.pool or scores.shape[1])
        return cls(top_k(scores, min(wanted, max(k, scores.shape[1])), exclude=exclude))

    def best(self) -> NDArray[np.int64]:
        """Return the column of the best that is left; -1 where nothing is."""
        return np.where(self.left.any(axis=1), self.left.argmax(axis=1), -1)

    def any_of(self, rows: NDArray[np.int64], chance: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return a column for each of some rows, each that is left as likely as the others."""
        reach = np.cumsum(self.left[rows], axis=1)
        wanted = np.minimum((chance * reach[:, -1]).astype(np.int64) + 1, reach[:, -1])
        return np.where(reach[:, -1] > 0, (reach < wanted[:, None]).sum(axis=1), -1)

    def column_of(self, items: Lists) -> NDArray[np.int64]:
        """Return where each row's item stands; -1 where it cannot be chosen."""
        found = (self.ranking == items[:, None]) & self.left
        return np.where(found.any(axis=1), found.argmax(axis=1), -1)

    def probability(self, column: NDArray[np.int64], share: float) -> Propensities:
        """Return how probable it is that each row's column is chosen next; 1 where nothing is left to choose."""
        count = self.left.sum(axis=1)
        chosen = np.where(column == self.best(), 1 - share, 0.0) + share / np.maximum(count, 1)
        return np.where(count == 0, 1.0, np.where(column < 0, 0.0, chosen))

    def expectation(self, values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
        """Return the mean of ``values`` over the next choice; 0 where nothing is left."""
        count = self.left.sum(axis=1)
        worth = np.where(self.left, np.take_along_axis(values, np.maximum(self.ranking, 0), axis=1), 0.0)
        best = worth[self._rows, np.maximum(self.best(), 0)]
        mean: NDArray[np.float64] = (1 - share) * best + share * worth.sum(axis=1) / np.maximum(count, 1)
        return mean

    def take(self, column: NDArray[np.int64]) -> Lists:
        """Take each row's column, and return its item; ``NO_ITEM`` where the column is -1."""
        taken = np.maximum(column, 0)
        items = np.where(column < 0, NO_ITEM, self.ranking[self._rows, taken]).astype(np.int32)
        self.left[self._rows, taken] &= column < 0
        return items
