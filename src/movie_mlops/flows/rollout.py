"""Seeing to roll-outs: what servers counted and people did becomes a decision, and that a move of the ledger."""

import logging
import threading
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Self

from movie_mlops.core import clock
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.responses import ArmResponses, Responses
from movie_mlops.release import Ledger, PromotionConflictError, RolloutConflictError, RolloutError
from movie_mlops.release.rollout import (
    ArmCounts,
    ArmOutcome,
    CanaryPlan,
    Decision,
    ExperimentPlan,
    Next,
    Observed,
    Rollout,
    Rollouts,
    Step,
    compare,
    decide,
)
from movie_mlops.serving import CANARY, CONTROL, Reported, Tally, reported
from movie_mlops.state import Database

_LOG: Final = logging.getLogger("movie_mlops.flows.rollout")
_BY: Final = "canary-guard"
_STEPS: Final = {Next.ADVANCE: Step.ADVANCE, Next.ROLLBACK: Step.ROLLBACK, Next.STOP: Step.STOP}
_NOBODY: Final = Reported(Tally(), 0, (), 0, 0)


class Conductor:
    """Sees to what is rolled out; any number of servers may have one, for each decision is made once.

    Args:
        database: Where answers and counts are kept.
        ledger: What serves.
        events: What people did.
        feedback: What counts as liking.
        lag_seconds: Answers and events of the last moments are left for the next time.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        events: EventLog,
        feedback: FeedbackConfig,
        *,
        lag_seconds: float = 5.0,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._events = events
        self._feedback = feedback
        self._rollouts = Rollouts(database)
        self._lag_seconds = lag_seconds
        self._responses: dict[int, Responses] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """Return one over the stores of a data set."""
        return cls(platform.database, platform.ledger, platform.events, platform.config.feedback)

    def step(self) -> None:
        """Look how the canary does, and do what is to be done.

        Raises:
            LedgerAlteredError: The ledger is not what was written.
            StateError: The database refuses.
        """
        canary = self._rollouts.standing().canary
        if canary is not None:
            self.act(canary, self.judge(canary))

    def judge(self, canary: Rollout) -> Decision:
        """Return what is to be done with a canary, and why."""
        now, champion = clock.now(), self._ledger.champion()
        observed = self._observed(canary, now)
        return decide(canary, observed, now, release_id=None if champion is None else champion.release_id)

    def act(self, canary: Rollout, decision: Decision) -> None:
        """Do what was decided; where somebody else did something meanwhile, that stands."""
        if decision.next is Next.WAIT:
            return
        told: dict[str, Any] = {
            "expected": canary.move_id, "reason": decision.reason, "approved_by": _BY, "said": decision.to_json()
        }  # fmt: skip
        try:
            if decision.next is Next.PROMOTE:
                self._rollouts.promote(canary.name, **told)
            else:
                self._rollouts.move(canary.name, _STEPS[decision.next], **told)
        except (PromotionConflictError, RolloutConflictError) as error:
            _LOG.info("%s: %s", canary.name, error)
        except RolloutError:
            # It ended meanwhile; if it did not, something is wrong with what was decided.
            if self._rollouts.standing().named(canary.name) is not None:
                raise
        else:
            _LOG.warning("%s: %s. %s", canary.name, decision.next, decision.reason)

    def live(self) -> list[dict[str, Any]]:
        """Return everything that is rolled out, with what is known of it now."""
        return [{**rollout.to_json(), "live": self._live(rollout)} for rollout in self._rollouts.standing().rollouts]

    def _live(self, rollout: Rollout) -> dict[str, Any]:
        if isinstance(rollout.plan, CanaryPlan):
            decision = self.judge(rollout)
            return {"reason": decision.reason, **decision.to_json()}
        told = reported(self._database, rollout.stage_id)
        arms = {arm: _counted(each) for arm, each in told.items()}
        if not isinstance(rollout.plan, ExperimentPlan):
            return {"arms": arms}
        responses = self._of(rollout, rollout.plan.response_seconds, clock.now())
        names = ["both"] if rollout.plan.how == "interleaved" else [arm.name for arm in rollout.plan.arms]
        outcomes = [_outcome(responses.get(name, ArmResponses())) for name in names]
        return {"arms": arms, **compare(rollout.plan, outcomes).to_json()}

    def _observed(self, canary: Rollout, now: datetime) -> Observed:
        assert isinstance(canary.plan, CanaryPlan)
        told = reported(self._database, canary.stage_id)
        responses = self._of(canary, canary.plan.config.response_seconds, now)
        arms = {arm: _together(told.get(arm, _NOBODY), responses.get(arm, ArmResponses())) for arm in (CONTROL, CANARY)}
        last = max((each.last for each in told.values()), default=0)
        return Observed(
            control=arms[CONTROL],
            canary=arms[CANARY],
            last_report=clock.from_microseconds(last) if last else None,
            unable=tuple(sorted({reason for each in told.values() for reason in each.unable})),
            lost=max((each.lost for each in told.values()), default=0),
        )

    def _of(self, rollout: Rollout, window_seconds: float, now: datetime) -> dict[str, ArmResponses]:
        """Return what people responded by now; what was read of a stage before is not read again."""
        with self._lock:
            going = {each.stage_id for each in self._rollouts.standing().rollouts}
            self._responses = {stage: each for stage, each in self._responses.items() if stage in going}
            found = self._responses.get(rollout.stage_id)
            if found is None:
                found = self._responses[rollout.stage_id] = Responses(
                    self._database,
                    self._events,
                    self._feedback,
                    stage_id=rollout.stage_id,
                    began=rollout.since,
                    window_seconds=window_seconds,
                    lag_seconds=self._lag_seconds,
                )
            return {arm: replace(each, liked=list(each.liked)) for arm, each in found.by_arm(now).items()}


def _together(told: Reported, responses: ArmResponses) -> ArmCounts:
    return ArmCounts(
        answers=told.tally.answers,
        errors=told.tally.errors,
        slow=told.tally.slow,
        popular=told.tally.popular,
        people=responses.people,
        judged=responses.judged,
        pleased=responses.pleased,
        displeased=responses.displeased,
    )


def _outcome(responses: ArmResponses) -> ArmOutcome:
    return ArmOutcome(responses.people, tuple(responses.liked), responses.wins, responses.losses)


def _counted(told: Reported) -> dict[str, Any]:
    tally = told.tally
    given = tally.answers - tally.errors
    return {
        "answers": tally.answers,
        "errors": tally.errors,
        "slow": tally.slow,
        "popular": tally.popular,
        "mean_ms": 1000 * tally.seconds / tally.answers if tally.answers else None,
        "agreement": tally.agreed / given if given and tally.agreed else None,
        "servers": told.servers,
        "unable": list(told.unable),
    }
