"""Lists that were drawn by chance and shown, with the probability of every choice: what off-policy evaluation reads."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.errors import PropensitiesUnusableError

Floats = NDArray[np.float64]

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class LoggedLists:
    """Lists that were shown, and what is known of how they were chosen.

    Attributes:
        rewards: float64[n, k]; what came of each place, such as 1 for a film that was watched.
        logged: float64[n, k]; how probable the choice of each place was, given the films above it.
        target: float64[n, k]; how probable it would have been under the policy that is asked about.
        filled: bool[n, k]; the places that had a film. ``None``: all.
        users: int64[n]; whose request each was, so that requests of one person are not taken for independent ones.
            ``None``: each request is somebody else's.
        predicted: float64[n, k]; the reward that a model predicts of each shown film at its place, for ``dr``.
        expected: float64[n, k]; the mean of what the model predicts over what the policy that is asked about would
            choose at each place, for ``dr``.
        outside: float64[n, k]; the share of each place that this policy gives to films which could not be logged.

    Raises:
        PropensitiesUnusableError: Shapes differ, a number is not finite, or a probability is none.
    """

    rewards: Floats
    logged: Floats
    target: Floats
    filled: NDArray[np.bool_] | None = None
    users: NDArray[np.int64] | None = None
    predicted: Floats | None = None
    expected: Floats | None = None
    outside: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse a log that contradicts itself."""
        if self.rewards.ndim != 2:  # noqa: PLR2004 - requests by places
            raise unusable(f"The log has the shape {self.rewards.shape}.", "Give requests by places.")
        for name in ("rewards", "logged", "target", "filled", "predicted", "expected", "outside"):
            values = getattr(self, name)
            if values is not None and values.shape != self.rewards.shape:
                raise unusable(
                    f"{name} has the shape {values.shape}, the rewards {self.rewards.shape}.",
                    "Give one number for each place of each list.",
                )
        if self.users is not None and self.users.shape != (len(self.rewards),):
            raise unusable(f"users has the shape {self.users.shape}.", "Give one for each request.")
        shown = np.ones(self.rewards.shape, np.bool_) if self.filled is None else self.filled
        for name in ("rewards", "target", "predicted", "expected"):
            values = getattr(self, name)
            if values is not None and not np.isfinite(values[shown]).all():
                raise unusable(f"{name} holds a number that is not finite.", "Give a number for each shown film.")
        _check_probabilities(self.logged[shown], self.target[shown])

    @property
    def requests(self) -> int:
        """How many lists there are."""
        return len(self.rewards)


def _check_probabilities(logged: Floats, target: Floats) -> None:
    missing = int(np.count_nonzero(~np.isfinite(logged)))
    if missing:
        raise unusable(
            f"The probability of {missing:,} of {logged.size:,} shown films is missing.",
            "Leave out the lists that were logged without one: what was not chosen by chance cannot be weighed.",
        )
    if logged.size and logged.min() <= 0:
        raise unusable(
            f"{np.count_nonzero(logged <= 0):,} shown films have a logged probability of 0 or less.",
            "Correct the log: what was shown cannot have been impossible.",
        )
    highest = max(logged.max(initial=0.0), target.max(initial=0.0))
    if highest > 1 + _ROUNDING or target.min(initial=0.0) < 0:
        raise unusable(
            f"The log holds the probability {highest if highest > 1 else target.min():g}.",
            "Give probabilities between 0 and 1; scores are none.",
        )


def unusable(problem: str, next_step: str) -> PropensitiesUnusableError:
    """Return the error of a log that cannot be weighed."""
    return PropensitiesUnusableError(problem, next_step=next_step)
