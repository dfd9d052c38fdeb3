"""Online quality: what the answers that were given were worth, held to what the evaluation had promised."""

from movie_mlops.monitoring.quality.config import GuardrailBounds, QualityConfig
from movie_mlops.monitoring.quality.delays import Delays, Early
from movie_mlops.monitoring.quality.figures import EVERYTHING, Figure, Tally, exposure_of
from movie_mlops.monitoring.quality.hearing import ANSWERS, WORDS, Heard, Outcome, hear
from movie_mlops.monitoring.quality.joining import Joined, join
from movie_mlops.monitoring.quality.outcome import Figures, Quality, figures_of
from movie_mlops.monitoring.quality.verdict import (
    GUARDRAILS,
    Check,
    Promise,
    State,
    judge_drop,
    judge_guardrails,
    judge_promise,
    together,
    worth_less,
)

__all__ = [
    "ANSWERS",
    "EVERYTHING",
    "GUARDRAILS",
    "WORDS",
    "Check",
    "Delays",
    "Early",
    "Figure",
    "Figures",
    "GuardrailBounds",
    "Heard",
    "Joined",
    "Outcome",
    "Promise",
    "Quality",
    "QualityConfig",
    "State",
    "Tally",
    "exposure_of",
    "figures_of",
    "hear",
    "join",
    "judge_drop",
    "judge_guardrails",
    "judge_promise",
    "together",
    "worth_less",
]
