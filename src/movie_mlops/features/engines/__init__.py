"""The engines: who folds features, makes feedback, and does other heavy work; here, or on a Spark cluster."""

from movie_mlops.features.engines.config import SparkConfig
from movie_mlops.features.engines.errors import (
    EngineDownError,
    EngineError,
    EngineMismatchError,
    EngineResourceError,
)
from movie_mlops.features.engines.local import LOCAL, LocalEngine
from movie_mlops.features.engines.port import FeatureEngine
from movie_mlops.features.engines.spark import SparkEngine

__all__ = [
    "LOCAL",
    "EngineDownError",
    "EngineError",
    "EngineMismatchError",
    "EngineResourceError",
    "FeatureEngine",
    "LocalEngine",
    "SparkConfig",
    "SparkEngine",
]
