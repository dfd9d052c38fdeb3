"""The port: what every recommender does, checked at the door the same way for all of them.

A public method checks what it gets, leaves out the films that the training never saw, and hands the rest to the
private method of the same name, in which a model does nothing but its arithmetic. So a model's own arrays hold
only *known* films: those with at least one like in the training matrix and, for a model that scores by content, those
with facts.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.recommenders.config import read_params
from movie_mlops.recommenders.errors import (
    HistoryError,
    MatrixError,
    TrainingError,
)
from movie_mlops.recommenders.explaining import Explaining
from movie_mlops.recommenders.facts import check_content, check_traits, check_traits_of_one
from movie_mlops.recommenders.inputs import (
    AnyCsr,
    Csr,
    check_history,
    check_history_times,
    check_item,
    check_training,
    known_only,
    part_of,
    part_signs,
    take_columns,
    take_times,
)
from movie_mlops.recommenders.known_features import AnswerFeatures, Asked, KnownFilms, TrainingFeatures, check_names
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


class Recommender(Explaining):
    """A model that ranks films for a history; no user is stored, so a new user needs no training."""

    def fit(
        self,
        matrix: AnyCsr,
        *,
        times: ArrayLike | None = None,
        content: AnyCsr | None = None,
        traits: AnyCsr | None = None,
        features: TrainingFeatures | None = None,
        progress: Progress = SILENT,
        memory_limit_bytes: int | None = None,
        watch: Watch | None = None,
        trained: "Sequence[Recommender]" = (),
        engine: Engine = HERE,
    ) -> None:
        """Learn from who liked what. After an error the recommender is as it was before.

        Args:
            matrix: Users by items in CSR form; a weight is above zero for a like, and zero says nothing.
            times: Unix seconds of each stored value of ``matrix``, -1 where unknown.
            content: Films by features in CSR form, one row for each column of ``matrix``: what is known of the films
                (genres, decade, people). Read only by those whose capabilities say so.
            traits: Users by traits in CSR form, one row for each row of ``matrix``: what is known of the users, above
                zero where they have the trait. Likewise.
            features: Looks up what a feature store knew of the users and films; likewise. Without it a recommender
                learns from likes alone.
            progress: Who listens; told in percent.
            memory_limit_bytes: How much memory training may take; None for no limit.
            watch: Who is shown the model between the steps of its training, where it is trained step by step; what it
                raises ends the training.
            trained: Recommenders that have been fitted on the same matrix and times: where this one is made of others,
                it takes those over instead of training them again.
            engine: Where what can be dealt out is done: the films' Gram matrix, and the least squares of iALS.

        Raises:
            MatrixError: The matrix, the times, the content or the traits cannot be used, or the matrix holds no like.
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
        told = check_traits(traits, training.matrix.shape[0])
        if self.capabilities.reads_content:
            training = replace(training, content=facts)
        if self.capabilities.reads_traits:
            training = replace(training, traits=told)
        if features is not None and self.capabilities.reads_features:
            check_names(features.names, self._of_store())
            training = replace(training, features=features)
        compact, known, position = known_only(training, by_content=self.capabilities.scores_unseen)
        check_memory(self, compact, memory_limit_bytes)
        if training.features is not None:
            compact = replace(compact, features=KnownFilms(training.features, known))
        compact = replace(compact, trained=tuple(one for one in trained if one.knows(known)), engine=engine)
        kept: Arrays = {"n_items": np.array([len(position)], np.int64), "known_items": known}
        self._show = None if watch is None else partial(self._shown, watch, kept)
        try:
            with progress.task(f"Training {self.name}", total=100, unit="%") as advance:
                learned = self._fit(compact, advance)
        finally:
            self._show = None
        check_finite(learned, self.name, TrainingError)
        self._take(learned, known, position)

    def score(
        self, histories: AnyCsr, *, times: ArrayLike | None = None, traits: AnyCsr | None = None
    ) -> NDArray[np.float32]:
        """Score every film for every history.

        A weight below 0 is evidence against its film. A recommender whose capabilities call it additive takes off what
        such films would have added had they been liked as much, a blend does so in its additive members, and the others
        leave them out. So does everyone where no film of the history is liked. In training there are none.

        A film that the training never saw gets 0, or the row's lowest score where that is below 0: it never beats
        a known film. A film that is known by its content alone counts as known where the recommender scores unseen
        films. An empty history gets zeros from a personalised recommender, unless it reads traits and is given some.

        Args:
            histories: Users by items in CSR form, with the training's columns; the users need not be the training's.
            times: Unix seconds of each stored value of ``histories``, -1 where unknown; read only by those whose
                capabilities say so.
            traits: Users by traits, with the training's columns; likewise. A row may be empty.

        Returns:
            Scores of shape (users, items); higher is better.

        Raises:
            NotFittedError: It was neither trained nor restored.
            MatrixError: The matrix, the times or the traits cannot be used.
        """
        liked, disliked = part_signs(histories)
        known, stamps = self._known_part(liked, times)
        told = self._who(check_traits(traits, known.shape[0], self._traits_asked()))
        likes = np.diff(known.indptr)
        likes_nothing = likes == 0
        if disliked is not None and self._reads_signs:
            scores = self._score_at(*self._known_part(histories, times, signed=True))
            scores[likes_nothing] = 0
            return self._expand(self._with_expected(scores, likes, told))
        scores = self._score_at(known, stamps)
        if disliked is not None and self._subtracts:
            against = self._score_at(*self._known_part(disliked, times))
            against[likes_nothing] = 0
            scores = scores - against
        return self._expand(self._with_expected(scores, likes, told))

    def score_one(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        *,
        times: ArrayLike | None = None,
        traits: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Score every film for one history, as `score` does, at the speed of a request.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each; below 0 it is evidence against the film, as in `score`.
            times: Unix seconds of each, -1 where unknown.
            traits: How much of each of the training's traits the user has; likewise read by some alone.

        Returns:
            Scores of shape (items,).

        Raises:
            NotFittedError: It was neither trained nor restored.
            HistoryError: The history cannot be used.
        """
        films, strengths = check_history(items, weights, self.n_items)
        stamps = check_history_times(times, len(films))
        told = self._who(check_traits_of_one(traits, self._traits_asked()))
        return self._scores_of(self._position[films], strengths, stamps, told)

    def _scores_of(
        self,
        positions: NDArray[np.int32],
        strengths: NDArray[np.float32],
        stamps: NDArray[np.int64] | None,
        told: Csr | None,
    ) -> NDArray[np.float32]:
        """Score as `score_one` does, films being known ones, or below 0; ``told`` are the traits."""
        if len(positions) and not self.capabilities.reads_traits and strengths.min() > 0 and positions.min() >= 0:
            # As most are: likes alone, of films that are all known.
            return self._expand(self._score_one_at(positions, strengths, stamps))
        liked, disliked = (positions >= 0) & (strengths > 0), (positions >= 0) & (strengths < 0)
        likes = np.count_nonzero(liked, keepdims=True)
        if self._reads_signs and liked.any():
            liked |= disliked
        scores = self._score_one_at(positions[liked], strengths[liked], part_of(stamps, liked))
        if self._subtracts and liked.any() and disliked.any():
            scores = scores - self._score_one_at(positions[disliked], -strengths[disliked], part_of(stamps, disliked))
        return self._expand(self._with_expected(scores, likes, told))

    def best(
        self,
        items: ArrayLike,
        weights: ArrayLike,
        k: int,
        *,
        without: NDArray[np.int64] | None = None,
        among: NDArray[np.bool_] | None = None,
        times: ArrayLike | None = None,
        traits: ArrayLike | None = None,
        explain: bool = False,
    ) -> Best:
        """Find the films with the highest scores for one history: what `score_one` says, without telling of the rest.

        Args:
            items: Index of each film of the history, each once.
            weights: Weight of each; below 0 it is evidence against the film, as in `score`.
            k: How many to return at most, at least 1.
            without: Indices of films that do not count.
            among: bool[items], which films count, such as those that pass a filter; all where it is ``None``.
            times: Unix seconds of each film of the history, -1 where unknown.
            traits: How much of each of the training's traits the user has, as in `score_one`.
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
        told = self._who(check_traits_of_one(traits, self._traits_asked()))
        left_out = np.empty(0, np.int64) if without is None else without
        # Where the training saw every film, each is where it was, and there is nothing to look up.
        whole = len(self._known) == len(self._position)
        positions = films.astype(np.int32) if whole else self._position[films]
        found = None
        if not self.capabilities.reads_traits and len(films) and strengths.min() > 0:
            if whole:
                found = self._best(positions, strengths, k, left_out, among)
            elif positions.min() >= 0:
                away = self._position[left_out].astype(np.int64)
                found = self._best(
                    positions, strengths, k, away[away >= 0], None if among is None else among[self._known]
                )
        # What the training never saw has a score of 0 at most: it comes after a known film that has more.
        if found is not None and (whole or found[1][-1] > 0):
            best, scores = found[0] if whole else self._known[found[0]].astype(np.int64), found[1]
        else:
            everything = self._scores_of(positions, strengths, stamps, told)
            counting = everything.copy() if among is None else np.where(among, everything, -np.inf)
            counting[left_out] = -np.inf
            best = strongest(counting, k)
            best = best[counting[best] > -np.inf]
            scores = everything[best]
        if not explain:
            return Best(best, scores, None)
        self._require(self.capabilities.explains, "explanations")
        return Best(best, scores, self._contributions(positions, strengths, stamps, self._position[best], told))

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
        can = self.capabilities
        same = type(self) is type(other) and self.params == other.params
        return same and not (can.reads_content or can.reads_traits or can.reads_features)

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

    def memory_needed(
        self, n_users: int, n_items: int, nnz: int, *, n_features: int = 0, n_facts: int = 0, n_traits: int = 0
    ) -> int:
        """Return about how many bytes `fit` takes at its peak, beyond the matrix that it is given.

        Args:
            n_users: Users with at least one like.
            n_items: Films with at least one like.
            nnz: Likes.
            n_features: Columns of the content.
            n_facts: Its stored values.
            n_traits: Columns of the traits.
        """
        # As Python counts: the square of a number in 32 bits would not fit into them.
        given = (n_users, n_items, nnz, n_features, n_facts, n_traits)
        n_users, n_items, nnz, n_features, n_facts, n_traits = map(int, given)
        # Checking and leaving films out holds row numbers, masks and two copies of values and columns at once.
        checked = 40 * (nnz + n_facts) + 16 * (n_users + n_items)
        read = self._content_memory(n_items, n_features, n_facts) if self.capabilities.reads_content else 0
        who = self._traits_memory(n_items, n_traits) if self.capabilities.reads_traits else 0
        return checked + read + who + self._memory_needed(n_users, n_items, nnz)

    @property
    def store_features(self) -> tuple[str, ...]:
        """What it reads of a feature store; nothing where it was trained and has learned nothing from one."""
        return self._of_store() if self._learned is None or self._looks_up() else ()

    def asked_with(self, features: AnswerFeatures, *, alone: bool = False) -> Self:
        """Return this recommender as it answers with what a feature store knows of those who ask.

        What is returned shares everything with this one, which is not changed. While films of a history are left out to
        explain a score, what the store knows stays as it is.

        Args:
            features: Looks it up, `store_features` in their order; where something is not known it counts as such.
            alone: Whether all that is asked is about one person, and not about a row of histories each.

        Raises:
            NotFittedError: It was neither trained nor restored.
            MatrixError: They are other features.
        """
        self._require_fitted()
        check_names(features.names, self.store_features)
        asking = copy(self)
        asking._asked = Asked(features, self._known, alone)  # noqa: SLF001 - a copy of itself
        return asking

    def _after_step(self, share: float, learned: Callable[[], Arrays]) -> None:
        """Say, within `_fit`, that a share of the training is done, and what `_fit` would return if it ended here."""
        if self._show is not None:
            self._show(share, learned())

    def _shown(self, watch: Watch, kept: Arrays, share: float, learned: Arrays) -> None:
        # A recommender of its own: this one stays as it was until its training has ended well.
        watch(self.restore(asdict(self.params), {**kept, **learned}), share)

    def _known_part(
        self, histories: AnyCsr, times: ArrayLike | None, *, signed: bool = False
    ) -> tuple[Csr, NDArray[np.int64] | None]:
        checked = check_training(histories, times, n_items=self.n_items, signed=signed)
        known = take_columns(checked.matrix, self._position, len(self._known))
        return known, take_times(checked.times, checked.matrix, self._position)

    def _take(self, learned: Arrays, known: NDArray[np.int32], position: NDArray[np.int32]) -> None:
        self._adopt(learned)
        self._learned, self._known, self._position = learned, known, position
