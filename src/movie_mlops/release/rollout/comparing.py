"""What an experiment says: each arm held against the first, by the design that was chosen before it began."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from movie_mlops.evaluation.experiments import (
    ArmSums,
    MeanDifference,
    Preference,
    SampleRatio,
    Spending,
    group_sequential,
    mean_difference,
    preference,
    rate_difference,
    sample_ratio,
)
from movie_mlops.release.rollout.plans import ExperimentPlan

_USUAL_EFFECT = 0.1
"""Films that one arm's people like more than the other's: where the sequence of means is narrowest."""


@dataclass(frozen=True)
class ArmOutcome:
    """What an arm came to.

    Attributes:
        people: How many people had a list.
        liked: How many films each liked whose time to respond is over, in the order in which they came.
        wins: Of lists that two models made: people who took more of the first's films.
        losses: Those who took more of the second's.
    """

    people: int = 0
    liked: Sequence[int] = ()
    wins: int = 0
    losses: int = 0


@dataclass(frozen=True)
class Look:
    """A planned look.

    Attributes:
        people: How many people of each arm it takes.
        statistic: The difference over its standard error, of the first so many of each arm; ``None`` before it.
        bound: How far from zero it must be.
    """

    people: int
    statistic: float | None
    bound: float


@dataclass(frozen=True)
class Comparison:
    """An arm held against the first.

    Attributes:
        arm: Its name.
        pleased: The share of its people who liked anything; ``None`` before the first.
        against: The same of the first arm.
        low: By how much the share is higher at least, for all that is known; exact, at any time.
        high: By how much at most.
        films: How many more films each of its people liked.
        looks: The planned looks; none in a design that may be looked at all the time.
        differs: Whether it is certain that they differ, by the design.
    """

    arm: str
    pleased: float | None
    against: float | None
    low: float
    high: float
    films: MeanDifference
    looks: tuple[Look, ...]
    differs: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "arm": self.arm,
            "pleased": self.pleased,
            "against": self.against,
            "low": self.low,
            "high": self.high,
            "films": self.films.to_json(),
            "looks": [{"people": look.people, "statistic": look.statistic, "bound": look.bound} for look in self.looks],
            "differs": self.differs,
        }


@dataclass(frozen=True)
class ExperimentReport:
    """What an experiment says so far.

    Attributes:
        ratio: Whether the arms have their shares; ``None`` where lists are made together.
        comparisons: Each arm but the first, held against it.
        preference: Whose films are taken, where two models make lists together.
    """

    ratio: SampleRatio | None
    comparisons: tuple[Comparison, ...]
    preference: Preference | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "sample_ratio": None if self.ratio is None else self.ratio.to_json(),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "preference": None if self.preference is None else self.preference.to_json(),
        }


def compare(plan: ExperimentPlan, outcomes: Sequence[ArmOutcome]) -> ExperimentReport:
    """Return what an experiment says.

    Args:
        plan: The experiment.
        outcomes: Of each arm, in the plan's order; of lists made together, a single one.
    """
    if plan.how == "interleaved":
        return ExperimentReport(None, (), preference(outcomes[0].wins, outcomes[0].losses, plan.alpha))
    ratio = sample_ratio([outcome.people for outcome in outcomes], [arm.weight for arm in plan.arms])
    # Several arms: each comparison has its part of the error rate.
    alpha = plan.alpha / (len(plan.arms) - 1)
    pairs = zip(plan.arms[1:], outcomes[1:], strict=True)
    return ExperimentReport(
        ratio, tuple(_compared(plan, arm.name, each, outcomes[0], alpha) for arm, each in pairs), None
    )


def _compared(plan: ExperimentPlan, name: str, arm: ArmOutcome, first: ArmOutcome, alpha: float) -> Comparison:
    both = [np.asarray(each.liked, np.float64) for each in (arm, first)]
    pleased, trials = [int((liked > 0).sum()) for liked in both], [liked.size for liked in both]
    low, high = rate_difference((pleased[0], pleased[1]), (trials[0], trials[1]), alpha)
    sums = [ArmSums(liked.size, liked.sum(), (liked**2).sum()) for liked in both]
    looks = () if plan.design == "always-valid" else _looks(plan, both[0] > 0, both[1] > 0, alpha)
    differs = bool(low > 0 or high < 0)
    if looks:
        differs = any(look.statistic is not None and abs(look.statistic) >= look.bound for look in looks)
    return Comparison(
        arm=name,
        pleased=pleased[0] / trials[0] if trials[0] else None,
        against=pleased[1] / trials[1] if trials[1] else None,
        low=float(low),
        high=float(high),
        films=mean_difference(sums[0], sums[1], alpha=alpha, effect=_USUAL_EFFECT),
        looks=looks,
        differs=differs,
    )


def _looks(
    plan: ExperimentPlan, arm: np.ndarray[Any, Any], first: np.ndarray[Any, Any], alpha: float
) -> tuple[Look, ...]:
    """Return each planned look at the first so many people of both arms: looking between them changes nothing."""
    found = []
    for fraction, bound in zip(plan.looks, _bounds(plan.looks, alpha, plan.design), strict=True):
        people = math.ceil(fraction * plan.people)
        statistic = None
        if min(arm.size, first.size) >= people:
            rates = [float(values[:people].mean()) for values in (arm, first)]
            pooled = sum(rates) / 2
            error = math.sqrt(2 * pooled * (1 - pooled) / people)
            statistic = (rates[0] - rates[1]) / error if error else 0.0
        found.append(Look(people, statistic, bound))
    return tuple(found)


@lru_cache(64)
def _bounds(looks: tuple[float, ...], alpha: float, design: str) -> tuple[float, ...]:
    """Return the bounds of a plan; they are integrals, and a plan does not change."""
    return group_sequential(looks, alpha=alpha, spending=Spending(design)).bounds
