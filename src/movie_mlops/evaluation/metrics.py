"""What a list of recommendations is worth.

*Per-user* metrics compare one list with what was held out for that user; they take

- ``hits``: bool[m, k]; whether the item at each rank of the list was held out (rank 1 is column 0),
- ``held_out``: int[m]; how many items were held out, at least 1,

and return float64[m] between 0 and 1. *Unbiased* metrics do the same, and a hit counts by how unlikely it was that
anybody would see that film. *List* metrics look at all lists at once and say nothing about users' taste.

Below, ``h(r)`` is 1 where rank ``r`` is a hit and ``n`` is the number held out.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
PerUser = NDArray[np.float64]
Gains = NDArray[np.float64]


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


def unbiased_ndcg(gains: Gains, best: Gains) -> PerUser:
    """The nDCG in which a hit counts by its weight: ``sum w(r) / log2(r + 1)`` over the best possible.

    What is held out is what people came across, and they come across popular films more often: plain nDCG rewards a
    model for agreeing with that. With the weight of a film one over its propensity, a film's chance of being seen, the
    bias cancels out (Steck, *Item popularity and recommendation accuracy*, RecSys 2011, section 4; Yang et al.,
    *Unbiased offline recommender evaluation for missing-not-at-random implicit feedback*, RecSys 2018).

    The weights are normalised over all users together, as Steck does: a user's value is divided by the *mean* best
    value, so that the mean over the users is the sum of what was reached over the sum of what could be. One user's
    value may be above 1, their mean may not; with equal weights and equal numbers held out it is plain nDCG.

    Args:
        gains: float64[m, k]; the weight of the hit at each rank, 0 where there is none.
        best: float64[m, k]; the weights of the ``k`` heaviest items held out, the heaviest first, 0 where there are
            fewer.
    """
    discounts = 1.0 / np.log2(np.arange(2, gains.shape[1] + 2))
    return np.asarray(gains @ discounts / np.mean(best @ discounts), dtype=np.float64)


def unbiased_recall(gains: Gains, best: Gains) -> PerUser:
    """Recall in which a hit counts by its weight, normalised over all users as :func:`unbiased_ndcg` is."""
    return np.asarray(gains.sum(axis=1) / np.mean(best.sum(axis=1)), dtype=np.float64)


UNBIASED: Final[Mapping[str, Callable[[Gains, Gains], PerUser]]] = {
    "ndcg_unbiased": unbiased_ndcg,
    "recall_unbiased": unbiased_recall,
}
"""The per-user metrics that weigh hits by propensity, by the name that results carry."""

SERENDIPITY: Final = "serendipity"
"""Recall of the hits that the most popular films the user does not know would not have been: a :func:`recall`."""


def propensity_weights(popularity: Counts, power: float) -> PerUser:
    """Return float64[items]: one over each film's propensity, which is its popularity to a power.

    A propensity is known up to a factor only, which cancels out. A power of 0 takes everything for equally visible; 0.5
    is the square root that Saito et al. (*Unbiased recommender learning from missing-not-at-random implicit feedback*,
    WSDM 2020) use. A film that nobody has liked counts as one that one user has.

    Args:
        popularity: int64[items]; likes of each film, those that are held out too: they came about in the same way.
        power: At least 0.
    """
    return np.asarray(np.maximum(popularity, 1).astype(np.float64) ** -power, dtype=np.float64)


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


def popularity_lift(lists: PerUser, histories: PerUser) -> float:
    """How much more popular the lists are than what people watch: 0 is as popular, 1 twice as popular.

    ``(mean popularity of lists - mean popularity of histories) / mean popularity of histories`` (Abdollahpouri et al.,
    *The connection between popularity bias, calibration, and fairness in recommendation*, RecSys 2020).

    Args:
        lists: float64[m]; mean popularity of the films in each user's list.
        histories: float64[m]; mean popularity of the films in each user's history.

    Returns:
        NaN where nobody has both.
    """
    both = np.isfinite(lists) & np.isfinite(histories)
    if not both.any():
        return float("nan")
    return float(lists[both].mean() / histories[both].mean() - 1.0)


def diversity(genres: PerUser, sizes: Counts) -> PerUser:
    """How unlike each other a list's films are in genres: the mean of ``1 - cosine`` over all pairs (Smyth 2001).

    Args:
        genres: float64[m, genres]; sum of the films' genre vectors, each of length 1.
        sizes: int64[m]; how many films of each list have a genre.

    Returns:
        float64[m] from 0 (all alike) to 1 (nothing in common); NaN where fewer than two films have a genre.
    """
    pairs = sizes * (sizes - 1.0)
    alike = (genres**2).sum(axis=1) - sizes
    return np.asarray(1.0 - np.divide(alike, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0), dtype=np.float64)
