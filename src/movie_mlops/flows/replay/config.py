"""How a history is lived again."""

import math
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.events.triggers import BudgetConfig, RuleConfig, TriggersConfig
from movie_mlops.release.rollout import CanaryConfig, RolloutConfig

_MOST: Final = 1_000
"""So many events the API takes at once."""


def _triggers() -> TriggersConfig:
    off = RuleConfig(at=None)
    return TriggersConfig(
        quality=off,
        drift=off,
        age=off,
        films=RuleConfig(at=0.05, rearm=0.02),
        volume=RuleConfig(at=0.25, rearm=0.1),
        cooldown_hours=0.0,
        refused_hours=0.0,
        budget=BudgetConfig(runs=10_000, minutes=1e6),
    )


def _rollout() -> RolloutConfig:
    guards = {"errors": None, "popular": None, "displeased": None}
    canary = CanaryConfig(stages=(0.5,), least_seconds=0.0, least_answers=40, slow_ms=10_000.0, guards=guards)
    return RolloutConfig(canary=canary, looks_seconds=0.2)


@dataclass(frozen=True)
class ReplayConfig:
    """How a history is lived again.

    Attributes:
        begin: The share of it that the first model learns from; the rest is lived.
        batch: So many events are sent at once; whoever likes something in them is given a list before.
        k: The length of the lists.
        recent_days: The rival that is popularity counts so many days.
        land_days: The worker brings what was sent into the lake, and the API reads it, whenever so many days of the
            history have passed since it last did. In service that is a matter of minutes; 0: after every batch.
        turn_events: After so many events it does so in any case, and the loop takes a turn.
        speed: So many seconds of the history pass in one; ``None``: as quickly as it goes.
        triggers: When a new model is made. Time in them is that of the machine, not that of the history.
        rollout: How it is rolled out.
    """

    begin: float = 0.2
    batch: int = 200
    k: int = 10
    recent_days: float = 30.0
    land_days: float = 1.0
    turn_events: int = 5_000
    speed: float | None = None
    triggers: TriggersConfig = field(default_factory=_triggers)
    rollout: RolloutConfig = field(default_factory=_rollout)

    def __post_init__(self) -> None:
        """Refuse what cannot be lived."""
        fits = 0 < self.begin < 1 and 1 <= self.batch <= _MOST and self.k >= 1 and self.turn_events >= 1
        if not fits or not (math.isfinite(self.recent_days) and self.recent_days > 0):
            raise ConfigurationError(
                f"begin is {self.begin}, batch {self.batch}, k {self.k}, recent_days {self.recent_days} and turn_events"
                f" {self.turn_events}.",
                next_step=f"Give a share between 0 and 1, batches of 1 to {_MOST:,}, and whole numbers from 1.",
            )
        if not (math.isfinite(self.land_days) and self.land_days >= 0):
            raise ConfigurationError(
                f"land_days is {self.land_days}.", next_step="Give days of the history, 0 for after every batch."
            )
        if self.speed is not None and not (math.isfinite(self.speed) and self.speed > 0):
            raise ConfigurationError(
                f"The speed is {self.speed}.", next_step="Give how many seconds pass in one, or leave it out."
            )
