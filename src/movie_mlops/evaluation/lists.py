"""The lists that one model made for one case, and what they hold."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.evaluation import metrics
from movie_mlops.evaluation.case import EvaluationCase, entry_keys
from movie_mlops.evaluation.films import Films
from movie_mlops.recommenders import NO_ITEM

Members = NDArray[np.bool_]
"""bool[items]: some of the films."""


class Lists:
    """Lists beside what was to be found.

    Args:
        ranking: int32[m, k]; each user's list, the best first, :data:`NO_ITEM` where it ends early.
        case: The split.
        propensity_power: How strongly a film's popularity is taken to decide whether people see it.
    """

    def __init__(self, ranking: NDArray[np.int32], case: EvaluationCase, propensity_power: float) -> None:
        self.ranking = ranking
        self.case = case
        self.popularity = np.bincount(case.train.indices, minlength=case.train.shape[1]).astype(np.int64)
        # What was held out came about as the rest did: it says as much of how visible a film is.
        visible = self.popularity + np.bincount(case.held_out.indices, minlength=self.popularity.size)
        self._weights = metrics.propensity_weights(visible, propensity_power)
        # Of equals the first, as in every list.
        self._by_popularity = np.argsort(-self.popularity, kind="stable")
        self._by_weight = np.argsort(visible, kind="stable")
        self._filled = ranking != NO_ITEM
        self._hits = self._found_in(case.held_out)

    def measure(self, metric: str, k: int, member: Members | None = None) -> NDArray[np.float64]:
        """Return float64[m] of one per-user metric at a cut-off.

        Args:
            metric: Its name, without the cut-off.
            k: The cut-off.
            member: Count nothing but these films as held out; a user without one of them is NaN.
        """
        hits = self._hits[:, :k]
        held_out = np.diff(self.case.held_out.indptr).astype(np.int64)
        if member is None:
            return self._measured(metric, hits, held_out, self._best[:, :k])
        kept = member[self.case.held_out.indices]
        rows = np.repeat(np.arange(held_out.size), held_out)[kept]
        held_out = np.bincount(rows, minlength=held_out.size).astype(np.int64)
        asked = np.flatnonzero(held_out)
        # A place without an item is no hit, whatever the last item is a member of.
        hits = hits & member[self.ranking[:, :k]]
        values = np.full(held_out.size, np.nan)
        if asked.size:
            best = self._heaviest(rows, self.case.held_out.indices[kept], k) if metric in metrics.UNBIASED else None
            values[asked] = self._measured(metric, hits, held_out, best, asked)
        return values

    def _measured(
        self,
        metric: str,
        hits: NDArray[np.bool_],
        held_out: NDArray[np.int64],
        best: NDArray[np.float64] | None,
        asked: NDArray[np.int64] | slice = slice(None),
    ) -> NDArray[np.float64]:
        k = hits.shape[1]
        if metric in metrics.UNBIASED:
            assert best is not None
            gains = np.where(hits, self._weights[self.ranking[:, :k]], 0.0)
            return metrics.UNBIASED[metric](gains[asked], best[asked])
        if metric == metrics.SERENDIPITY:
            return metrics.recall((hits & (self._popular_place[:, :k] >= k))[asked], held_out[asked])
        return metrics.PER_USER[metric](hits[asked], held_out[asked])

    def of_all(self, k: int, films: Films | None) -> dict[str, float]:
        """Return the metrics of all lists together at a cut-off; those that nothing is known for are left out."""
        exposure = np.bincount(self.ranking[:, :k][self._filled[:, :k]], minlength=self.popularity.size)
        exposure = exposure.astype(np.int64)
        found = {
            "coverage": metrics.coverage(exposure),
            "novelty": metrics.novelty(exposure, self.popularity, self.case.train.shape[0]),
            "gini": metrics.gini(exposure),
            "popularity_lift": metrics.popularity_lift(self._list_popularity(k), self._history_popularity),
        }
        if films is not None:
            found["diversity"] = _mean(self._diversity(k, films))
        return {f"{name}@{k}": value for name, value in found.items() if np.isfinite(value)}

    def matrix(self, k: int | None = None) -> sparse.csr_matrix:
        """Return csr float32[m, items]: 1 where a film is among the first ``k`` of a list, by default anywhere."""
        rows, places = np.nonzero(self._filled[:, :k])
        ones = np.ones(rows.size, dtype=np.float32)
        return sparse.csr_matrix((ones, (rows, self.ranking[rows, places])), shape=self.case.histories.shape)

    @cached_property
    def _best(self) -> NDArray[np.float64]:
        counts = np.diff(self.case.held_out.indptr)
        rows = np.repeat(np.arange(counts.size), counts)
        return self._heaviest(rows, self.case.held_out.indices, self.ranking.shape[1])

    def _heaviest(self, rows: NDArray[np.int64], items: NDArray[np.int32], k: int) -> NDArray[np.float64]:
        """Return float64[m, k]: the weights of each row's heaviest items, the heaviest first, then zeros."""
        users, many = self.ranking.shape[0], self.popularity.size
        keys = np.sort(rows * many + _places(self._by_weight)[items])
        counts = np.bincount(rows, minlength=users)
        rank = np.arange(keys.size) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = rank < k
        owners = np.repeat(np.arange(users), counts)[kept]
        best = np.zeros((users, k))
        best[owners, rank[kept]] = self._weights[self._by_weight[keys[kept] - owners * many]]
        return best

    @cached_property
    def _popular_place(self) -> NDArray[np.int64]:
        """int64[m, k]: where each listed film stands among the films its user does not know, the most popular at 0."""
        users, many = self.ranking.shape[0], self.popularity.size
        seen = self.case.seen
        counts = np.diff(seen.indptr)
        place = _places(self._by_popularity)
        keys = np.sort(np.repeat(np.arange(users, dtype=np.int64), counts) * many + place[seen.indices])
        places = place[self.ranking]
        wanted = np.arange(users, dtype=np.int64)[:, None] * many + places
        before = np.searchsorted(keys, wanted) - np.asarray(seen.indptr[:-1])[:, None]
        return np.asarray(places - before, dtype=np.int64)

    def _found_in(self, held_out: sparse.csr_matrix) -> NDArray[np.bool_]:
        """Return bool[m, k]: whether each recommended item was held out for its user."""
        users, items = held_out.shape
        keys = np.sort(entry_keys(held_out))
        wanted = np.arange(users, dtype=np.int64)[:, None] * items + self.ranking
        near = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.asarray((keys[near] == wanted) & self._filled, dtype=np.bool_)

    def _list_popularity(self, k: int) -> NDArray[np.float64]:
        filled = self._filled[:, :k]
        sums = np.where(filled, self.popularity[self.ranking[:, :k]], 0).sum(axis=1)
        return _ratio(sums, filled.sum(axis=1))

    @cached_property
    def _history_popularity(self) -> NDArray[np.float64]:
        histories = self.case.histories
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        sums = np.bincount(rows, weights=self.popularity[histories.indices], minlength=histories.shape[0])
        return _ratio(sums, np.diff(histories.indptr))

    def _diversity(self, k: int, films: Films) -> NDArray[np.float64]:
        sizes = np.diff(films.genres.indptr)
        unit = sparse.diags_array(1.0 / np.sqrt(np.maximum(sizes, 1))) @ films.genres
        shown = self.matrix(k)
        known = np.asarray(shown @ (sizes > 0).astype(np.float64), dtype=np.int64)
        return metrics.diversity((shown @ unit).toarray().astype(np.float64), known)


def _places(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each item stands in an order."""
    places = np.empty(order.size, dtype=np.int64)
    places[order] = np.arange(order.size)
    return places


def _ratio(sums: NDArray[np.number], counts: NDArray[np.number]) -> NDArray[np.float64]:
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0), dtype=np.float64)


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
