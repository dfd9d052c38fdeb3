"""Whether a loop keeps its catalogue alive, or closes in on a few films."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from movie_mlops.simulation.measures import Measured

_LAST: Final = 4
"""The last quarter of the generations is what a loop has come to."""


@dataclass(frozen=True)
class Bounds:
    """What a loop may do to the catalogue, measured by what the model itself recommends, exploration aside.

    Attributes:
        kept: Of the films that the first generation recommends to anybody, at least this part is as many as the last
            quarter of the generations recommend on average.
        concentration: The Gini coefficient of the last quarter is above that of the first generation by at most this.
    """

    kept: float = 0.95
    concentration: float = 0.02


@dataclass(frozen=True)
class Health:
    """What became of the catalogue.

    Attributes:
        coverage: Of the first generation, and the mean of the last quarter.
        gini: The same.
        regret: The same.
        healthy: Whether coverage and Gini stayed within the bounds.
    """

    coverage: tuple[float, float]
    gini: tuple[float, float]
    regret: tuple[float, float]
    healthy: bool

    @classmethod
    def of(cls, generations: Sequence[Measured], bounds: Bounds | None = None) -> Self:
        """Judge the generations of one loop."""
        bounds = bounds or Bounds()
        last = generations[-max(1, len(generations) // _LAST) :]

        def ends(name: str) -> tuple[float, float]:
            return float(getattr(generations[0], name)), float(np.mean([getattr(each, name) for each in last]))

        coverage, gini = ends("coverage"), ends("gini")
        healthy = coverage[1] >= bounds.kept * coverage[0] and gini[1] <= gini[0] + bounds.concentration
        return cls(coverage, gini, ends("regret"), healthy)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        ends = {name: getattr(self, name) for name in ("coverage", "gini", "regret")}
        return {
            "healthy": self.healthy,
            **{name: {"first": first, "last_quarter": last} for name, (first, last) in ends.items()},
        }
