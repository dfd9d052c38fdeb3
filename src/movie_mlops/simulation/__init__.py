"""A proving ground: people whose tastes are known, and a loop of models that learn from what they are shown."""

from movie_mlops.simulation.behaviour import answer, examination, find
from movie_mlops.simulation.config import LoopConfig, PopulationConfig
from movie_mlops.simulation.errors import SimulationError
from movie_mlops.simulation.health import Bounds, Health
from movie_mlops.simulation.loop import Generation, run
from movie_mlops.simulation.measures import Measured, true_ndcg
from movie_mlops.simulation.population import Population, Truth
from movie_mlops.simulation.report import write_report

__all__ = [
    "Bounds",
    "Generation",
    "Health",
    "LoopConfig",
    "Measured",
    "Population",
    "PopulationConfig",
    "SimulationError",
    "Truth",
    "answer",
    "examination",
    "find",
    "run",
    "true_ndcg",
    "write_report",
]
