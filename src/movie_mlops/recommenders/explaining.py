"""Why a score is what it is: by the films of a history, by facts of the film, by traits of the user."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from movie_mlops.recommenders.errors import HistoryError
from movie_mlops.recommenders.facts import check_traits_of_one
from movie_mlops.recommenders.fitted import Fitted
from movie_mlops.recommenders.inputs import (
    Csr,
    check_history,
    check_history_times,
    check_item,
    part_of,
)
from movie_mlops.recommenders.without import Remains


class Explaining(Fitted):
    """A recommender that says what carried its scores, where it can."""

    def explain(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        target: int,
        *,
        times: ArrayLike | None = None,
        traits: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Share one film's score out among the history's films.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            target: Index of the film whose score is explained.
            times: Unix seconds of each film of the history, -1 where unknown.
            traits: How much of each of the training's traits the user has, as in `score_one`.

        Returns:
            The contribution of each film of the history, in its order. They sum to the target's score where the
            capabilities call the recommender additive; else each is how much the score falls without the film. A film
            that the training never saw contributes 0, and as a target receives 0 from all.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: The history or the target cannot be used.
        """
        contributions: NDArray[np.float32] = self.explain_many(items, weights, [target], times=times, traits=traits)[0]
        return contributions

    def explain_many(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        targets: Sequence[int],
        *,
        times: ArrayLike | None = None,
        traits: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Explain the scores of several films for one history, as `explain` does, at the speed of a request.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            targets: Indices of the films whose scores are explained.
            times: Unix seconds of each film of the history, -1 where unknown.
            traits: How much of each of the training's traits the user has, as in `score_one`.

        Returns:
            Contributions of shape (targets, items); a row is what `explain` gives for its target.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: The history or a target cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        told = self._who(check_traits_of_one(traits, self._traits_asked()))
        explained = self._position[np.array([check_item(target, self.n_items) for target in targets], np.int64)]
        self._require(self.capabilities.explains, "explanations")
        return self._contributions(self._position[films], strengths, stamps, explained, told)

    def _contributions(
        self,
        positions: NDArray[np.int32],
        strengths: NDArray[np.float32],
        stamps: NDArray[np.int64] | None,
        explained: NDArray[np.int32],
        told: Csr | None,
    ) -> NDArray[np.float32]:
        """Explain as `explain_many` does, films and targets being known ones, or below 0; ``told`` are the traits."""
        if len(explained) and len(positions) and not self.capabilities.reads_traits:
            lowest = min(int(explained.min()), int(positions.min()))
            if lowest >= 0 and strengths.min() > 0:
                # As most are: likes alone, of films that are all known.
                return self._explain_at(positions, strengths, explained, stamps)
        known, liked = explained >= 0, (positions >= 0) & (strengths > 0)
        contributions = np.zeros((len(explained), len(positions)), np.float32)
        for sign, counts in self._sides(positions, strengths) if known.any() else ():
            weighed = sign * strengths[counts]
            said = self._explain_at(positions[counts], weighed, explained[known], part_of(stamps, counts))
            if said.shape == contributions.shape:
                contributions = sign * said
            else:
                contributions[np.ix_(known, counts)] = sign * said
        if self.capabilities.reads_traits and known.any():
            falls = self._expected_falls(int(liked.sum()), told, explained[known])
            contributions[known] += falls[:, np.newaxis] * (liked & (contributions[known] != 0))
        return contributions

    def remains(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        left_out: NDArray[np.int64],
        targets: NDArray[np.int32],
        *,
        times: ArrayLike | None = None,
    ) -> Remains:
        """Say what is left of the scores of some films where films of a history are left out, one at a time.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            left_out: Places of the history.
            targets: Indices of the films whose scores are looked at.
            times: Unix seconds of each film of the history, -1 where unknown.

        Returns:
            Their scores, and mean and deviation of all films' scores: for each film that is left out what `score`
            says of the rest of the history, where nothing is known of its user.

        Raises:
            NotFittedError: It was neither trained nor restored.
            HistoryError: The history cannot be used, or is not of at least two films that are liked and known.
        """
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        positions, explained = self._position[films], self._position[targets]
        if not len(films[1:]) or strengths.min() <= 0 or positions.min() < 0 or explained.min(initial=0) < 0:
            raise HistoryError(
                "Nothing can be left out of a history without two films that are liked and known.",
                next_step="Give such a history, or ask what each of its films contributes.",
            )
        return self._remains((positions, strengths, stamps), left_out, explained)

    def explain_content(self, items: ArrayLike, weights: ArrayLike, target: int) -> NDArray[np.float32]:
        """Share the score of a film that nobody has met out among its facts.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            target: Index of the film whose score is explained.

        Returns:
            For each column of the content that the training was given, by how much the score would fall if the film
            lacked it; 0 for every fact of a film that is scored by its likes.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: The history or the target cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        explained = int(self._position[check_item(target, self.n_items)])
        self._require(self.capabilities.explains_content, "explanations by facts of films")
        positions = self._position[films]
        told = self._explain_content(positions[:0], strengths[:0], explained)
        for sign, counts in self._sides(positions, strengths):
            told += sign * self._explain_content(positions[counts], sign * strengths[counts], explained)
        return told

    def explain_traits(
        self, items: ArrayLike, weights: ArrayLike, target: int, traits: ArrayLike
    ) -> NDArray[np.float32]:
        """Say by how much one film's score would fall without each of the user's traits.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            target: Index of the film whose score is explained.
            traits: How much of each of the training's traits the user has.

        Returns:
            For each trait of the training how much the target's score falls without it; 0 for those that the user
            lacks, and for a film that the training never saw.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: It does not read traits.
            HistoryError: The history, the traits or the target cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        position = int(self._position[check_item(target, self.n_items)])
        self._require(self.capabilities.reads_traits, "explanations by traits of users")
        told = check_traits_of_one(traits, self._traits())
        contributions = np.zeros(self._traits(), np.float32)
        if told is None or position < 0 or not told.nnz:
            return contributions
        without = sparse.vstack([told] * (1 + told.nnz)).toarray()
        without[np.arange(1, 1 + told.nnz), told.indices] = 0
        likes = np.count_nonzero((self._position[films] >= 0) & (strengths > 0), keepdims=True)
        nothing = np.zeros((1 + told.nnz, len(self._known)), np.float32)
        scores = self._with_expected(nothing, np.repeat(likes, 1 + told.nnz), sparse.csr_array(without))[:, position]
        contributions[told.indices] = scores[0] - scores[1:]
        return contributions

    def _expected_falls(self, likes: int, traits: Csr | None, targets: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return by how much what is expected of the targets falls where one film fewer is liked: (targets,)."""
        if not likes:
            return np.zeros(len(targets), np.float32)
        who = None if traits is None else sparse.csr_array(sparse.vstack([traits] * 2))
        nothing = np.zeros((2, len(self._known)), np.float32)
        expected = self._with_expected(nothing, np.array([likes, likes - 1]), who)[:, targets]
        falls: NDArray[np.float32] = expected[0] - expected[1]
        return falls

    def _sides(
        self, positions: NDArray[np.int32], strengths: NDArray[np.float32]
    ) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Yield the sign and the films of what is explained at once: likes and dislikes apart where they are summed."""
        if not ((positions >= 0) & (strengths > 0)).any():
            return
        for sign in (1, -1) if self._subtracts else (1,):
            counts = (positions >= 0) & ((sign * strengths > 0) if not self._reads_signs else strengths != 0)
            if counts.any():
                yield sign, counts
