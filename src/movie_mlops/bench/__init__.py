"""Benchmarks: real processes under an honest load, and a file that says what was measured, on what, and how."""

from movie_mlops.bench.config import (
    DriftBenchConfig,
    EvaluateBenchConfig,
    FeaturesBenchConfig,
    IngestBenchConfig,
    MainJobBenchConfig,
    NewcomersBenchConfig,
    OnlineBenchConfig,
    PageBenchConfig,
    SearchBenchConfig,
    StandardBenchConfig,
    TrainBenchConfig,
)
from movie_mlops.bench.drift import bench_drift
from movie_mlops.bench.engines import EnginesBenchConfig, bench_engines
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.evaluate import bench_evaluate
from movie_mlops.bench.events import EventsBenchConfig, bench_events
from movie_mlops.bench.features import bench_features
from movie_mlops.bench.ingest import bench_ingest
from movie_mlops.bench.lately import LatelyBenchConfig, bench_lately
from movie_mlops.bench.load import Outcome, Plan, drive, drive_apart
from movie_mlops.bench.main_job import bench_main_job
from movie_mlops.bench.newcomers import bench_newcomers
from movie_mlops.bench.online import bench_online
from movie_mlops.bench.page import bench_page
from movie_mlops.bench.percentiles import percentile, summary
from movie_mlops.bench.quality import bench_quality
from movie_mlops.bench.quality_config import QualityBenchConfig
from movie_mlops.bench.retrieval import RetrievalBenchConfig, bench_retrieval
from movie_mlops.bench.scale import ScaleBenchConfig, bench_scale
from movie_mlops.bench.search import bench_search
from movie_mlops.bench.security import SecurityBenchConfig, bench_security
from movie_mlops.bench.serve import RivalsConfig, ServeBenchConfig, StageConfig, bench_serve
from movie_mlops.bench.shilling import ShillingBenchConfig, bench_shilling
from movie_mlops.bench.standard import bench_standard
from movie_mlops.bench.traffic import LoadBenchConfig, bench_load
from movie_mlops.bench.train import bench_train
from movie_mlops.bench.updates import UpdatesBenchConfig, bench_updates
from movie_mlops.bench.workers import WorkersBenchConfig, bench_workers

__all__ = [
    "BenchError",
    "DriftBenchConfig",
    "EnginesBenchConfig",
    "EvaluateBenchConfig",
    "EventsBenchConfig",
    "FeaturesBenchConfig",
    "IngestBenchConfig",
    "LatelyBenchConfig",
    "LoadBenchConfig",
    "MainJobBenchConfig",
    "NewcomersBenchConfig",
    "OnlineBenchConfig",
    "Outcome",
    "PageBenchConfig",
    "Plan",
    "QualityBenchConfig",
    "RetrievalBenchConfig",
    "RivalsConfig",
    "ScaleBenchConfig",
    "SearchBenchConfig",
    "SecurityBenchConfig",
    "ServeBenchConfig",
    "ShillingBenchConfig",
    "StageConfig",
    "StandardBenchConfig",
    "TrainBenchConfig",
    "UpdatesBenchConfig",
    "WorkersBenchConfig",
    "bench_drift",
    "bench_engines",
    "bench_evaluate",
    "bench_events",
    "bench_features",
    "bench_ingest",
    "bench_lately",
    "bench_load",
    "bench_main_job",
    "bench_newcomers",
    "bench_online",
    "bench_page",
    "bench_quality",
    "bench_retrieval",
    "bench_scale",
    "bench_search",
    "bench_security",
    "bench_serve",
    "bench_shilling",
    "bench_standard",
    "bench_train",
    "bench_updates",
    "bench_workers",
    "drive",
    "drive_apart",
    "percentile",
    "summary",
]
