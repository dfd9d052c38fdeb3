"""Whether the arms got the shares of people that they were promised; may be looked at after every single one.

Where they did not, something loses people of one arm more than of another (a crash, a redirect, a log that is cut),
and no comparison of the arms can be believed.

References:
    A. Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019 (why). M. Lindon,
    A. Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022 (the test).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import gammaln, xlogy

from movie_mlops.evaluation.errors import ExperimentError

_CONCENTRATION: Final = 100.0
"""How close around the promised shares other ones are looked for: as if a hundred people had confirmed them."""


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms got their shares.

    Attributes:
        counts: How many people each arm got.
        expected: How many of them each would have got by its share.
        p_value: Always valid: were the shares kept, it would ever be as low as ``x`` with probability ``x`` at most.
        false_alarms: The rate of false alarms that it is held against.
    """

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    p_value: float
    false_alarms: float

    @property
    def kept(self) -> bool:
        """Whether nothing speaks for sure against the promised shares."""
        return self.p_value > self.false_alarms

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "kept": self.kept,
            "counts": list(self.counts),
            "expected": list(self.expected),
            "p_value": self.p_value,
            "false_alarms": self.false_alarms,
        }


def sample_ratio(counts: Sequence[int], shares: Sequence[float], *, false_alarms: float = 0.001) -> SampleRatio:
    """Hold the numbers of people against the shares.

    Args:
        counts: How many different people each arm got.
        shares: What each was promised, in any unit.
        false_alarms: How often the shares may ever be said not to be kept where they are.

    Raises:
        ExperimentError: Counts or shares are none.
    """
    found, promised = np.asarray(counts, np.float64), np.asarray(shares, np.float64)
    if found.shape != promised.shape or found.ndim != 1 or found.size == 0:
        raise ExperimentError("Counts and shares are not of the same arms.", next_step="Give one of each for each arm.")
    if (found < 0).any() or (promised <= 0).any() or not np.isfinite(promised).all():
        raise ExperimentError(
            "A count is below zero, or a share is not above it.", next_step="Leave out an arm that is promised nothing."
        )
    promised = promised / promised.sum()
    prior = _CONCENTRATION * promised
    total = found.sum()
    log_mixture = gammaln(prior.sum()) - gammaln(prior.sum() + total) + (gammaln(prior + found) - gammaln(prior)).sum()
    against = float(log_mixture - xlogy(found, promised).sum())
    return SampleRatio(
        counts=tuple(int(count) for count in found),
        expected=tuple((total * promised).tolist()),
        p_value=float(np.exp(-max(against, 0.0))),
        false_alarms=false_alarms,
    )
