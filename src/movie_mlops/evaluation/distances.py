"""How far two distributions are from each other."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MIXED_IN: Final = 0.01


def total_variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the share of the mass that lies elsewhere, from 0 (the same) to 1 (nothing in common).

    ``sum |p - q| / 2`` after both counts were made to sum to 1 (Levin and Peres, *Markov Chains and Mixing Times*,
    2017, section 4.1). It is a size and not a probability: more rows make it surer, not greater.

    Args:
        one: float64[k]; counts, at least one above zero.
        other: float64[k]; the same.
    """
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2.0)


def miscalibration(histories: NDArray[np.float64], lists: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each user's list is from their history in genres: 0 where both have the same proportions.

    The Kullback-Leibler divergence of the list from the history in nats, with a hundredth of the history mixed into
    the list so that it stays finite (Steck, *Calibrated Recommendations*, RecSys 2018, equations 3 to 7).

    Args:
        histories: float64[m, genres]; weights of the genres in each history.
        lists: float64[m, genres]; weights of the genres in each list.

    Returns:
        float64[m]; NaN where a history or a list has no genre at all.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = histories / histories.sum(axis=1, keepdims=True)
        shown = lists / lists.sum(axis=1, keepdims=True)
        mixed = (1.0 - _MIXED_IN) * shown + _MIXED_IN * wanted
        terms = np.where(wanted > 0.0, wanted * np.log(wanted / mixed), 0.0)
    terms[~np.isfinite(wanted).all(axis=1) | ~np.isfinite(shown).all(axis=1)] = np.nan
    return np.asarray(terms.sum(axis=1), dtype=np.float64)
