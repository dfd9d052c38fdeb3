"""What a list of recommendations is worth.

Two families. *Per-user* metrics compare one list with what was held out for that user; they take

- ``hits``: bool[m, k]; whether the item at each rank of the list was held out (rank 1 is column 0),
- ``held_out``: int[m]; how many items were held out, at least 1,

and return float64[m] between 0 and 1. *List* metrics look at all lists at once and say nothing about users' taste.

Below, ``h(r)`` is 1 where rank ``r`` is a hit and ``n`` is the number held out.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
PerUser = NDArray[np.float64]


def ndcg(hits: Hits, held_out: Counts) -> PerUser:
    """Normalised discounted cumulative gain, binary: ``sum h(r) / log2(r + 1)`` over the best value possible.

    The best list has hits at its first ``min(k, n)`` ranks, so a perfect list scores 1 whatever ``n`` is
    (Järvelin and Kekäläinen, ACM TOIS 2002).
    """
    k = hits.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(held_out, k) - 1]
    return np.asarray(hits @ discounts / ideal, dtype=np.float64)


def recall(hits: Hits, held_out: Counts) -> PerUser:
    """Hits over ``min(k, n)``: a list of ``k`` cannot hold more, so a perfect list scores 1."""
    return np.asarray(hits.sum(axis=1) / np.minimum(held_out, hits.shape[1]), dtype=np.float64)


def average_precision(hits: Hits, held_out: Counts) -> PerUser:
    """``sum h(r) * precision@r`` over the ranks, divided by ``min(k, n)``; its mean over users is MAP@k."""
    k = hits.shape[1]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return np.asarray((precisions * hits).sum(axis=1) / np.minimum(held_out, k), dtype=np.float64)


def hit_rate(hits: Hits, held_out: Counts) -> PerUser:  # noqa: ARG001 (one signature for all)
    """1 where the list has at least one hit."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def precision(hits: Hits, held_out: Counts) -> PerUser:  # noqa: ARG001 (one signature for all)
    """Hits over ``k``; a list with empty places is not excused."""
    return np.asarray(hits.mean(axis=1), dtype=np.float64)


def reciprocal_rank(hits: Hits, held_out: Counts) -> PerUser:  # noqa: ARG001 (one signature for all)
    """``1 / r`` of the first hit, 0 without one; its mean over users is MRR@k."""
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1.0), dtype=np.float64)


PER_USER: Final[Mapping[str, Callable[[Hits, Counts], PerUser]]] = {
    "ndcg": ndcg,
    "recall": recall,
    "map": average_precision,
    "hit_rate": hit_rate,
    "precision": precision,
    "mrr": reciprocal_rank,
}
"""The per-user metrics by the name that results carry, before ``@k``."""


def coverage(exposure: Counts) -> float:
    """Share of the items that are in at least one list; ``exposure`` is int64[items], the lists that hold each."""
    return float(np.count_nonzero(exposure) / exposure.size) if exposure.size else 0.0


def novelty(exposure: Counts, popularity: Counts, users: int) -> float:
    """Mean self-information, in bits, of the items in the lists: ``-log2(users who have it / users)``.

    Popularity is that of the training data, int64[items]; an item that nobody has counts as one that one user has,
    so that the value stays finite. Higher is more novel (Zhou et al., PNAS 2010).
    """
    if not exposure.sum() or users < 1:
        return 0.0
    information = -np.log2(np.maximum(popularity, 1) / users)
    return float(np.average(np.maximum(information, 0.0), weights=exposure))


def gini(exposure: Counts) -> float:
    """Gini coefficient of exposure over all items: 0 where all are shown equally often, near 1 where few take all.

    With ``x`` ascending over ``n`` items: ``sum (2 i - n - 1) x_i / (n sum x)``, ``i`` from 1.
    """
    total = int(exposure.sum())
    if not total:
        return 0.0
    n = exposure.size
    ranks = 2 * np.arange(1, n + 1, dtype=np.float64) - n - 1
    return float(ranks @ np.sort(exposure) / (n * total))
