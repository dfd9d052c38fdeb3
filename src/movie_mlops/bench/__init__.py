"""Benchmarks: real processes under an honest load, and a file that says what was measured, on what, and how."""

from movie_mlops.bench.config import FeaturesBenchConfig, ServeBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.features import bench_features
from movie_mlops.bench.load import Outcome, Plan, drive, drive_apart
from movie_mlops.bench.percentiles import percentile, summary
from movie_mlops.bench.serve import bench_serve

__all__ = [
    "BenchError",
    "FeaturesBenchConfig",
    "Outcome",
    "Plan",
    "ServeBenchConfig",
    "bench_features",
    "bench_serve",
    "drive",
    "drive_apart",
    "percentile",
    "summary",
]
