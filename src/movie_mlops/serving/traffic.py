"""Who is answered by which model: a pure function of the ledger and the user, the same on every server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from movie_mlops.release.rollout import (
    SLOTS,
    CanaryPlan,
    ExperimentPlan,
    Layer,
    Rollout,
    ShadowPlan,
    Standing,
    arm_of,
    slot,
)
from movie_mlops.serving.exposures import Exposure
from movie_mlops.serving.model import Snapshot

CONTROL: Final = "control"
CANARY: Final = "canary"
SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class Turn:
    """How one user is answered.

    Attributes:
        snapshot: What with.
        exposures: The arms that the user has.
        rival: The second model of a list that two make together.
        exploration: The share of answers that are explored; ``None`` for that of the configuration.
    """

    snapshot: Snapshot
    exposures: tuple[Exposure, ...] = ()
    rival: Snapshot | None = None
    exploration: float | None = None


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Who answers beside the champion.

    Attributes:
        snapshot: What with.
        share: The share of the answers that are asked for too.
        exposure: What it is counted under.
    """

    snapshot: Snapshot
    share: float
    exposure: Exposure


class Traffic:
    """Everything that is rolled out, ready to be asked.

    Args:
        champion: What everybody else is answered with.
        standing: What goes on.
        others: What answers with each other bundle, of those that could be loaded. In the place of one that could not,
            the champion answers.
    """

    def __init__(self, champion: Snapshot, standing: Standing, others: Mapping[str, Snapshot]) -> None:
        self._champion = champion
        self._others = others
        self._canary = standing.canary
        self._by_layer: Final = {
            layer: [each for each in standing.experiments if _plan(each).layer is layer] for layer in Layer
        }
        self._experiments = standing.experiments
        self._shadow = standing.shadow

    @property
    def arms(self) -> list[Exposure]:
        """Every arm that something may be counted under."""
        found = []
        if self._canary is not None:
            found += [self._exposure(self._canary, arm) for arm in (CONTROL, CANARY)]
        for experiment in self._experiments:
            plan = _plan(experiment)
            names = ["both"] if plan.how == "interleaved" else [arm.name for arm in plan.arms]
            found += [self._exposure(experiment, name) for name in names]
        if self._shadow is not None:
            found.append(self._exposure(self._shadow, SHADOW))
        return found

    @property
    def shadow(self) -> Shadowed | None:
        """Who answers beside the champion; ``None`` where nobody does, or who should could not be loaded."""
        if self._shadow is None:
            return None
        plan = self._shadow.plan
        assert isinstance(plan, ShadowPlan)
        snapshot = self._others.get(plan.bundle_id)
        return None if snapshot is None else Shadowed(snapshot, plan.share, self._exposure(self._shadow, SHADOW))

    def of(self, user_id: str) -> Turn:
        """Return how a user is answered."""
        exploring = self._in_layer(user_id, Layer.EXPLORATION)
        exploration: float | None = None
        exposures: tuple[Exposure, ...] = ()
        if exploring is not None:
            experiment, plan = exploring
            arm = plan.arms[arm_of(user_id, f"experiment:{experiment.name}", [arm.weight for arm in plan.arms])]
            exploration, exposures = arm.exploration, (self._exposure(experiment, arm.name),)
        turn = self._by_model(user_id)
        return Turn(turn.snapshot, (*turn.exposures, *exposures), turn.rival, exploration)

    def _by_model(self, user_id: str) -> Turn:
        found = self._in_layer(user_id, Layer.MODELS)
        if found is not None:
            experiment, plan = found
            if plan.how == "interleaved":
                first, second = (self._answering(arm.bundle_id) for arm in plan.arms)
                return Turn(first, (self._exposure(experiment, "both"),), second)
            arm = plan.arms[arm_of(user_id, f"experiment:{experiment.name}", [arm.weight for arm in plan.arms])]
            return Turn(self._answering(arm.bundle_id), (self._exposure(experiment, arm.name),))
        if self._canary is None:
            return Turn(self._champion)
        plan_of_canary = self._canary.plan
        assert isinstance(plan_of_canary, CanaryPlan)
        # Ascending shares of one hash: who had the candidate at 1 % has it at 5 % too.
        has_it = slot(user_id, f"canary:{self._canary.name}") < self._canary.share * SLOTS
        if has_it:
            return Turn(self._answering(plan_of_canary.bundle_id), (self._exposure(self._canary, CANARY),))
        return Turn(self._champion, (self._exposure(self._canary, CONTROL),))

    def _in_layer(self, user_id: str, layer: Layer) -> tuple[Rollout, ExperimentPlan] | None:
        experiments = self._by_layer[layer]
        if not experiments:
            return None
        place = slot(user_id, f"layer:{layer}")
        for experiment in experiments:
            plan = _plan(experiment)
            if place in plan.span:
                return experiment, plan
        return None

    def _answering(self, bundle_id: str | None) -> Snapshot:
        return self._champion if bundle_id is None else self._others.get(bundle_id, self._champion)

    @staticmethod
    def _exposure(rollout: Rollout, arm: str) -> Exposure:
        return Exposure(rollout.name, arm, rollout.stage_id)


def _plan(experiment: Rollout) -> ExperimentPlan:
    assert isinstance(experiment.plan, ExperimentPlan)
    return experiment.plan
