"""The gates: whether a candidate may become champion, and why, in sentences."""

from movie_mlops.release.gates.audience import Audience
from movie_mlops.release.gates.behaviour import Trial, judge_behaviour
from movie_mlops.release.gates.codebase import judge_code
from movie_mlops.release.gates.config import (
    Attack,
    BehaviourGate,
    BehaviourTest,
    CodeGate,
    DataGate,
    FootprintGate,
    GateConfig,
    ListGate,
    RobustnessGate,
    SegmentGate,
    WaiverRules,
)
from movie_mlops.release.gates.data import Batch, TrainingData, judge_data
from movie_mlops.release.gates.footprint import not_measured, start_measuring
from movie_mlops.release.gates.lists import judge_lists
from movie_mlops.release.gates.markdown import to_markdown
from movie_mlops.release.gates.page import write_page
from movie_mlops.release.gates.quality import judge
from movie_mlops.release.gates.segments import judge_segments
from movie_mlops.release.gates.shilling import attacks, build_world, judge_robustness
from movie_mlops.release.gates.verdict import Check, Part, Verdict, told, unjudged

__all__ = [
    "Attack",
    "Audience",
    "Batch",
    "BehaviourGate",
    "BehaviourTest",
    "Check",
    "CodeGate",
    "DataGate",
    "FootprintGate",
    "GateConfig",
    "ListGate",
    "Part",
    "RobustnessGate",
    "SegmentGate",
    "TrainingData",
    "Trial",
    "Verdict",
    "WaiverRules",
    "attacks",
    "build_world",
    "judge",
    "judge_behaviour",
    "judge_code",
    "judge_data",
    "judge_lists",
    "judge_robustness",
    "judge_segments",
    "not_measured",
    "start_measuring",
    "to_markdown",
    "told",
    "unjudged",
    "write_page",
]
