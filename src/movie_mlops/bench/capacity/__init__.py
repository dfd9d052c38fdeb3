"""Capacity: what so many users, films and answers would take."""

from movie_mlops.bench.capacity.config import CapacityConfig, Machine
from movie_mlops.bench.capacity.document import markdown
from movie_mlops.bench.capacity.measured import Coefficient, Measurements, read_measurements
from movie_mlops.bench.capacity.model import LIMITS, PARTS, described, plan
from movie_mlops.bench.capacity.plan import Demand, Line

__all__ = [
    "LIMITS",
    "PARTS",
    "CapacityConfig",
    "Coefficient",
    "Demand",
    "Line",
    "Machine",
    "Measurements",
    "described",
    "markdown",
    "plan",
    "read_measurements",
]
