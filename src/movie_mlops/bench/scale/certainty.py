"""How sure it is what a piece of work takes, when what else the machine does only ever adds to it."""

from collections.abc import Sequence
from typing import Final

from movie_mlops.bench.scale.curves import CPU, CURVES

CERTAIN: Final = 0.04
"""A least time that was nearly found twice, no further apart than this share, is taken to be the least there is."""

_ONCE: Final = 0.25
"""As far two measurements of one size are apart at times: so uncertain is what was measured once."""


def apart_of(costs: Sequence[float]) -> float:
    """Return how far the two least measurements of a size are apart, as a share of the least.

    Args:
        costs: All of that size, each above 0. A single one is as uncertain as two may be far apart.
    """
    if len(costs) == 1:
        return _ONCE
    least, second = sorted(costs)[:2]
    return second / least - 1


def timed_costs(job: str) -> tuple[str, ...]:
    """Return the costs of a job that are times, of which the least counts."""
    return tuple(curve.cost for curve in CURVES if curve.job == job and curve.unit == CPU[1])
