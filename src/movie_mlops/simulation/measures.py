"""What a generation's lists are worth, by the truth, and what they do to the catalogue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation import metrics
from movie_mlops.recommenders import NO_ITEM, top_k
from movie_mlops.simulation.population import Floats, Population

Lists = NDArray[np.int32]


@dataclass(frozen=True)
class Measured:
    """One generation.

    Attributes:
        generation: Its number, from 0.
        utility: How many films of a list its reader watches and is glad of, on average over people.
        best_utility: The same of the best lists, those that somebody would make who knew everybody's mind.
        chance_utility: The same of lists drawn by chance.
        regret: The part of the best utility that is missed.
        ndcg: True nDCG of the lists: gains are the true utilities, whatever is read of a list.
        coverage: Share of the films that the model itself puts on any list, exploration aside.
        gini: Gini coefficient of how often it puts each film on a list.
        shown_coverage: Share of the films that are shown to anybody, exploration included.
        shown_gini: The same of the Gini coefficient.
        diversity: Mean distance between two films of one list by genre, decade, language and director: 0 to 1.
        overlap: The part of a list that another person's list has too, on average.
        watched: Films that were watched from the lists, on average over people.
        explored: The share of the shown films that are not on the list that the model itself would have given.
    """

    generation: int
    utility: float
    best_utility: float
    chance_utility: float
    regret: float
    ndcg: float
    coverage: float
    gini: float
    shown_coverage: float
    shown_gini: float
    diversity: float
    overlap: float
    watched: float
    explored: float


def list_utility(utility: Floats, lists: Lists, chance: Floats) -> Floats:
    """Return float64[users]: what each list is worth, when its place j is looked at with probability ``chance[j]``."""
    worth = np.take_along_axis(utility, np.maximum(lists, 0).astype(np.int64), axis=1)
    return np.asarray(np.where(lists == NO_ITEM, 0.0, worth) @ chance, dtype=np.float64)


def best_lists(utility: Floats, seen: NDArray[np.bool_], k: int) -> Lists:
    """Return int32[users, k]: the films of the highest utility among those that each has not met."""
    return top_k(np.where(seen, -np.inf, utility).astype(np.float32), k)


def true_ndcg(utility: Floats, lists: Lists, seen: NDArray[np.bool_]) -> Floats:
    """Return float64[users]: discounted gain of the true utilities over that of the best possible list."""
    discounts = 1.0 / np.log2(np.arange(2, lists.shape[1] + 2))
    best = list_utility(utility, best_lists(utility, seen, lists.shape[1]), discounts)
    return list_utility(utility, lists, discounts) / np.maximum(best, np.finfo(float).tiny)


def exposure(lists: Lists, films: int) -> NDArray[np.int64]:
    """Return int64[films]: how many lists hold each film."""
    return np.bincount(lists[lists != NO_ITEM], minlength=films).astype(np.int64)


def diversity(population: Population, lists: Lists) -> float:
    """Return the mean distance (one minus the cosine of the films' known traits) of two films of one list."""
    known = population.traits.matrix[:, [not name.startswith("hidden:") for name in population.traits.names]]
    unit = known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), np.finfo(float).tiny)
    unit = np.vstack([unit, np.zeros(unit.shape[1])])  # the last row stands for NO_ITEM, which is -1
    count = (lists != NO_ITEM).sum(axis=1)
    # The squared length of a sum of unit vectors is their number and twice the cosines of all pairs.
    length = (unit[lists].sum(axis=1) ** 2).sum(axis=1)
    pairs = count * (count - 1)
    several = pairs > 0
    return float(1 - ((length - count)[several] / pairs[several]).mean()) if several.any() else 0.0


def overlap(shown: NDArray[np.int64], people: int, k: int) -> float:
    """Return the mean part of one list that another has too, from how many lists hold each film."""
    return float((shown * (shown - 1)).sum() / (people * (people - 1) * k))


def beyond(lists: Lists, own: Lists) -> float:
    """Return the share of the films on lists that are not on the same person's other list."""
    shown = lists != NO_ITEM
    return float((shown & (lists[:, :, None] != own[:, None, :]).all(axis=2)).sum() / max(int(shown.sum()), 1))


def spread(lists: Lists, films: int) -> tuple[float, float]:
    """Return coverage and Gini coefficient of lists."""
    shown = exposure(lists, films)
    return metrics.coverage(shown), metrics.gini(shown)
