"""EDLAE that also knows films by what they are: a film that nobody has met can be recommended.

The scores that EDLAE gives to the films with likes are regressed, for a history at hand, on the facts of those films:
what they say of Swedish drama and of the nineties is then said of a Swedish drama of the nineties that nobody has met.
Ridge regression is linear in the scores, so that all of it is done once, in training.

References:
    Z. Gantner, L. Drumond, C. Freudenthaler, S. Rendle, L. Schmidt-Thieme, "Learning Attribute-to-Feature Mappings for
    Cold-Start Recommendations", ICDM 2010 (a map from attributes to what a factor model learned).
    H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020 (EDLAE).
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.closed_form import rows_scaled
from movie_mlops.recommenders.config import ContentEdlaeParams
from movie_mlops.recommenders.errors import RestoreError
from movie_mlops.recommenders.inputs import Csr, Training, positions, take_columns
from movie_mlops.recommenders.linear import EdlaeRecommender
from movie_mlops.recommenders.stored import Arrays, Layout

_FREE: Final = 1e-3
"""Share of the penalty that the level which all films have in common pays."""


class ContentEdlaeRecommender(EdlaeRecommender):
    """EDLAE for the w films with likes, and a ridge regression on their facts C for those without.

    With B of EDLAE (w by w) and V of the regression (features by w):

    - a history x scores the w films with ``x B``, and a film with the facts c alone with ``x (B Vᵀ) c``;
    - a film with the facts c alone stands in a history for the films that it is made of: for ``c V``.

    ``V = (CᵀC + λI)⁻¹ Cᵀ``; one more feature, that every film has, is the common level. Without facts it is EDLAE.
    """

    name = "edlae-content"
    capabilities = Capabilities(
        personalised=True,
        needs_times=False,
        similar=True,
        explains=True,
        reads_content=True,
        scores_unseen=True,
        explains_content=True,
    )
    params_type = ContentEdlaeParams
    params: ContentEdlaeParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        n_items = training.matrix.shape[1]
        met = np.bincount(training.matrix.indices, minlength=n_items) > 0
        warm = np.flatnonzero(met).astype(np.int32)
        likes = take_columns(training.matrix, positions(warm, n_items), len(warm))
        weights = super()._fit(replace(training, matrix=likes, content=None), lambda part: advance(0.8 * part))
        kept = _frequent(training.content, self.params.features, met)
        facts = _with_level(training.content, n_items, kept)
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            made_of = self._regression(facts[warm])
            advance(10)
            to_facts = weights["weights"] @ made_of.T
            from_facts = made_of @ weights["weights"]
            between = made_of @ to_facts
        advance(10)
        unmet = facts[np.flatnonzero(~met)]
        return {
            **weights,
            "met": met.astype(np.uint8),
            "n_features": np.array([0 if training.content is None else training.content.shape[1]], np.int64),
            "features": kept,
            "to_facts": to_facts,
            "from_facts": from_facts,
            "between_facts": between,
            "fact_starts": unmet.indptr.astype(np.int64),
            "fact_columns": unmet.indices.astype(np.int32),
            "fact_values": unmet.data.astype(np.float32),
        }

    def _regression(self, facts: Csr) -> NDArray[np.float32]:
        """Return V: (features, films)."""
        gram = (facts.T @ facts).toarray().astype(np.float64)
        penalties = np.full(len(gram), self.params.content_regularisation)
        penalties[-1] *= _FREE
        gram[np.diag_indices_from(gram)] += penalties
        solved = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), facts.T.toarray().astype(np.float64))
        return np.asarray(solved, dtype=np.float32)

    def _layout(self, n_known: int) -> Layout:
        return {
            "weights": (np.float32, (None, None)),
            "met": (np.uint8, (n_known,)),
            "n_features": (np.int64, (1,)),
            "features": (np.int32, (None,)),
            "to_facts": (np.float32, (None, None)),
            "from_facts": (np.float32, (None, None)),
            "between_facts": (np.float32, (None, None)),
            "fact_starts": (np.int64, (None,)),
            "fact_columns": (np.int32, (None,)),
            "fact_values": (np.float32, (None,)),
        }

    def _adopt(self, learned: Arrays) -> None:
        _check(learned)
        self._weights = np.ascontiguousarray(learned["weights"])
        self._to_facts = np.ascontiguousarray(learned["to_facts"])
        self._from_facts = np.ascontiguousarray(learned["from_facts"])
        self._between: NDArray[np.float32] = learned["between_facts"]
        stored = (learned["fact_values"], learned["fact_columns"], learned["fact_starts"])
        unmet = len(learned["fact_starts"]) - 1
        self._facts: Csr = sparse.csr_array(stored, shape=(unmet, len(self._between)))
        self._features: NDArray[np.int32] = learned["features"]
        self._n_features = int(learned["n_features"][0])
        n_known = len(learned["met"])
        self._warm = np.flatnonzero(learned["met"]).astype(np.int32)
        self._cold = np.flatnonzero(learned["met"] == 0).astype(np.int32)
        self._place = positions(self._warm, n_known)
        self._cold_place = positions(self._cold, n_known)

    def _liked(self) -> NDArray[np.bool_]:
        return self._place >= 0

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        if self._power:
            histories = rows_scaled(
                histories, np.maximum(np.diff(histories.indptr), 1).astype(np.float64) ** self._power
            )
        warm = take_columns(histories, self._place, len(self._warm))
        cold = take_columns(histories, self._cold_place, len(self._cold)) @ self._facts
        scores = np.empty(histories.shape, np.float32)
        scores[:, self._warm] = warm @ self._weights + cold @ self._from_facts
        if len(self._cold):
            scores[:, self._cold] = (self._facts @ (warm @ self._to_facts + cold @ self._between).T).T
        return scores

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        place, unmet = self._place[items], self._cold_place[items]
        weights = self._scaled(weights)
        warm, cold = place[place >= 0], unmet[unmet >= 0]
        strengths, facts = weights[place >= 0], weights[unmet >= 0] @ self._facts[cold]
        scores = np.empty(len(self._place), np.float32)
        scores[self._warm] = strengths @ self._weights[warm] + facts @ self._from_facts
        scores[self._cold] = self._facts @ (strengths @ self._to_facts[warm] + facts @ self._between)
        return scores

    def _explain_content(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], target: int
    ) -> NDArray[np.float32]:
        told = np.zeros(self._n_features, np.float32)
        if target < 0 or self._cold_place[target] < 0:
            return told
        place, unmet = self._place[items], self._cold_place[items]
        weights = self._scaled(weights)
        warm = weights[place >= 0] @ self._to_facts[place[place >= 0]]
        liked = warm + (weights[unmet >= 0] @ self._facts[unmet[unmet >= 0]]) @ self._between
        facts = self._facts[[int(self._cold_place[target])]].toarray()[0]
        # The last one is the level that all films have in common: no fact of this film.
        told[self._features] = (facts * liked)[:-1]
        return told

    def _similar(self, item: int) -> NDArray[np.float32]:
        """As for EDLAE: the geometric mean of what each of the two films adds to the other's score."""
        forth, back = self._adds(np.array([item], np.int32))[0], self._gets(item)
        similarity: NDArray[np.float32] = np.sign(forth) * np.sqrt(np.maximum(forth * back, 0))
        return similarity

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        contributions: NDArray[np.float32] = self._scaled(weights) * self._adds(items)[:, targets].T
        return contributions

    def _adds(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        rows = sparse.csr_array(
            (np.ones(len(items), np.float32), items, np.arange(len(items) + 1)), shape=(len(items), len(self._place))
        )
        return self._score(rows)

    def _gets(self, item: int) -> NDArray[np.float32]:
        """Return what every known film adds to one film's score."""
        received = np.empty(len(self._place), np.float32)
        if self._place[item] >= 0:
            received[self._warm] = self._weights[:, self._place[item]]
            received[self._cold] = self._facts @ self._from_facts[:, self._place[item]]
        else:
            facts = self._facts[[int(self._cold_place[item])]].toarray()[0]
            received[self._warm] = self._to_facts @ facts
            received[self._cold] = self._facts @ (self._between @ facts)
        return received

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        return super()._memory_needed(n_users, n_items, nnz) + 16 * nnz + 28 * n_items

    def _content_memory(self, n_items: int, n_features: int, n_facts: int) -> int:
        features = min(self.params.features, n_features)
        # Regression and what comes of it; in double precision for as long as it is solved.
        return 28 * features * n_items + 24 * features**2 + 24 * n_facts


def _frequent(content: Csr | None, features: int, met: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the most frequent features of the films with likes, ascending."""
    if content is None:
        return np.empty(0, np.int32)
    counts = np.bincount(content[np.flatnonzero(met)].indices, minlength=content.shape[1])
    kept = np.sort(np.argsort(-counts, kind="stable")[:features])
    return kept[counts[kept] > 0].astype(np.int32)


def _with_level(content: Csr | None, n_items: int, kept: NDArray[np.int32]) -> Csr:
    """Return these features of all films, and as the last one a feature that every film has."""
    level = sparse.csr_array(np.ones((n_items, 1), np.float32))
    if content is None:
        return level
    return sparse.hstack([take_columns(content, positions(kept, content.shape[1]), len(kept)), level]).tocsr()


def _check(learned: Arrays) -> None:
    """Refuse arrays that do not fit together."""
    n_warm, features = int(np.count_nonzero(learned["met"])), len(learned["between_facts"])
    starts, columns, kept = learned["fact_starts"], learned["fact_columns"], learned["features"]
    shapes = {
        "weights": (n_warm, n_warm),
        "to_facts": (n_warm, features),
        "from_facts": (features, n_warm),
        "between_facts": (features, features),
        "fact_values": columns.shape,
        "features": (features - 1,),
    }
    fits = (
        all(learned[key].shape == shape for key, shape in shapes.items())
        and len(starts) == len(learned["met"]) - n_warm + 1
        and starts[0] == 0
        and starts[-1] == len(columns)
        and (np.diff(starts) >= 0).all()
        and (not len(columns) or (columns.min() >= 0 and columns.max() < features))
        and (not len(kept) or (kept[0] >= 0 and kept[-1] < learned["n_features"][0] and (np.diff(kept) > 0).all()))
    )
    if not fits:
        raise RestoreError(
            "The stored arrays of films known by their facts do not fit together.",
            next_step="Train the recommender again, or restore another bundle.",
        )
