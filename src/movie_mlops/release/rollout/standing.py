"""What is rolled out at a moment: the moves of the ledger, folded."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from movie_mlops.core import clock
from movie_mlops.release.rollout.moves import ENDS, Move, Step
from movie_mlops.release.rollout.plans import PLANS, CanaryPlan, Kind, Plan


@dataclass(frozen=True)
class Rollout:
    """A roll-out that goes on.

    Attributes:
        name: What it is called; never used twice.
        kind: Of which kind it is.
        plan: What was planned.
        began: When it began.
        move_id: Its newest move: who changes it names the one that they saw.
        stage: How many stages a canary has behind it.
        stage_id: The move that began its stage: what is counted in a stage is counted under it.
        since: When that was.
        paused: Whether it is held where it is.
        release_id: The release in force when it began.
    """

    name: str
    kind: Kind
    plan: Plan
    began: datetime
    move_id: int
    stage: int
    stage_id: int
    since: datetime
    paused: bool
    release_id: int | None

    @property
    def share(self) -> float:
        """The share of the users (of a shadow, of the answers) that it has now."""
        if isinstance(self.plan, CanaryPlan):
            return self.plan.config.stages[self.stage]
        return self.plan.share

    @property
    def is_last_stage(self) -> bool:
        """Whether a canary has no further share to go through."""
        return isinstance(self.plan, CanaryPlan) and self.stage + 1 >= len(self.plan.config.stages)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data; times are RFC 3339."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "share": self.share,
            "stage": self.stage + 1,
            "since": clock.to_iso(self.since),
            "began": clock.to_iso(self.began),
            "paused": self.paused,
            "move_id": self.move_id,
            "release_id": self.release_id,
            "plan": self.plan.to_json(),
        }


@dataclass(frozen=True)
class Standing:
    """Everything that goes on.

    Attributes:
        rollouts: By name, in the order in which they began.
    """

    rollouts: tuple[Rollout, ...] = ()

    @property
    def canary(self) -> Rollout | None:
        """The canary, where there is one."""
        return next((rollout for rollout in self.rollouts if rollout.kind is Kind.CANARY), None)

    def canary_of(self, release_id: int | None) -> Rollout | None:
        """Return the canary that is held against a release; one whose champion changed under it is none any more."""
        return self.canary if self.canary is not None and self.canary.release_id == release_id else None

    @property
    def shadow(self) -> Rollout | None:
        """The shadow, where there is one."""
        return next((rollout for rollout in self.rollouts if rollout.kind is Kind.SHADOW), None)

    @property
    def experiments(self) -> tuple[Rollout, ...]:
        """Every experiment."""
        return tuple(rollout for rollout in self.rollouts if rollout.kind is Kind.EXPERIMENT)

    def named(self, name: str) -> Rollout | None:
        """Return the roll-out of that name that goes on."""
        return next((rollout for rollout in self.rollouts if rollout.name == name), None)


def fold(moves: Iterable[Move]) -> Standing:
    """Return what goes on after some moves, the oldest first."""
    going: dict[str, Rollout] = {}
    for move in moves:
        if move.action is Step.START:
            going[move.name] = Rollout(
                name=move.name,
                kind=move.kind,
                plan=PLANS[move.kind].from_json(move.said),
                began=move.at,
                move_id=move.move_id,
                stage=0,
                stage_id=move.move_id,
                since=move.at,
                paused=False,
                release_id=move.release_id,
            )
        elif move.action in ENDS:
            going.pop(move.name, None)
        elif move.name in going:
            going[move.name] = _after(going[move.name], move)
    return Standing(tuple(going.values()))


def _after(rollout: Rollout, move: Move) -> Rollout:
    moved = replace(rollout, move_id=move.move_id)
    if move.action is Step.ADVANCE:
        return replace(moved, stage=rollout.stage + 1, stage_id=move.move_id, since=move.at)
    return replace(moved, paused=move.action is Step.PAUSE)
