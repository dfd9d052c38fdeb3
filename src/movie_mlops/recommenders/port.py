"""The port: what every recommender does, checked at the door the same way for all of them.

A public method checks what it gets, leaves out the films that the training never saw, and hands the rest to the
private method of the same name, in which a model does nothing but its arithmetic. So a model's own arrays hold
only *known* films: those with at least one like in the training matrix and, for a model that scores by content, those
with facts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.recommenders.arithmetic import Arithmetic
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import Params, read_params
from movie_mlops.recommenders.errors import (
    HistoryError,
    MatrixError,
    NotFittedError,
    ParameterError,
    TrainingError,
    UnsupportedError,
)
from movie_mlops.recommenders.inputs import (
    AnyCsr,
    Csr,
    check_content,
    check_history,
    check_history_times,
    check_item,
    check_training,
    known_only,
    part_signs,
    take_columns,
    take_times,
)
from movie_mlops.recommenders.memory import check_memory
from movie_mlops.recommenders.stored import COMMON, Arrays, Layout, check_arrays, check_finite
from movie_mlops.recommenders.strongest import strongest


@dataclass(frozen=True, slots=True)
class Best:
    """The best films for a history, the best first.

    Attributes:
        items: int64[n], their indices.
        scores: float32[n].
        contributions: float32[n, films of the history], as `Recommender.explain_many` tells them; ``None`` where they
            were not asked for.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float32]
    contributions: NDArray[np.float32] | None


Watch = Callable[["Recommender", float], None]
"""Shown a recommender in the middle of its training, as if that ended here, with the share that is done."""


class Recommender(Arithmetic):
    """A model that ranks films for a history; no user is stored, so a new user needs no training.

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

    @property
    def n_items(self) -> int:
        """How many films the training matrix had.

        Raises:
            NotFittedError: It was neither trained nor restored.
        """
        self._require_fitted()
        return len(self._position)

    def fit(
        self,
        matrix: AnyCsr,
        *,
        times: ArrayLike | None = None,
        content: AnyCsr | None = None,
        progress: Progress = SILENT,
        memory_limit_bytes: int | None = None,
        watch: Watch | None = None,
        trained: "Sequence[Recommender]" = (),
    ) -> None:
        """Learn from who liked what. After an error the recommender is as it was before.

        Args:
            matrix: Users by items in CSR form; a weight is above zero for a like, and zero says nothing.
            times: Unix seconds of each stored value of ``matrix``, -1 where unknown.
            content: Films by features in CSR form, one row for each column of ``matrix``: what is known of the films
                (genres, decade, people). Read only by those whose capabilities say so.
            progress: Who listens; told in percent.
            memory_limit_bytes: How much memory training may take; None for no limit.
            watch: Who is shown the model between the steps of its training, where it is trained step by step; what it
                raises ends the training.
            trained: Recommenders that have been fitted on the same matrix and times: where this one is made of others,
                it takes those over instead of training them again.

        Raises:
            MatrixError: The matrix, the times or the content cannot be used, or the matrix holds no like.
            MemoryNeededError: Training would take more than the limit; nothing was allocated.
            TrainingError: The numbers broke down.
        """
        training = check_training(matrix, times)
        if training.matrix.nnz == 0:
            raise MatrixError("The training matrix holds no like.", next_step="Give at least one weight above 0.")
        if self.capabilities.needs_times and (training.times is None or training.times.max() < 0):
            raise MatrixError(
                f"The recommender {self.name} needs times, and none is known.",
                next_step="Give the time of each interaction, or use another recommender.",
            )
        facts = check_content(content, training.matrix.shape[1])
        if self.capabilities.reads_content:
            training = replace(training, content=facts)
        compact, known, position = known_only(training, by_content=self.capabilities.scores_unseen)
        check_memory(self, compact, memory_limit_bytes)
        compact = replace(compact, trained=tuple(one for one in trained if one.knows(known)))
        kept: Arrays = {"n_items": np.array([len(position)], np.int64), "known_items": known}
        self._show = None if watch is None else partial(self._shown, watch, kept)
        try:
            with progress.task(f"Training {self.name}", total=100, unit="%") as advance:
                learned = self._fit(compact, advance)
        finally:
            self._show = None
        check_finite(learned, self.name, TrainingError)
        self._take(learned, known, position)

    def score(self, histories: AnyCsr, *, times: ArrayLike | None = None) -> NDArray[np.float32]:
        """Score every film for every history.

        A weight below 0 is evidence against its film. A recommender whose capabilities call it additive takes off what
        such films would have added had they been liked as much, a blend does so in its additive members, and the others
        leave them out. So does everyone where no film of the history is liked. In training there are none.

        A film that the training never saw gets 0, or the row's lowest score where that is below 0: it never beats
        a known film. A film that is known by its content alone counts as known where the recommender scores unseen
        films. An empty history gets zeros from a personalised recommender.

        Args:
            histories: Users by items in CSR form, with the training's columns; the users need not be the training's.
            times: Unix seconds of each stored value of ``histories``, -1 where unknown; read only by those whose
                capabilities say so.

        Returns:
            Scores of shape (users, items); higher is better.

        Raises:
            NotFittedError: It was neither trained nor restored.
            MatrixError: The matrix or the times cannot be used.
        """
        liked, disliked = part_signs(histories)
        known, stamps = self._known_part(liked, times)
        likes_nothing = np.diff(known.indptr) == 0
        if disliked is not None and self._reads_signs:
            scores = self._score_at(*self._known_part(histories, times, signed=True))
            scores[likes_nothing] = 0
            return self._expand(scores)
        scores = self._score_at(known, stamps)
        if disliked is not None and self._subtracts:
            against = self._score_at(*self._known_part(disliked, times))
            against[likes_nothing] = 0
            scores = scores - against
        return self._expand(scores)

    def score_one(self, items: ArrayLike, weights: ArrayLike, *, times: ArrayLike | None = None) -> NDArray[np.float32]:
        """Score every film for one history, as `score` does, at the speed of a request.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each; below 0 it is evidence against the film, as in `score`.
            times: Unix seconds of each, -1 where unknown.

        Returns:
            Scores of shape (items,).

        Raises:
            NotFittedError: It was neither trained nor restored.
            HistoryError: The history cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        positions = self._position[films]
        liked, disliked = (positions >= 0) & (strengths > 0), (positions >= 0) & (strengths < 0)
        if self._reads_signs and liked.any():
            liked |= disliked
        scores = self._score_one_at(positions[liked], strengths[liked], _of(stamps, liked))
        if self._subtracts and liked.any() and disliked.any():
            scores = scores - self._score_one_at(positions[disliked], -strengths[disliked], _of(stamps, disliked))
        return self._expand(scores)

    def best(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        k: int,
        *,
        without: NDArray[np.int64] | None = None,
        times: ArrayLike | None = None,
        explain: bool = False,
    ) -> Best:
        """Find the films with the highest scores for one history: what `score_one` says, without telling of the rest.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each; below 0 it is evidence against the film, as in `score`.
            k: How many to return at most, at least 1.
            without: Indices of films that do not count.
            times: Unix seconds of each film of the history, -1 where unknown.
            explain: Whether to share their scores out too, as `explain_many` does.

        Returns:
            The films, of equals the one of the lower index first; fewer where there are fewer.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave explanations out.
            HistoryError: The history cannot be used, or ``k`` is below 1.
        """
        if k < 1:
            raise HistoryError(f"The {k} best films were asked for.", next_step="Ask for at least 1.")
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        positions = self._position[films]
        left_out = np.empty(0, np.int64) if without is None else without
        found = None
        if len(films) and positions.min() >= 0 and strengths.min() > 0:
            away = self._position[left_out].astype(np.int64)
            found = self._best(positions, strengths, k, away[away >= 0])
        # What the training never saw has a score of 0 at most: it comes after a known film that has more.
        if found is not None and (len(self._known) == len(self._position) or found[1][-1] > 0):
            best, scores = self._known[found[0]].astype(np.int64), found[1]
        else:
            everything = self.score_one(items, weights, times=times)
            among = np.delete(np.arange(len(everything)), left_out)
            best = among[strongest(everything[among], k)]
            scores = everything[best]
        if not explain:
            return Best(best, scores, None)
        self._require(self.capabilities.explains, "explanations")
        return Best(best, scores, self._contributions(positions, strengths, stamps, self._position[best]))

    def similar(self, item: int, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find the films most similar to one.

        Args:
            item: Index of the film.
            k: How many to return at most.

        Returns:
            Indices and similarities, most similar first, only those above 0 and never ``item`` itself; fewer than
            ``k`` where there are fewer, none for a film that the training never saw.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: There is no such film, or ``k`` is below 1.
        """
        if k < 1:
            raise HistoryError(f"{k} similar films were asked for.", next_step="Ask for at least 1.")
        similarity = self.similarities(item)
        best = strongest(similarity, k)
        best = best[similarity[best] > 0]
        return best.astype(np.int32), similarity[best]

    def similarities(self, item: int) -> NDArray[np.float32]:
        """Say how similar every film is to one.

        Args:
            item: Index of the film.

        Returns:
            A fresh array of shape (items,), on a scale of the recommender's own; 0 for ``item`` itself and for films
            that the training never saw.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: There is no such film.
        """
        film = check_item(item, self.n_items)
        self._require(self.capabilities.similar, "similar films")
        similarity = np.zeros(self.n_items, np.float32)
        position = int(self._position[film])
        if position >= 0:
            similarity[self._known] = self._similar(position)
            similarity[film] = 0
        return similarity

    def explain(
        self, items: ArrayLike, weights: ArrayLike, target: int, *, times: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Share one film's score out among the history's films.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            target: Index of the film whose score is explained.
            times: Unix seconds of each film of the history, -1 where unknown.

        Returns:
            The contribution of each film of the history, in its order. They sum to the target's score where the
            capabilities call the recommender additive; else each is how much the score falls without the film. A film
            that the training never saw contributes 0, and as a target receives 0 from all.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: The history or the target cannot be used.
        """
        contributions: NDArray[np.float32] = self.explain_many(items, weights, [target], times=times)[0]
        return contributions

    def explain_many(
        self, items: ArrayLike, weights: ArrayLike, targets: Sequence[int], *, times: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Explain the scores of several films for one history, as `explain` does, at the speed of a request.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each, as in `score_one`.
            targets: Indices of the films whose scores are explained.
            times: Unix seconds of each film of the history, -1 where unknown.

        Returns:
            Contributions of shape (targets, items); a row is what `explain` gives for its target.

        Raises:
            NotFittedError: It was neither trained nor restored.
            UnsupportedError: Its capabilities leave this out.
            HistoryError: The history or a target cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        explained = self._position[np.array([check_item(target, self.n_items) for target in targets], np.int64)]
        self._require(self.capabilities.explains, "explanations")
        return self._contributions(self._position[films], strengths, stamps, explained)

    def _contributions(
        self,
        positions: NDArray[np.int32],
        strengths: NDArray[np.float32],
        stamps: NDArray[np.int64] | None,
        explained: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """Explain as `explain_many` does, films and targets being known ones, or below 0."""
        known, liked = explained >= 0, (positions >= 0) & (strengths > 0)
        if liked.all() and known.all() and liked.any():
            return self._explain_at(positions, strengths, explained, stamps)
        contributions = np.zeros((len(explained), len(positions)), np.float32)
        for sign in (1, -1) if self._subtracts else (1,):
            counts = (positions >= 0) & ((sign * strengths > 0) if not self._reads_signs else strengths != 0)
            if known.any() and liked.any() and counts.any():
                weighed = sign * strengths[counts]
                told = self._explain_at(positions[counts], weighed, explained[known], _of(stamps, counts))
                contributions[np.ix_(known, counts)] = sign * told
        return contributions

    def arrays(self) -> Arrays:
        """Return everything that was learned, by name; together with `params` it is the whole recommender.

        Raises:
            NotFittedError: It was neither trained nor restored.
        """
        learned = self._require_fitted()
        return {"n_items": np.array([self.n_items], np.int64), "known_items": self._known, **learned}

    def knows(self, items: NDArray[np.int32]) -> bool:
        """Return whether these are the films that it knows."""
        return np.array_equal(self._known, items)

    @property
    def parts(self) -> "tuple[Recommender, ...]":
        """What it is made of; nothing where it stands alone."""
        return ()

    def is_like(self, other: "Recommender") -> bool:
        """Return whether fitting both on the same likes gives the same, so that one can stand for the other."""
        return type(self) is type(other) and self.params == other.params and not self.capabilities.reads_content

    def layout(self, n_known: int) -> Layout:
        """Say which arrays `arrays` returns where ``n_known`` films are known."""
        return {**COMMON, **self._layout(n_known)}

    @classmethod
    def restore(cls, params: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the recommender that wrote ``arrays``; they are used as they are, not copied.

        Raises:
            ParameterError: ``params`` do not fit.
            RestoreError: ``arrays`` are not those that this recommender writes.
        """
        recommender = cls(read_params(cls.params_type, params))
        known, position, learned = check_arrays(arrays, recommender._layout, cls.name)
        recommender._take(learned, known, position)
        return recommender

    def memory_needed(self, n_users: int, n_items: int, nnz: int, *, n_features: int = 0, n_facts: int = 0) -> int:
        """Return about how many bytes `fit` takes at its peak, beyond the matrix that it is given.

        Args:
            n_users: Users with at least one like.
            n_items: Films with at least one like.
            nnz: Likes.
            n_features: Columns of the content.
            n_facts: Its stored values.
        """
        # As Python counts: the square of a number in 32 bits would not fit into them.
        n_users, n_items, nnz, n_features, n_facts = map(int, (n_users, n_items, nnz, n_features, n_facts))
        # Checking and leaving films out holds row numbers, masks and two copies of values and columns at once.
        checked = 40 * (nnz + n_facts) + 16 * (n_users + n_items)
        read = self._content_memory(n_items, n_features, n_facts) if self.capabilities.reads_content else 0
        return checked + read + self._memory_needed(n_users, n_items, nnz)

    def _after_step(self, share: float, learned: Callable[[], Arrays]) -> None:
        """Say, within `_fit`, that a share of the training is done, and what `_fit` would return if it ended here."""
        if self._show is not None:
            self._show(share, learned())

    def _shown(self, watch: Watch, kept: Arrays, share: float, learned: Arrays) -> None:
        # A recommender of its own: this one stays as it was until its training has ended well.
        watch(self.restore(asdict(self.params), {**kept, **learned}), share)

    @property
    def _subtracts(self) -> bool:
        return self.capabilities.personalised and self.capabilities.additive and not self._reads_signs

    def _known_part(
        self, histories: AnyCsr, times: ArrayLike | None, *, signed: bool = False
    ) -> tuple[Csr, NDArray[np.int64] | None]:
        checked = check_training(histories, times, n_items=self.n_items, signed=signed)
        known = take_columns(checked.matrix, self._position, len(self._known))
        return known, take_times(checked.times, checked.matrix, self._position)

    def _take(self, learned: Arrays, known: NDArray[np.int32], position: NDArray[np.int32]) -> None:
        self._adopt(learned)
        self._learned, self._known, self._position = learned, known, position

    def _expand(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(self._known) == len(self._position):
            return scores
        lowest = np.minimum(scores.min(axis=-1, keepdims=True), 0)
        everything = np.empty((*scores.shape[:-1], len(self._position)), np.float32)
        everything[...] = lowest
        everything[..., self._known] = scores
        return everything

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


def _of(times: NDArray[np.int64] | None, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    return None if times is None else times[chosen]
