"""Histories in order of time, and how far apart two of their films are."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN: Final = 0
"""The bucket of a distance that nobody knows."""

BUCKETS: Final = 32
"""How many buckets there are."""

_LAST: Final = BUCKETS - 1


def in_order(items: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of a history: by time, an unknown one first, and of the same time by film."""
    order: NDArray[np.int64] = np.lexsort((items, times)).astype(np.int64)
    return order


def rank_buckets(between: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of how many films lie between two: one each up to eight, then four to each doubling."""
    beyond = 8 + np.floor(4 * np.log2(np.maximum(between, 8) / 8)).astype(np.int64)
    buckets: NDArray[np.int64] = np.minimum(1 + np.where(between < 8, np.maximum(between, 0), beyond), _LAST)  # noqa: PLR2004  # the same eight
    return buckets


def time_buckets(now: NDArray[np.int64], then: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of the seconds between two times, by their logarithm to the base 2; unknown where one is."""
    seconds = np.maximum(now - then, 0)
    buckets = np.minimum(1 + np.ceil(np.log2(seconds + 1)).astype(np.int64), _LAST)
    return np.where((now >= 0) & (then >= 0), buckets, UNKNOWN)
