"""Percentiles of samples, without interpolation: each is a value that was measured."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHOWN: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)


def percentile(ordered: Sequence[float] | NDArray[np.float64], share: float) -> float:
    """Return the smallest sample that at least ``share`` percent of the samples do not exceed (nearest rank).

    Args:
        ordered: The samples, ascending, at least one.
        share: Above 0, at most 100.
    """
    # 99.9 percent of 1000 is 999, which binary fractions put a hair above.
    rank = math.ceil(round(share * len(ordered) / 100, 9))
    return float(ordered[max(rank, 1) - 1])


def summary(samples: NDArray[np.float64]) -> dict[str, float] | None:
    """Return smallest, mean, the percentiles of :data:`SHOWN` and largest; ``None`` where there is no sample."""
    if not samples.size:
        return None
    ordered = np.sort(samples)
    figures = {"min": float(ordered[0]), "mean": float(ordered.mean())}
    figures |= {f"p{share:g}": percentile(ordered, share) for share in SHOWN}
    return {name: round(value, 4) for name, value in {**figures, "max": float(ordered[-1])}.items()}
