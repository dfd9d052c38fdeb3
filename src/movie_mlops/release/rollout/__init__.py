"""Roll-outs: who gets which bundle, since when and why, and what becomes of a canary next."""

from movie_mlops.release.rollout.assignment import SLOTS, Layer, Span, arm_of, free_span, slot, slots_of
from movie_mlops.release.rollout.by_hand import promote_by_hand, roll_back_by_hand
from movie_mlops.release.rollout.comparing import ArmOutcome, ExperimentReport, compare
from movie_mlops.release.rollout.config import CanaryConfig, ExplorationConfig, RolloutConfig
from movie_mlops.release.rollout.judging import Decision, Guarded, Next, decide
from movie_mlops.release.rollout.moves import Move, Step
from movie_mlops.release.rollout.observed import GUARDS, ArmCounts, Observed
from movie_mlops.release.rollout.plans import DESIGNS, Arm, CanaryPlan, ExperimentPlan, Kind, Plan, ShadowPlan
from movie_mlops.release.rollout.rollouts import Rollouts
from movie_mlops.release.rollout.standing import Rollout, Standing, fold

__all__ = [
    "DESIGNS",
    "GUARDS",
    "SLOTS",
    "Arm",
    "ArmCounts",
    "ArmOutcome",
    "CanaryConfig",
    "CanaryPlan",
    "Decision",
    "ExperimentPlan",
    "ExperimentReport",
    "ExplorationConfig",
    "Guarded",
    "Kind",
    "Layer",
    "Move",
    "Next",
    "Observed",
    "Plan",
    "Rollout",
    "RolloutConfig",
    "Rollouts",
    "ShadowPlan",
    "Span",
    "Standing",
    "Step",
    "arm_of",
    "compare",
    "decide",
    "fold",
    "free_span",
    "promote_by_hand",
    "roll_back_by_hand",
    "slot",
    "slots_of",
]
