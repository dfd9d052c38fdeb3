"""What becomes of a canary next: from its stage, from what was observed, from the time, and from nothing else.

Whoever asks gets the same answer from the same figures, so that it does not matter which server decides, nor whether
one was started again meanwhile. Rates are held against each other by intervals that may be looked at all the time, each
stage by itself: within a stage the shares do not change, so that whatever happens to the whole site happens to both.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from movie_mlops.evaluation.experiments import SampleRatio, rate_difference, sample_ratio
from movie_mlops.release.errors import RolloutError
from movie_mlops.release.rollout.config import CanaryConfig
from movie_mlops.release.rollout.observed import GUARDS, ArmCounts, Observed
from movie_mlops.release.rollout.plans import CanaryPlan
from movie_mlops.release.rollout.standing import Rollout


class Next(StrEnum):
    """What is to be done."""

    WAIT = "wait"
    ADVANCE = "advance"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    STOP = "stop"


@dataclass(frozen=True)
class Guarded:
    """One guarded rate.

    Attributes:
        name: What it is called.
        control: The champion's rate; ``None`` where nothing is known.
        canary: The candidate's.
        low: By how much it is worse at least, for all that is known.
        high: By how much it is worse at most.
        margin: By how much it may be worse at most when the canary is promoted; ``None``: that is not asked.
    """

    name: str
    control: float | None
    canary: float | None
    low: float
    high: float
    margin: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {each: getattr(self, each) for each in ("name", "control", "canary", "low", "high", "margin")}


@dataclass(frozen=True)
class Decision:
    """What is to be done with a canary.

    Attributes:
        next: What.
        reason: Why, in a sentence.
        guarded: Every guarded rate.
        ratio: Whether both have their shares of the users.
        observed: What it was decided on.
    """

    next: Next
    reason: str
    guarded: tuple[Guarded, ...]
    ratio: SampleRatio
    observed: Observed

    def to_json(self) -> dict[str, Any]:
        """Return what it rests on as plain data, for the ledger."""
        return {
            "next": self.next.value,
            "control": self.observed.control.to_json(),
            "canary": self.observed.canary.to_json(),
            "guards": [guarded.to_json() for guarded in self.guarded],
            "sample_ratio": self.ratio.to_json(),
        }


def decide(canary: Rollout, observed: Observed, now: datetime, *, release_id: int | None) -> Decision:
    """Return what is to be done with a canary now.

    Args:
        canary: It, and how it is planned.
        observed: What is known of its stage.
        now: The time.
        release_id: The release in force.

    Raises:
        RolloutError: It is no canary.
    """
    plan = canary.plan
    if not isinstance(plan, CanaryPlan):
        raise RolloutError(f"'{canary.name}' is no canary.", next_step="Ask for one that is.")
    config = plan.config
    guarded = _guarded(config, observed, config.false_alarms / (len(config.stages) * len(config.guards)))
    ratio = sample_ratio((observed.control.people, observed.canary.people), (1 - canary.share, canary.share))

    def then(what: Next, reason: str) -> Decision:
        return Decision(what, reason, guarded, ratio, observed)

    if canary.release_id != release_id:
        return then(Next.STOP, "The champion changed under it.")
    if why := _harm(guarded) or _missing(canary, config, observed, ratio, now):
        return then(Next.ROLLBACK, why)
    seconds = (now - canary.since).total_seconds()
    waits = _waits_for(canary, config, observed, seconds)
    if waits is None and canary.is_last_stage:
        waits = _unsure(config, observed)
    if waits is None:
        what = Next.PROMOTE if canary.is_last_stage else Next.ADVANCE
        told = f"Nothing became worse in {observed.canary.answers:,} answers at {canary.share:.0%}."
        return then(what, told) if not canary.paused else then(Next.WAIT, "It is held.")
    if seconds > config.patience_seconds and not canary.paused:
        return then(Next.ROLLBACK, f"After {seconds / 3600:,.1f} hours there is too little to go by: {waits}.")
    return then(Next.WAIT, f"It waits: {waits}.")


def _guarded(config: CanaryConfig, observed: Observed, alpha: float) -> tuple[Guarded, ...]:
    """Return the guarded rates with the interval of how much worse each became."""
    names = list(config.guards)
    guards = [GUARDS[name] for name in names]
    arms = (observed.canary, observed.control)
    counts = [np.array([getattr(arm, guard.what) for guard in guards]) for arm in arms]
    trials = [np.array([getattr(arm, guard.of) for guard in guards]) for arm in arms]
    lows, highs = rate_difference((counts[0], counts[1]), (trials[0], trials[1]), alpha)
    found = []
    for name, guard, low, high in zip(names, guards, lows.tolist(), highs.tolist(), strict=True):
        worse = (low, high) if guard.bad > 0 else (-high, -low)
        rates = (_rate(observed.control, name), _rate(observed.canary, name))
        found.append(Guarded(name, *rates, *worse, config.guards[name]))
    return tuple(found)


def _rate(arm: ArmCounts, name: str) -> float | None:
    guard = GUARDS[name]
    of = getattr(arm, guard.of)
    return getattr(arm, guard.what) / of if of else None


def _harm(guarded: tuple[Guarded, ...]) -> str | None:
    """Say what became worse for certain."""
    for each in guarded:
        if each.low > 0 and each.control is not None and each.canary is not None:
            what = GUARDS[each.name].sentence
            return f"{what.capitalize()}: {each.canary:.2%} with the candidate, {each.control:.2%} with the champion."
    return None


def _missing(
    canary: Rollout, config: CanaryConfig, observed: Observed, ratio: SampleRatio, now: datetime
) -> str | None:
    """Say what is missing; who hears nothing bad because they hear nothing must not go on."""
    if observed.unable:
        return f"A server cannot answer with it: {observed.unable[0]}"
    heard = max(canary.since, observed.last_report or canary.since)
    silent = (now - heard).total_seconds()
    if silent > config.silence_seconds:
        return f"No server was heard of for {silent:,.0f} seconds: how it does is not known."
    answers = observed.control.answers + observed.canary.answers
    if observed.lost > config.lost * max(answers, config.least_answers):
        return f"{observed.lost:,} of {answers:,} answers could not be kept: how it does is not known."
    if not ratio.kept:
        shown, promised = ratio.counts[1], ratio.expected[1]
        return f"{shown:,} users got the candidate where {promised:,.0f} should have: some of them are missing."
    return None


def _waits_for(canary: Rollout, config: CanaryConfig, observed: Observed, seconds: float) -> str | None:
    """Say what a stage is not done without."""
    if observed.canary.answers < config.least_answers:
        return f"{observed.canary.answers:,} of {config.least_answers:,} answers at {canary.share:.0%}"
    if seconds < config.least_seconds:
        return f"{seconds:,.0f} of {config.least_seconds:,.0f} seconds at {canary.share:.0%}"
    return None


def _unsure(config: CanaryConfig, observed: Observed) -> str | None:
    """Say of what it is not certain yet that it is not too much worse."""
    # Every one of them must be certain, so none needs a smaller rate because there are several.
    for each in _guarded(config, observed, config.false_alarms):
        if each.margin is not None and each.high > each.margin:
            guard = GUARDS[each.name]
            way = "more" if guard.bad > 0 else "fewer"
            return f"{guard.sentence} may be {way} by {each.high:.2%} for all that is known, not {each.margin:.2%}"
    return None
