"""What the rules say: from what was measured, from what is remembered, from the runs before, and from nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.events.triggers.config import RULES, BudgetConfig, RuleConfig, TriggersConfig
from movie_mlops.events.triggers.runs import CAME_TO_NOTHING, LoopRun

_DAY: Final = timedelta(days=1)


class State(StrEnum):
    """How a rule stands."""

    OFF = "off"
    UNKNOWN = "cannot be judged"
    BELOW = "below"
    AGAIN = "must be seen again"
    FIRED = "has fired"
    HELD = "held"
    FIRES = "fires"


@dataclass(frozen=True)
class Measured:
    """What a rule found.

    Attributes:
        value: The number; ``None`` where it cannot be told.
        sentence: What it says, for people.
        soon: Whether it is looked at again at the next turn: there was too little to look at, which is quickly seen.
    """

    value: float | None
    sentence: str
    soon: bool = False


@dataclass(frozen=True)
class Memory:
    """What is remembered of a rule.

    Attributes:
        champion: Which bundle served; with another one all is forgotten.
        armed: Whether it may fire.
        looks: How many looks in a row found the value high enough.
        value: What the last look found.
        sentence: What that said.
        looked_at: When; ``None`` before the first.
    """

    champion: str
    armed: bool = True
    looks: int = 0
    value: float | None = None
    sentence: str = ""
    looked_at: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """How a rule stands, and why.

    Attributes:
        name: The rule.
        state: How it stands.
        value: What it found; ``None`` where that cannot be told.
        at: At which value it fires; ``None``: never.
        sentence: Why, for people.
        memory: What is to be remembered of it.
    """

    name: str
    state: State
    value: float | None
    at: float | None
    sentence: str
    memory: Memory

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        told = asdict(self.memory)
        looked = told.pop("looked_at")
        return {
            "name": self.name,
            "state": self.state.value,
            "value": self.value,
            "at": self.at,
            "sentence": self.sentence,
            "armed": told["armed"],
            "looks": told["looks"],
            "looked_at": None if looked is None else clock.to_iso(looked),
        }


def due(config: RuleConfig, memory: Memory | None, champion: str, now: datetime) -> bool:
    """Return whether a rule is looked at now; of a champion that is new to it, or at the first time, always."""
    if config.at is None:
        return False
    if memory is None or memory.champion != champion or memory.looked_at is None:
        return True
    return now - memory.looked_at >= timedelta(hours=config.every_hours)


def judge(
    config: TriggersConfig,
    measured: Mapping[str, Measured],
    memories: Mapping[str, Memory],
    runs: Sequence[LoopRun],
    *,
    champion: str,
    new: int,
    now: datetime,
) -> list[Judged]:
    """Say of every rule how it stands; the first that fires is the reason for a run.

    Args:
        config: The rules.
        measured: What was looked at now; of the others what is remembered counts.
        memories: What is remembered of each.
        runs: Those of the last day at least, the newest first.
        champion: The bundle that serves.
        new: How many interactions neither it nor the last model that was tried has learned from.
        now: The time.
    """
    held = holds(config, runs, new=new, now=now)
    return [
        _judged(name, config.rule(name), measured.get(name), memories, champion=champion, held=held, now=now)
        for name in RULES
    ]


def fires(judged: Sequence[Judged]) -> Judged | None:
    """Return the rule that fires; of several the first."""
    return next((each for each in judged if each.state is State.FIRES), None)


def holds(config: TriggersConfig, runs: Sequence[LoopRun], *, new: int, now: datetime) -> str | None:
    """Say why no run begins now, whatever a rule says; ``None`` where one may.

    Args:
        config: The rules.
        runs: The newest first.
        new: How many interactions nothing has learned from.
        now: The time.
    """
    if any(run.open for run in runs):
        return "a run goes on"
    if new < config.least_new:
        return f"only {new:,} of {config.least_new:,} interactions are new since the data that was tried last"
    last = next((run for run in runs if run.ended_at is not None), None)
    if last is not None and last.ended_at is not None:
        nothing = last.stage in CAME_TO_NOTHING
        hours = max(config.cooldown_hours, config.refused_hours) if nothing else config.cooldown_hours
        until = last.ended_at + timedelta(hours=hours)
        if now < until:
            why = f"came to nothing ({last.stage})" if nothing else "ended"
            return f"the last run {why}, and none begins before {until:%Y-%m-%d %H:%M} UTC"
    left, minutes = budget_left(config.budget, runs, now)
    if left <= 0:
        return f"the budget of {config.budget.runs} runs a day is used up"
    if minutes <= 0:
        spent = config.budget.minutes - minutes
        return f"the budget of {config.budget.minutes:g} minutes a day is used up ({spent:,.0f})"
    return None


def budget_left(budget: BudgetConfig, runs: Sequence[LoopRun], now: datetime) -> tuple[int, float]:
    """Return how many runs, and how many minutes of them, a day's budget has left; below 0 where more was spent.

    Args:
        budget: The budget.
        runs: Those of the last day at least.
        now: The time.
    """
    lately = [run for run in runs if now - run.began_at < _DAY]
    return budget.runs - len(lately), budget.minutes - sum(run.seconds for run in lately) / 60


def _judged(
    name: str,
    rule: RuleConfig,
    found: Measured | None,
    memories: Mapping[str, Memory],
    *,
    champion: str,
    held: str | None,
    now: datetime,
) -> Judged:
    memory = memories.get(name)
    if memory is None or memory.champion != champion:
        memory = Memory(champion)
    if rule.at is not None and found is not None:
        memory = _looked(memory, rule, found, now)
    state, why = _state(rule, memory, held)
    value = None if rule.at is None else memory.value
    return Judged(name, state, value, rule.at, f"{'' if rule.at is None else memory.sentence} {why}".strip(), memory)


def _state(rule: RuleConfig, memory: Memory, held: str | None) -> tuple[State, str]:
    """Return how a rule stands, and what is to be said of it beside what it found."""
    if rule.at is None:
        return State.OFF, "It is switched off."
    if memory.value is None:
        return State.UNKNOWN, "" if memory.sentence else "Nobody has looked yet."
    if memory.value < rule.at:
        return State.BELOW, ""
    if not memory.armed:
        return State.FIRED, f"It has fired; armed again below {rule.armed_below:g}, or when another model serves."
    if memory.looks < rule.looks:
        return State.AGAIN, f"So it was in {memory.looks} of {rule.looks} looks in a row."
    return (State.FIRES, "") if held is None else (State.HELD, f"It is held: {held}.")


def _looked(memory: Memory, rule: RuleConfig, found: Measured, now: datetime) -> Memory:
    assert rule.at is not None
    if found.value is None:
        # What cannot be told is no look: what was known is neither confirmed nor taken back.
        looked_at = memory.looked_at if found.soon else now
        return replace(memory, value=None, sentence=found.sentence, looked_at=looked_at)
    return replace(
        memory,
        armed=memory.armed or found.value < rule.armed_below,
        looks=memory.looks + 1 if found.value >= rule.at else 0,
        value=found.value,
        sentence=found.sentence,
        looked_at=now,
    )
