"""How releases are rolled out; ``config/rollout.yaml`` is this, written out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.release.errors import RolloutError

_KNOWN: Final = ("errors", "slow", "popular", "displeased", "pleased")


def _default_guards() -> dict[str, float | None]:
    return {"errors": 0.01, "slow": 0.05, "popular": 0.05, "displeased": None, "pleased": None}


@dataclass(frozen=True)
class CanaryConfig:
    """How far a canary goes, how long it stays, and what sends it back.

    Attributes:
        stages: The shares of the users that it gets, one after the other; then it is promoted.
        least_seconds: How long a stage lasts at least.
        least_answers: How many answers the canary gives in a stage at least.
        patience_seconds: A stage that is not done by then sends the canary back: there is too little to go by.
        silence_seconds: So does having heard of no server for so long.
        lost: So does a share of the answers that could not be kept, above this.
        false_alarms: How often a canary that is as good as the champion may be sent back, over all of its stages, of
            what is guarded, and however often it is looked at.
        slow_ms: An answer that takes longer than this is a slow one.
        response_seconds: How long after a user's first list of a stage what they do counts as their answer to it.
        guards: What may not become worse, with how much worse it may still be, for all that is known, when the canary
            is promoted; ``None`` asks for no more than that it is not worse for certain. ``errors``, ``slow`` and
            ``popular`` (lists that are not personal) are shares of the answers, ``displeased`` and ``pleased`` shares
            of the users.
    """

    stages: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5)
    least_seconds: float = 600.0
    least_answers: int = 1000
    patience_seconds: float = 86_400.0
    silence_seconds: float = 60.0
    lost: float = 0.01
    false_alarms: float = 0.05
    slow_ms: float = 100.0
    response_seconds: float = 1800.0
    guards: Mapping[str, float | None] = field(default_factory=_default_guards)

    def __post_init__(self) -> None:
        """Refuse a way that leads nowhere."""
        if (
            not self.stages
            or any(not 0 < share < 1 for share in self.stages)
            or list(self.stages) != sorted(set(self.stages))
        ):
            raise RolloutError(
                f"The stages {list(self.stages)} do not ascend between 0 and 1.",
                next_step="Give shares such as [0.01, 0.05, 0.25, 0.5]; what comes after the last is everybody.",
            )
        if not 0 < self.false_alarms < 1:
            raise RolloutError(
                f"false_alarms is {self.false_alarms}.", next_step="Give a rate between 0 and 1, such as 0.05."
            )
        unknown = [name for name in self.guards if name not in _KNOWN]
        if unknown or not self.guards:
            raise RolloutError(
                f"Nothing called {unknown[0]!r} is measured." if unknown else "Nothing is guarded.",
                next_step=f"Guard some of {', '.join(_KNOWN)}.",
            )
        for name in ("least_seconds", "patience_seconds", "silence_seconds", "slow_ms", "response_seconds", "lost"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise RolloutError(f"{name} is {value}.", next_step="Give a number of at least 0.")


@dataclass(frozen=True)
class ExplorationConfig:
    """How much chance there is in the lists, so that something is learnt of films that would not be shown.

    Attributes:
        budget: The share of the personal answers that are explored at all; 0 leaves every list as it is.
        chance: The probability that a place of an explored list is filled by chance.
        depth: Chance draws from so many of a person's best films.
        kept: So many places at the top stay as they are.
    """

    budget: float = 0.0
    chance: float = 0.2
    depth: int = 30
    kept: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no share or no depth."""
        for name in ("budget", "chance"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise RolloutError(f"exploration.{name} is {value}.", next_step="Give a share from 0 to 1.")
        if self.depth < 1 or self.kept < 0:
            raise RolloutError(
                f"exploration.depth is {self.depth} and kept {self.kept}.",
                next_step="Give a depth of at least 1, and keep at least 0 places.",
            )


@dataclass(frozen=True)
class RolloutConfig:
    """Everything that may be chosen about roll-outs.

    Attributes:
        canary: How a canary goes.
        exploration: How much chance there is in the lists.
        looks_seconds: How often somebody looks how a canary does.
    """

    canary: CanaryConfig = field(default_factory=CanaryConfig)
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    looks_seconds: float = 5.0
