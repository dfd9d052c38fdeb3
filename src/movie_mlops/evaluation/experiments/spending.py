"""Looks that were planned: a fixed number of them, and how much of the error rate each may spend.

Who looks only at planned times needs fewer people than who may look at any time. The statistic at a look is the
difference over its standard error; at a fraction ``t`` of the planned information it moves like a Brownian motion. How
much of ``alpha`` may be spent by ``t`` is a function chosen beforehand, so that looks may come earlier or later than
planned without doing harm. The bounds follow from it by numerical integration over all ways of getting so far.

References:
    P. C. O'Brien, T. R. Fleming, "A Multiple Testing Procedure for Clinical Trials", Biometrics 1979. S. J. Pocock,
    "Group sequential methods in the design and analysis of clinical trials", Biometrika 1977. K. K. G. Lan, D. L.
    DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 1983 (spending). P. Armitage, C. K.
    McPherson, B. C. Rowe, "Repeated significance tests on accumulating data", JRSS A 1969 (the integration).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from movie_mlops.evaluation.errors import ExperimentError

Floats = NDArray[np.float64]

_NODES: Final = 200
_FARTHEST: Final = 12.0
"""A bound beyond which nothing ever gets."""
_STRONGEST: Final = 20.0


class Spending(StrEnum):
    """How alpha is spent: hardly anything early (O'Brien and Fleming), or about the same at each look (Pocock)."""

    OBRIEN_FLEMING = "obrien-fleming"
    POCOCK = "pocock"

    def spent(self, fraction: float, alpha: float) -> float:
        """Return how much of alpha, of both sides together, may be spent by a fraction of the information."""
        if fraction <= 0:
            return 0.0
        fraction = min(fraction, 1.0)
        if self is Spending.POCOCK:
            return alpha * math.log(1 + (math.e - 1) * fraction)
        return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(fraction)))


@dataclass(frozen=True)
class GroupSequential:
    """A plan of looks.

    Attributes:
        fractions: How much of the planned information there is at each look, ascending; the last is 1.
        bounds: A statistic at least so far from zero, to either side, ends the experiment at that look.
        alpha: How often an experiment without an effect ends so at any look.
        spending: How alpha is spent.
    """

    fractions: tuple[float, ...]
    bounds: tuple[float, ...]
    alpha: float
    spending: Spending

    def power(self, drift: float) -> float:
        """Return how often an effect is found whose statistic is ``drift`` on average once everything is in."""
        walk = _Walk(drift)
        for fraction, bound in zip(self.fractions, self.bounds, strict=True):
            walk.go(fraction, bound)
        return 1.0 - walk.inside()

    def drift(self, power: float) -> float:
        """Return the drift that is found with a power.

        Raises:
            ExperimentError: The power is not between alpha and 1.
        """
        if not self.alpha < power < 1:
            raise ExperimentError(
                f"The power {power} cannot be had.", next_step=f"Give one between {self.alpha} and 1."
            )
        return float(brentq(lambda drift: self.power(drift) - power, 0.0, _STRONGEST))


def group_sequential(fractions: Sequence[float], *, alpha: float, spending: Spending) -> GroupSequential:
    """Return the bounds of looks at fractions of the planned information.

    Args:
        fractions: Ascending, above 0 and at most 1; those of the looks so far are enough to know their bounds.
        alpha: Of both sides together.
        spending: How it is spent.

    Raises:
        ExperimentError: The fractions do not ascend within 0 and 1, or alpha is no error rate.
    """
    steps = [0.0, *fractions]
    if len(steps) == 1 or steps[-1] > 1 or any(later <= earlier for earlier, later in pairwise(steps)):
        raise ExperimentError(
            f"The looks {list(fractions)} do not ascend from above 0 to at most 1.",
            next_step="Give the share of the planned information at each look, such as 0.25, 0.5, 0.75, 1.",
        )
    if not 0 < alpha < 1:
        raise ExperimentError(f"alpha is {alpha}.", next_step="Give a rate between 0 and 1, such as 0.05.")
    walk, bounds = _Walk(0.0), []
    for earlier, fraction in zip(steps, fractions, strict=False):
        to_spend = spending.spent(fraction, alpha) - spending.spent(earlier, alpha)
        bound = walk.bound(fraction, to_spend)
        walk.go(fraction, bound)
        bounds.append(bound)
    return GroupSequential(tuple(fractions), tuple(bounds), alpha, spending)


class _Walk:
    """A Brownian motion with a drift, of which only the ways are followed that crossed no bound so far.

    Args:
        drift: Where it is on average at the fraction 1.
    """

    def __init__(self, drift: float) -> None:
        self._drift = drift
        self._at = 0.0
        # Where it may be, and how probable it is to be about there.
        self._places: Floats = np.zeros(1)
        self._masses: Floats = np.ones(1)

    def inside(self) -> float:
        """Return how probable it is that no bound was crossed."""
        return float(self._masses.sum())

    def bound(self, fraction: float, to_spend: float) -> float:
        """Return the bound that is crossed first at ``fraction`` with the probability ``to_spend``."""
        if self._crossing(fraction, _FARTHEST) >= to_spend:
            return _FARTHEST
        return float(brentq(lambda bound: self._crossing(fraction, bound) - to_spend, 0.0, _FARTHEST, xtol=1e-10))

    def go(self, fraction: float, bound: float) -> None:
        """Go on to ``fraction``, and stop following what is beyond ``bound`` there."""
        step = fraction - self._at
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        # No farther than the motion gets: a bound far out would leave few nodes where it is.
        widest = min(bound, _FARTHEST) * math.sqrt(fraction)
        reach = 8 * math.sqrt(fraction)
        centre = self._drift * fraction
        low, high = max(-widest, centre - reach), min(widest, centre + reach)
        if high <= low:
            self._places, self._masses = np.zeros(1), np.zeros(1)
        else:
            places = (high - low) / 2 * nodes + (high + low) / 2
            apart = (places[:, None] - self._places[None, :] - self._drift * step) / math.sqrt(step)
            density = np.exp(-0.5 * apart**2) @ self._masses / math.sqrt(2 * math.pi * step)
            self._places, self._masses = places, density * weights * (high - low) / 2
        self._at = fraction

    def _crossing(self, fraction: float, bound: float) -> float:
        step = fraction - self._at
        edge, spread = bound * math.sqrt(fraction), math.sqrt(step)
        moved = self._places + self._drift * step
        beyond = ndtr((moved - edge) / spread) + ndtr((-edge - moved) / spread)
        return float(beyond @ self._masses)
