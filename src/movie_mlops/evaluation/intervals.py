"""How sure a mean over users is: the percentile bootstrap.

The users are the sample: they are drawn again, with replacement, as many as there are, and the mean is taken each
time (Efron, *Annals of Statistics* 1979). For two models on the same users the differences per user are resampled, so
that what both find hard cancels out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.evaluation.config import EvaluationConfig

_AT_ONCE: Final = 1 << 20
_KEPT: Final = 1 << 24
"""So many counts, of two bytes each, are drawn once and kept."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Attributes:
        estimate: The mean over the users.
        low: Lower end.
        high: Upper end.
    """

    estimate: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0.0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0.0


def bootstrap_means(values: NDArray[np.float64], config: EvaluationConfig) -> list[Interval]:
    """Return the mean of each row of ``values``, float64[metrics, users], with its percentile interval.

    All rows are resampled with the same draws.
    """
    means = np.empty((config.resamples, values.shape[0]))
    by_user = np.ascontiguousarray(values.T)
    for start, drawn in _draws(values.shape[1], config):
        means[start : start + len(drawn)] = drawn @ by_user / len(by_user)
    return _intervals(values.mean(axis=1), np.quantile(means, _tails(config), axis=0))


def bootstrap_known_means(values: NDArray[np.float64], config: EvaluationConfig) -> list[Interval]:
    """Return the mean of each row over the users of whom it is known, with its percentile interval.

    All rows are resampled with the same draws of all users, so that how many of a row's users are drawn varies too.

    Args:
        values: float64[rows, users]; NaN where a row says nothing of a user. Each row knows somebody.
        config: How many resamples, and the interval's level.
    """
    known = np.isfinite(values)
    sums = sparse.csr_matrix(np.where(known, values, 0.0))
    counts = sparse.csr_matrix(known, dtype=np.float64)
    means = np.empty((config.resamples, values.shape[0]))
    for start, drawn in _draws(values.shape[1], config):
        # A resample that has none of a row's users says nothing of the row.
        with np.errstate(invalid="ignore"):
            means[start : start + len(drawn)] = ((sums @ drawn.T) / (counts @ drawn.T)).T
    return _intervals(np.nanmean(values, axis=1), np.nanquantile(means, _tails(config), axis=0))


def _draws(users: int, config: EvaluationConfig) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield resamples, some at a time: the number of the first of them, and how often each user is in each.

    The second is float64[resamples, users]. What one seed draws of so many users is drawn once for all the figures that
    are taken of them.
    """
    rows = max(1, _AT_ONCE // users)
    if users * config.resamples <= _KEPT:
        kept = _all_draws(users, config.resamples, config.seed)
        blocks = (kept[start : start + rows] for start in range(0, len(kept), rows))
    else:
        generator = np.random.default_rng(config.seed)
        sizes = (min(rows, config.resamples - start) for start in range(0, config.resamples, rows))
        blocks = (_drawn(generator, users, size) for size in sizes)
    for number, block in enumerate(blocks):
        yield number * rows, block.astype(np.float64)


@lru_cache(maxsize=4)
def _all_draws(users: int, resamples: int, seed: int) -> NDArray[np.uint16]:
    return _drawn(np.random.default_rng(seed), users, resamples)


def _drawn(generator: np.random.Generator, users: int, resamples: int) -> NDArray[np.uint16]:
    drawn = np.empty((resamples, users), np.uint16)
    for resample in drawn:
        resample[:] = np.bincount(generator.integers(0, users, size=users), minlength=users)
    return drawn


def _tails(config: EvaluationConfig) -> list[float]:
    tail = (1.0 - config.level) / 2.0
    return [tail, 1.0 - tail]


def _intervals(estimates: NDArray[np.float64], ends: NDArray[np.float64]) -> list[Interval]:
    """Return the estimates with their ends, float64[2, rows]."""
    return [
        Interval(float(estimate), float(low), float(high)) for estimate, low, high in zip(estimates, *ends, strict=True)
    ]
