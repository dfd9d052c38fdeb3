"""The recipes that join the rooms: ingest, features, evaluate, train, gate, release, serve."""

from movie_mlops.flows.config import BLEND_NEXT, BLEND_RETURN, EventsConfig, PlatformConfig, Recipe
from movie_mlops.flows.datasets import active_dataset, datasets
from movie_mlops.flows.errors import (
    BusyError,
    DirtyTreeError,
    FlowError,
    NothingReleasedError,
    NotReproducibleError,
    RefusedError,
    UnknownThingError,
)
from movie_mlops.flows.main_job import RunReport, run
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import StepReport
from movie_mlops.flows.summary import to_markdown

__all__ = [
    "BLEND_NEXT",
    "BLEND_RETURN",
    "BusyError",
    "DirtyTreeError",
    "EventsConfig",
    "FlowError",
    "NotReproducibleError",
    "NothingReleasedError",
    "Platform",
    "PlatformConfig",
    "Recipe",
    "RefusedError",
    "RunReport",
    "StepReport",
    "UnknownThingError",
    "active_dataset",
    "datasets",
    "run",
    "to_markdown",
]
