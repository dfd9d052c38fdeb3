"""How sure a mean over users is: the percentile bootstrap.

The users are the sample: they are drawn again, with replacement, as many as there are, and the mean is taken each
time (Efron, *Annals of Statistics* 1979). For two models on the same users the differences per user are resampled, so
that what both find hard cancels out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.evaluation.config import EvaluationConfig


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

    All rows are resampled with the same draws. One resample at a time is in memory.
    """
    users = values.shape[1]
    generator = np.random.default_rng(config.seed)
    means = np.empty((config.resamples, values.shape[0]))
    by_user = np.ascontiguousarray(values.T)
    for resample in range(config.resamples):
        drawn = np.bincount(generator.integers(0, users, size=users), minlength=users)
        means[resample] = drawn @ by_user / users
    return _intervals(values.mean(axis=1), np.quantile(means, _tails(config), axis=0))


def bootstrap_known_means(values: NDArray[np.float64], config: EvaluationConfig) -> list[Interval]:
    """Return the mean of each row over the users of whom it is known, with its percentile interval.

    All rows are resampled with the same draws of all users, so that how many of a row's users are drawn varies too.

    Args:
        values: float64[rows, users]; NaN where a row says nothing of a user. Each row knows somebody.
        config: How many resamples, and the interval's level.
    """
    users = values.shape[1]
    known = np.isfinite(values)
    sums = sparse.csr_matrix(np.where(known, values, 0.0))
    counts = sparse.csr_matrix(known, dtype=np.float64)
    generator = np.random.default_rng(config.seed)
    means = np.empty((config.resamples, values.shape[0]))
    for resample in range(config.resamples):
        drawn = np.bincount(generator.integers(0, users, size=users), minlength=users)
        # A resample that has none of a row's users says nothing of the row.
        with np.errstate(invalid="ignore"):
            means[resample] = (sums @ drawn) / (counts @ drawn)
    return _intervals(np.nanmean(values, axis=1), np.nanquantile(means, _tails(config), axis=0))


def _tails(config: EvaluationConfig) -> list[float]:
    tail = (1.0 - config.level) / 2.0
    return [tail, 1.0 - tail]


def _intervals(estimates: NDArray[np.float64], ends: NDArray[np.float64]) -> list[Interval]:
    """Return the estimates with their ends, float64[2, rows]."""
    return [
        Interval(float(estimate), float(low), float(high)) for estimate, low, high in zip(estimates, *ends, strict=True)
    ]
