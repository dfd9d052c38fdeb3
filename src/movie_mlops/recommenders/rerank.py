"""A blend whose best films are put in order by trees.

Before the blend learns from everything, it learns from a part of each history; the trees learn to find the other part
among what that rehearsal thinks best, from each member's scores, the place in the blend's list, and how popular the
film and the history's films are; where a feature store is handed in, also from what that knew of user and film just
before the hidden part began. What they say is added to the blend's scores of its best films.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.blend import BlendRecommender
from movie_mlops.recommenders.config import BlendParams, RerankParams
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.known_features import TrainingFeatures
from movie_mlops.recommenders.ranking import NO_ITEM, top_k
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.trees import FORMS, check_trees, learn_order, walk

_USERS_AT_ONCE = 512
_OTHER_FEATURES = 5
"""Beside the members' scores: the blend's, the film's popularity, the place, the history's length and popularity."""

_NOT_KNOWN = np.float32(-1e30)
"""Stands for what a store does not know: below every number, so that a tree can ask for it."""


class RerankRecommender(BlendRecommender):
    """The order of a blend's first films is the trees' and the blend's together; that of all others is the blend's."""

    name = "rerank"
    params_type = RerankParams
    params: RerankParams

    def __init__(self, params: RerankParams | None = None) -> None:
        super().__init__(params)
        # What the trees add to a film has no part that a single fact carries.
        self.capabilities = replace(
            self.capabilities, explains_content=False, reads_features=bool(self.params.store_features)
        )

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        shown, hidden = _parted(training, self.params.hidden, self.params.seed)
        blend = BlendParams(
            self.params.members, self.params.popularity, seed=self.params.seed, threads=self.params.threads
        )
        rehearsal = _Rehearsal(blend)
        rehearsal.fit(shown.matrix, times=shown.times, content=shown.content, engine=training.engine)
        advance(30)
        looked_up = None
        if training.features is not None:
            looked_up = _LookedUp(training.features, _moments(training, hidden), shown.matrix)
        features, found = rehearsal.lists(shown, hidden, self.params.candidates, looked_up)
        trees = learn_order(features, found, self.params)
        advance(30)
        return {**super()._fit(training, lambda step: advance(0.4 * step)), **trees}

    def _layout(self, n_known: int) -> Layout:
        return {**super()._layout(n_known), **FORMS}

    def _adopt(self, learned: Arrays) -> None:
        super()._adopt(learned)
        self._trees = {name: learned[name] for name in FORMS}
        own = len(self._members) + _OTHER_FEATURES
        check_trees(self._trees, own + len(self.params.store_features))
        # The order is no sum over members: without a film every score is asked for anew.
        self._alike = False
        # Where no tree asks for what a store knows, nothing has to be looked up.
        self._asks = bool((self._trees["tree_features"] >= own).any())

    def _of_store(self) -> tuple[str, ...]:
        return self.params.store_features

    def _looks_up(self) -> bool:
        return self._asks

    def _score_at(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        scores = np.empty((histories.shape[0], len(self._popularity)), np.float32)
        for start in range(0, histories.shape[0], _USERS_AT_ONCE):
            stop = min(start + _USERS_AT_ONCE, histories.shape[0])
            part = histories[start:stop]
            stamps = None if times is None else times[histories.indptr[start] : histories.indptr[stop]]
            scores[start:stop] = self._ordered(part, self._parts(part, stamps), start)
        scores[np.diff(histories.indptr) == 0] = 0
        return scores

    def _score_one_at(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros_like(self._popularity)
        history = sparse.csr_array((weights, items, [0, len(items)]), shape=(1, len(self._popularity)))
        parts, _ = self._parts_of_one((items, weights, times))
        scores: NDArray[np.float32] = self._ordered(history, parts)[0]
        return scores

    def _ordered(self, histories: Csr, parts: list[NDArray[np.float32]], first: int = 0) -> NDArray[np.float32]:
        blended = self._blended(parts)
        candidates = top_k(blended, self.params.candidates, exclude=sparse.csr_matrix(histories))
        features = _features(histories, parts, blended, self._popularity, candidates)
        if self._asks:
            told = np.full((*candidates.shape, len(self.params.store_features)), np.nan, np.float32)
            if self._asked is not None:
                told = self._asked.of(range(first, first + len(candidates)), np.maximum(candidates, 0))
            features = _with_told(features, told)
        said = walk(self._trees, features.reshape(-1, features.shape[2])).reshape(candidates.shape)
        there = candidates != NO_ITEM
        rows = np.nonzero(there)[0]
        blended[rows, candidates[there]] += np.float32(self.params.strength) * _brought_to(said, there)[there]
        return blended

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        columns = len(self._members) + _OTHER_FEATURES + len(self.params.store_features)
        lists = 12 * n_users * min(self.params.candidates, n_items) * columns
        blocks = 8 * _USERS_AT_ONCE * n_items * (len(self._members) + 2)
        return super()._memory_needed(n_users, n_items, nnz) + lists + blocks + 60 * nnz


class _Rehearsal(BlendRecommender):
    """A blend that gives its lists with all that the trees may look at."""

    def lists(
        self, shown: Training, hidden: Csr, candidates: int, looked_up: "_LookedUp | None"
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return features float32[users, candidates, features] and what was hidden, bool[users, candidates].

        Only users of whom something was hidden and something shown have a list.
        """
        asked = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(shown.matrix.indptr) > 0))
        features, found = [], []
        for start in range(0, len(asked), _USERS_AT_ONCE):
            users = asked[start : start + _USERS_AT_ONCE]
            histories = shown.matrix[users]
            stamps = None if shown.times is None else _of_rows(shown.times, shown.matrix.indptr, users)
            parts = self._parts(histories, stamps)
            blended = self._blended(parts)
            best = top_k(blended, candidates, exclude=sparse.csr_matrix(histories))
            seen = _features(histories, parts, blended, self._popularity, best)
            features.append(seen if looked_up is None else _with_told(seen, looked_up.of(users, best)))
            sought = hidden[users].toarray() > 0
            found.append(np.take_along_axis(sought, np.maximum(best, 0), axis=1) & (best != NO_ITEM))
        if not features:
            return np.empty((0, candidates, len(self._members) + _OTHER_FEATURES), np.float32), np.empty(
                (0, candidates), np.bool_
            )
        return np.concatenate(features), np.concatenate(found)


def _features(
    histories: Csr,
    parts: list[NDArray[np.float32]],
    blended: NDArray[np.float32],
    popularity: NDArray[np.float32],
    candidates: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Return what the trees look at: float32[users, candidates, features].

    Args:
        histories: Users by films.
        parts: Each member's scores on one scale.
        blended: The blend's scores.
        popularity: Each film's.
        candidates: int32[users, candidates]; the blend's best films, best first. A place without a film looks like
            film 0, and what is said of it is not read.
    """
    films = np.maximum(candidates, 0)
    liked = sparse.csr_array(
        ((histories.data > 0).astype(np.float32), histories.indices, histories.indptr), histories.shape
    )
    lengths = liked.sum(axis=1).astype(np.float32)
    usual = (liked @ popularity) / np.maximum(lengths, 1)
    places = np.broadcast_to(np.arange(films.shape[1], dtype=np.float32), films.shape)
    of_users = [np.broadcast_to(one[:, np.newaxis], films.shape) for one in (np.log1p(lengths), usual)]
    of_films = [np.take_along_axis(one, films, axis=1) for one in (*parts, blended)]
    return np.stack([*of_films, popularity[films], places, *of_users], axis=2).astype(np.float32, copy=False)


@dataclass(frozen=True)
class _LookedUp:
    """What a store knew of each user of a training just before what is hidden of them."""

    features: TrainingFeatures
    moments: NDArray[np.int64] | None
    shown: Csr

    def of(self, users: NDArray[np.int64], films: NDArray[np.int32]) -> NDArray[np.float32]:
        moments = None if self.moments is None else self.moments[users]
        return self.features.at(users, np.maximum(films, 0), moments, self.shown)


def _moments(training: Training, hidden: Csr) -> NDArray[np.int64] | None:
    """Return when each user's hidden part begins; None where some time is not known, and nothing can be said of it."""
    if training.times is None or training.times.min(initial=0) < 0:
        return None
    matrix, n_items = training.matrix, training.matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    away = np.repeat(np.arange(hidden.shape[0], dtype=np.int64), np.diff(hidden.indptr)) * n_items + hidden.indices
    out = np.isin(rows * n_items + matrix.indices, away)
    moments = np.full(matrix.shape[0], np.iinfo(np.int64).max)
    np.minimum.at(moments, rows[out], training.times[out])
    return moments


def _with_told(features: NDArray[np.float32], told: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the trees look at with what a store told beside it."""
    known = np.where(np.isnan(told), _NOT_KNOWN, told).astype(np.float32, copy=False)
    return np.concatenate([features, known], axis=2)


def _parted(training: Training, share: float, seed: int) -> tuple[Training, Csr]:
    """Part the likes of each user into what is shown and what is hidden; of each film at least one like is shown.

    Where times are known the latest of each user are hidden, as a release will have to find them; else any.
    """
    matrix = training.matrix
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    chance = np.random.default_rng(seed).random(matrix.nnz)
    order = np.lexsort((chance, rows) if training.times is None else (chance, training.times, rows))
    place = np.empty(matrix.nnz, np.int64)
    place[order] = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    sizes = np.diff(matrix.indptr)[rows]
    out = place >= sizes - np.floor(sizes * share)
    shown_of_film = np.bincount(matrix.indices[~out], minlength=matrix.shape[1])
    never = np.flatnonzero(out & (shown_of_film[matrix.indices] == 0))
    _, first = np.unique(matrix.indices[never], return_index=True)
    out[never[first]] = False
    times = None if training.times is None else training.times[~out]
    return Training(_kept(matrix, rows, ~out), times, training.content), _kept(matrix, rows, out)


def _kept(matrix: Csr, rows: NDArray[np.int64], keep: NDArray[np.bool_]) -> Csr:
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows[keep], minlength=matrix.shape[0]))))
    kept: Csr = sparse.csr_array((matrix.data[keep], matrix.indices[keep], starts), shape=matrix.shape)
    return kept


def _of_rows(
    values: NDArray[np.int64], starts: NDArray[np.integer[Any]], rows: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    taken: NDArray[np.int64] = np.concatenate([values[starts[row] : starts[row + 1]] for row in rows])
    return taken


def _brought_to(said: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each list with mean 0 and deviation 1 over the places that hold a film."""
    counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = np.where(there, said - (said * there).sum(axis=1, keepdims=True) / counts, 0)
    deviations = np.sqrt((centred**2).sum(axis=1, keepdims=True) / counts)
    brought: NDArray[np.float32] = np.divide(centred, deviations, out=np.zeros_like(centred), where=deviations > 0)
    return brought
