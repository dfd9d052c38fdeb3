"""When requests are due: as people come, each for themselves, at a rate that may change."""

import numpy as np
from numpy.typing import NDArray

from movie_mlops.bench.traffic.config import LoadBenchConfig

_GRID = 10_001


def rate_at(config: LoadBenchConfig, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many requests a second there are on average at times from the start."""
    part = np.clip(seconds / config.seconds, 0, 1)
    if config.profile == "soak":
        return np.full(len(part), config.rate)
    if config.profile == "step":
        level = np.minimum(np.floor(part * config.steps), config.steps - 1)
        part = level / max(config.steps - 1, 1)
    rates: NDArray[np.float64] = config.rate + (config.to - config.rate) * part
    return rates


def arrivals(config: LoadBenchConfig) -> NDArray[np.float64]:
    """Return when requests are due, in seconds from the start, ascending: a Poisson process of the profile's rate.

    People do not come evenly spaced. At the same mean rate some of them meet others, which is what a server must bear.
    The times are those of a process of rate one, seen through the inverse of the expected number (Cinlar 1975).
    """
    chance = np.random.default_rng(config.seed)
    grid = np.linspace(0, config.seconds, _GRID)
    middles = (grid[1:] + grid[:-1]) / 2
    expected = np.concatenate(([0.0], np.cumsum(rate_at(config, middles) * np.diff(grid))))
    total = float(expected[-1])
    gaps = chance.exponential(1.0, round(total + 10 * np.sqrt(total) + 10))
    even = np.cumsum(gaps)
    due: NDArray[np.float64] = np.interp(even[even < total], expected, grid)
    return due
