"""How costs grow with sizes."""

from movie_mlops.bench.scale.bench import bench_scale
from movie_mlops.bench.scale.config import JOBS, Job, ScaleBenchConfig
from movie_mlops.bench.scale.curves import CURVES, Curve
from movie_mlops.bench.scale.growth import Form, Law

__all__ = ["CURVES", "JOBS", "Curve", "Form", "Job", "Law", "ScaleBenchConfig", "bench_scale"]
