"""Means of any figure for each person, compared between two arms, that may be looked at all the time.

The difference of two means, in units of its information ``V = 1 / (s1^2 / n1 + s0^2 / n0)``, moves like a Brownian
motion. The mixture sequential probability ratio test holds it against a normal distribution of effects with standard
deviation ``effect``; with ``S = V * difference``

``L = sqrt(h / (V + h)) * exp(S^2 / (2 (V + h)))`` with ``h = 1 / effect^2``

and ``1 / L`` is a p-value that stays right however often one looks. The differences that the test does not refuse are
the confidence sequence. Unlike for rates this rests on the central limit theorem, so that nothing is said of fewer
people than ``least``.

References:
    R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always Valid Inference: Continuous Monitoring of A/B Tests", Operations
    Research 2022. I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory
    and asymptotic confidence sequences", Annals of Statistics 2024.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movie_mlops.evaluation.errors import ExperimentError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ArmSums:
    """What is known of one arm, each an array of the same shape: one value for each look or experiment.

    Attributes:
        people: How many people: the unit that was drawn, so that one person's answers are not taken for several's.
        total: The sum of a figure of each.
        squares: The sum of its squares.
    """

    people: ArrayLike
    total: ArrayLike
    squares: ArrayLike


@dataclass(frozen=True)
class MeanDifference:
    """The mean of one arm minus that of another.

    Attributes:
        estimate: The difference.
        low: Lower end of the confidence sequence.
        high: Upper end.
        p_value: Always valid, for no difference.
    """

    estimate: Floats
    low: Floats
    high: Floats
    p_value: Floats

    def to_json(self) -> dict[str, Any]:
        """Return a single difference as plain data; what nothing is known of is ``None``."""
        values = {name: float(getattr(self, name)) for name in ("estimate", "low", "high", "p_value")}
        return {name: value if np.isfinite(value) else None for name, value in values.items()}


def mean_difference(
    first: ArmSums, second: ArmSums, *, alpha: float, effect: float, least: int = 100
) -> MeanDifference:
    """Return the mean of the first arm minus that of the second, with its confidence sequence.

    Args:
        first: Sums of the first arm.
        second: Sums of the second.
        alpha: How often the sequence may ever miss the truth.
        effect: A difference of the size that one expects, if there is one: the sequence is narrowest there. Chosen
            before there are data.
        least: With fewer people in an arm nothing is said.

    Raises:
        ExperimentError: ``alpha`` or ``effect`` is out of range.
    """
    if not 0 < alpha < 1 or not effect > 0:
        raise ExperimentError(
            f"alpha is {alpha} and effect {effect}.", next_step="Give a rate between 0 and 1, and an effect above 0."
        )
    sides = [_mean(arm) for arm in (first, second)]
    (mean, error, people), (other_mean, other_error, other_people) = sides
    both = error + other_error
    information = np.divide(1.0, both, out=np.ones(np.shape(both)), where=both > 0)
    difference = mean - other_mean
    weight = 1 / effect**2
    known = (np.minimum(people, other_people) >= least) & (both > 0)
    # In logarithms: the ratio itself is beyond any number where the difference is plain.
    ratio = 0.5 * np.log(weight / (information + weight)) + (information * difference) ** 2 / (
        2 * (information + weight)
    )
    reach = np.sqrt((information + weight) * np.log((information + weight) / (weight * alpha**2))) / information
    return MeanDifference(
        estimate=np.where(np.minimum(people, other_people) > 0, difference, np.nan),
        low=np.where(known, difference - reach, -np.inf),
        high=np.where(known, difference + reach, np.inf),
        p_value=np.where(known, np.exp(-np.maximum(ratio, 0.0)), 1.0),
    )


def _mean(arm: ArmSums) -> tuple[Floats, Floats, Floats]:
    """Return the mean, its squared standard error, and the number of people."""
    people, total, squares = (np.asarray(values, np.float64) for values in (arm.people, arm.total, arm.squares))
    some = np.maximum(people, 1)
    mean = total / some
    variance = np.maximum(squares - total * mean, 0.0) / np.maximum(people - 1, 1)
    return mean, variance / some, people
