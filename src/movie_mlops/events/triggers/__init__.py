"""Triggers: what proposes that a new model is made, when, and what became of it. What is released the gate decides."""

from movie_mlops.events.triggers.config import MANUAL, RULES, BudgetConfig, RuleConfig, TriggersConfig
from movie_mlops.events.triggers.errors import TriggerError
from movie_mlops.events.triggers.judging import Judged, Measured, Memory, State, budget_left, due, fires, judge
from movie_mlops.events.triggers.memories import TRIGGER_STATES, Memories
from movie_mlops.events.triggers.runs import LOOP_RUNS, LoopRun, LoopRuns, Stage, Step

__all__ = [
    "LOOP_RUNS",
    "MANUAL",
    "RULES",
    "TRIGGER_STATES",
    "BudgetConfig",
    "Judged",
    "LoopRun",
    "LoopRuns",
    "Measured",
    "Memories",
    "Memory",
    "RuleConfig",
    "Stage",
    "State",
    "Step",
    "TriggerError",
    "TriggersConfig",
    "budget_left",
    "due",
    "fires",
    "judge",
]
