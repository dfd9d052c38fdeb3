"""A turn of the loop: look at the rules, make what they propose, and see to its canary until it has ended."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.triggers import (
    MANUAL,
    RULES,
    Judged,
    LoopRun,
    LoopRuns,
    Memories,
    Stage,
    TriggersConfig,
    due,
    fires,
    judge,
)
from movie_mlops.events.triggers.runs import lately
from movie_mlops.flows.errors import BusyError, NothingReleasedError
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.loop.measuring import Watched
from movie_mlops.flows.main_job import RunReport
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.release import Careful
from movie_mlops.flows.rollout import Conductor
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.monitoring.drift import DriftConfig
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.release import Release, Verdict
from movie_mlops.release.rollout import CanaryConfig, Move, Rollouts
from movie_mlops.release.rollout import Step as Action
from movie_mlops.release.rollout.moves import ENDS
from movie_mlops.security import AuditLog, Outcome

_LOG: Final = logging.getLogger("movie_mlops.flows.loop")
_APPROVED_BY: Final = "gate"
_ORIGIN: Final = "the loop"
_AFTER: Final[Mapping[str, Stage]] = {
    "canary": Stage.CANARY,
    "promoted": Stage.PROMOTED,
    "kept": Stage.KEPT,
    "refused": Stage.REFUSED,
    "withheld": Stage.WITHHELD,
}
"""What the step ``release`` of the main job did, and where that brings a run."""
_ENDED: Final = {Action.PROMOTE: Stage.PROMOTED, Action.ROLLBACK: Stage.TAKEN_BACK, Action.STOP: Stage.STOPPED}

Make = Callable[[Careful], RunReport]
"""Runs the main job over what the lake and the event log have, and begins a canary where the gate lets it."""


@dataclass(frozen=True)
class LoopConfig:
    """What the loop goes by.

    Attributes:
        triggers: When it begins.
        canary: How what it made is rolled out.
        drift: What counts as drift.
        quality: What online quality is held to.
    """

    triggers: TriggersConfig = field(default_factory=TriggersConfig)
    canary: CanaryConfig = field(default_factory=CanaryConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)


class Loop:
    """Closes the loop of one data set. Any number may take turns at once: one run goes on at a time.

    Args:
        platform: The stores.
        config: What it goes by.
        make: Runs the main job.
        audit: Where every stage of a run is put on record.
        now: Tells the time.
    """

    def __init__(
        self,
        platform: Platform,
        config: LoopConfig,
        make: Make,
        audit: AuditLog,
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._platform = platform
        self._config = config
        self._make = make
        self._audit = audit
        self._now = now
        self._runs = LoopRuns(platform.database)
        self._memories = Memories(platform.database)
        self._conductor = Conductor.of(platform)
        self._rollouts = Rollouts(platform.database)
        self._journal = FlowJournal(platform.database, platform.lake)

    def turn(self) -> LoopRun | None:
        """Do what there is to do now: at most one run begins, and what goes on is brought on.

        A turn that was killed is taken again by the next one: what was done stays done.

        Returns:
            The run that this turn had to do with, as it is now; ``None`` where there was none.

        Raises:
            MovieMlopsError: A store refuses, or the main job failed; a later turn tries again.
        """
        run = self._runs.going() or self._propose()
        if run is not None and run.stage is Stage.PROPOSED:
            run = self._bring_on(run)
        if run is not None and run.stage is Stage.CANARY:
            run = self._follow(run)
        return run

    def look(self) -> list[Judged]:
        """Say how every rule stands, looking at all of them now; nothing is remembered and nothing begins.

        Raises:
            NothingReleasedError: Nothing serves that a new model could be held against.
        """
        return self._look(self._champion(), every=True)[0]

    def remembered(self) -> list[Judged]:
        """Say how every rule stood when it was last looked at.

        Raises:
            NothingReleasedError: Nothing serves.
        """
        champion, now = self._champion(), self._now()
        watched = self._watched(champion, now)
        return judge(
            self._config.triggers, {}, self._memories.all(), self._runs.since(lately(now)),
            champion=champion.bundle_id, new=watched.new, now=now,
        )  # fmt: skip

    def fire(self, reason: str, *, by: str, update: bool = False) -> LoopRun:
        """Begin a run because somebody says so, whatever the rules, the cool-down and the budget say.

        Args:
            reason: Why, in words.
            by: Who says so.
            update: Whether the champion is brought up to date instead of trained anew.

        Raises:
            NothingReleasedError: Nothing serves.
            BusyError: A run goes on.
            TriggerError: There is no reason.
        """
        champion, now = self._champion(), self._now()
        rows = self._watched(champion, now).rows
        facts = {"by": by, "update": update}
        run = self._runs.begin(MANUAL, reason, facts, champion=champion.bundle_id, rows=rows, now=now)
        if run is None:
            going = self._runs.going()
            raise BusyError(
                f"A run of the loop goes on{'' if going is None else f' ({going.run_id}, {going.stage})'}.",
                next_step="Look at it with: movie-mlops triggers runs",
            )
        self._tell(run, who=by)
        return run

    def _champion(self) -> Release:
        champion = self._platform.ledger.champion()
        if champion is None:
            raise NothingReleasedError(
                f"Nothing of {self._platform.workspace.dataset} is released yet.",
                next_step="The first model is made by somebody: movie-mlops run",
            )
        return champion

    def _watched(self, champion: Release, now: datetime) -> Watched:
        return Watched(
            self._platform,
            champion,
            self._runs.newest(1),
            now=now,
            drifts=self._config.drift,
            quality=self._config.quality,
            least_new=self._config.triggers.least_new,
        )

    def _look(self, champion: Release, *, every: bool = False) -> tuple[list[Judged], Watched]:
        triggers, now, memories = self._config.triggers, self._now(), self._memories.all()
        watched = self._watched(champion, now)
        wanted = [
            name
            for name in RULES
            if triggers.rule(name).at is not None
            and (every or due(triggers.rule(name), memories.get(name), champion.bundle_id, now))
        ]
        measured = {name: watched.measure(name) for name in wanted}
        runs = self._runs.since(lately(now))
        judged = judge(triggers, measured, memories, runs, champion=champion.bundle_id, new=watched.new, now=now)
        return judged, watched

    def _propose(self) -> LoopRun | None:
        """Look at the rules that are due, and begin a run where one fires."""
        champion = self._platform.ledger.champion()
        if champion is None or self._rollouts.standing().canary is not None:
            # Somebody else's canary is seen through first: there is one at a time.
            return None
        judged, watched = self._look(champion)
        firing = fires(judged)
        run = None
        if firing is not None:
            facts = {"value": firing.value, "at": firing.at, "new": watched.new}
            run = self._runs.begin(
                firing.name, firing.sentence, facts, champion=champion.bundle_id, rows=watched.rows, now=self._now()
            )
        self._memories.keep(judged, fired=None if run is None else run.trigger)
        if run is not None:
            self._tell(run)
        return run

    def _bring_on(self, run: LoopRun) -> LoopRun | None:
        """Have the main job make and judge a model; where another flow is at work it is tried next time."""
        try:
            with one_at_a_time(self._platform.workspace.lock):
                if run.attempts >= self._config.triggers.attempts:
                    return self._move(run, Stage.FAILED, f"It was begun {run.attempts} times and never ended.")
                run = self._runs.attempt(run)
        except BusyError:
            return run
        careful = Careful(
            self._config.canary,
            f"Proposed by {run.trigger}: {run.reason}",
            _APPROVED_BY,
            update=bool(run.facts.get("update")),
        )
        started = time.perf_counter()
        try:
            with self._journal.flow(f"loop {run.trigger}"):
                report = self._make(careful)
        except BusyError:
            return run
        except MovieMlopsError as error:
            if run.attempts < self._config.triggers.attempts:
                raise
            return self._move(run, Stage.FAILED, str(error), seconds=time.perf_counter() - started)
        released = report.result("release")
        return self._move(
            run,
            _AFTER[released["action"]],
            _why(report, released),
            seconds=time.perf_counter() - started,
            bundle_id=report.result("train")["bundle_id"],
            canary=released.get("canary"),
        )

    def _follow(self, run: LoopRun) -> LoopRun | None:
        """See to the canary of a run, and write down how it ended."""
        self._conductor.step()
        end = _end_of(self._rollouts.moves(), run.canary)
        return run if end is None else self._move(run, _ENDED[end.action], end.reason, now=end.at)

    def _move(
        self, run: LoopRun, stage: Stage, sentence: str, *, now: datetime | None = None, **told: Any
    ) -> LoopRun | None:
        moved = self._runs.move(run, stage, sentence, now=now or self._now(), **told)
        if moved is not None:
            self._tell(moved)
        return moved

    def _tell(self, run: LoopRun, *, who: str | None = None) -> None:
        """Put on record what a run has come to."""
        step = run.steps[-1]
        self._audit.note(
            f"loop.{run.stage.name.lower().replace('_', '-')}",
            who=who or f"trigger {run.trigger}",
            outcome=Outcome.FAILED if run.stage is Stage.FAILED else Outcome.DONE,
            target=run.bundle_id or run.champion,
            origin=_ORIGIN,
            facts={"run": run.run_id, "trigger": run.trigger, "reason": run.reason, "said": step.sentence},
        )
        _LOG.info("run %d, by %s: %s. %s", run.run_id, run.trigger, run.stage, step.sentence)


def _why(report: RunReport, released: Mapping[str, Any]) -> str:
    """Return why a run came to what it came to, for people."""
    verdict = Verdict.from_json(report.result("gate"))
    action = released["action"]
    if action == "refused":
        return f"The gate refused it: {' '.join(check.sentence for check in verdict.failed)}"
    if action == "kept":
        return "It is the very model that serves."
    if action == "withheld":
        return str(released["why"])
    held = sum(check.holds for check in verdict.checks)
    return f"It passed the gate: {held} of {len(verdict.checks)} checks hold."


def _end_of(moves: Sequence[Move], canary: str | None) -> Move | None:
    return next((move for move in reversed(moves) if move.name == canary and move.action in ENDS), None)
