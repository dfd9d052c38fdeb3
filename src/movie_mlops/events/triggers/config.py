"""When a new model is made without anybody asking; ``config/triggers.yaml`` is this, written out."""

import math
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.events.triggers.errors import TriggerError

MANUAL: Final = "manual"
"""What a run is put down to that somebody asked for."""


@dataclass(frozen=True)
class RuleConfig:
    """When one rule fires.

    Attributes:
        at: It fires where its value is at least this; ``None`` switches it off.
        rearm: Having fired, it does not fire again before its value was below this, or another model serves.
        looks: So many looks in a row must find the value so high.
        every_hours: Between two looks; what costs a lot is looked at seldom.
    """

    at: float | None
    rearm: float | None = None
    looks: int = 1
    every_hours: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a rule that nobody could follow."""
        numbers = [number for number in (self.at, self.rearm, self.every_hours) if number is not None]
        if any(not math.isfinite(number) or number < 0 for number in numbers) or self.looks < 1:
            raise TriggerError(
                f"A rule has at {self.at}, rearm {self.rearm}, looks {self.looks} and every_hours {self.every_hours}.",
                next_step="Give numbers of at least 0, and at least 1 look.",
            )
        if self.at is not None and self.rearm is not None and self.rearm > self.at:
            raise TriggerError(
                f"A rule fires at {self.at:g} and is armed again below {self.rearm:g}, which is more.",
                next_step="Give a rearm of at most at: between the two it stays as it was.",
            )

    @property
    def armed_below(self) -> float:
        """Below which value it is armed again; without ``rearm`` that at which it fires."""
        return self.at or 0.0 if self.rearm is None else self.rearm


@dataclass(frozen=True)
class BudgetConfig:
    """How much may be spent on models that nobody asked for.

    Attributes:
        runs: How many runs may begin within 24 hours.
        minutes: How long those of the last 24 hours may have taken together, before another begins.
    """

    runs: int = 4
    minutes: float = 240.0

    def __post_init__(self) -> None:
        """Refuse what is no budget."""
        if self.runs < 0 or not (math.isfinite(self.minutes) and self.minutes >= 0):
            raise TriggerError(
                f"The budget is {self.runs} runs and {self.minutes} minutes a day.",
                next_step="Give numbers of at least 0.",
            )


@dataclass(frozen=True)
class TriggersConfig:
    """Everything that may be chosen about triggers.

    Attributes:
        unattended: Whether a worker does what they propose. Otherwise only ``movie-mlops triggers`` does, when asked.
        every_seconds: How often a worker looks at them, and how a canary of theirs does.
        quality: Online quality below what was promised, or than before: 1 where it is, else 0.
        drift: How many features of what comes in differ from what the champion learned from by more than matters.
        films: The share of the new interactions that are with films which the champion does not know.
        volume: The new interactions, as a share of those that the champion learned from.
        age: For how many days the champion serves.
        least_new: No rule fires before there are so many interactions that neither the champion nor the last model
            that was tried has learned from: the same data is not tried twice.
        cooldown_hours: After a run has ended none begins for so long.
        refused_hours: The same after one that came to nothing: the gate refused it, its canary was taken back, or it
            failed.
        budget: How much may be spent a day.
        attempts: So often a run that was killed is begun again; then it has failed.
    """

    unattended: bool = False
    every_seconds: float = 60.0
    quality: RuleConfig = field(default_factory=lambda: RuleConfig(at=1.0, looks=2, every_hours=24.0))
    drift: RuleConfig = field(default_factory=lambda: RuleConfig(at=1.0, looks=2, every_hours=24.0))
    films: RuleConfig = field(default_factory=lambda: RuleConfig(at=0.05, rearm=0.02, every_hours=1.0))
    volume: RuleConfig = field(default_factory=lambda: RuleConfig(at=0.1, rearm=0.05))
    age: RuleConfig = field(default_factory=lambda: RuleConfig(at=30.0))
    least_new: int = 1000
    cooldown_hours: float = 6.0
    refused_hours: float = 24.0
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    attempts: int = 3

    def __post_init__(self) -> None:
        """Refuse numbers that are none."""
        for name in ("every_seconds", "cooldown_hours", "refused_hours", "least_new"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise TriggerError(f"{name} is {value}.", next_step="Give a number of at least 0.")
        if self.attempts < 1 or self.every_seconds <= 0:
            raise TriggerError(
                f"attempts is {self.attempts} and every_seconds {self.every_seconds}.",
                next_step="Give at least 1 attempt, and a time above 0.",
            )

    def rule(self, name: str) -> RuleConfig:
        """Return the rule of a name out of :data:`RULES`."""
        found: RuleConfig = getattr(self, name)
        return found


RULES: Final = ("quality", "drift", "films", "volume", "age")
"""Every rule, in the order in which one is taken for the reason where several fire at once."""
