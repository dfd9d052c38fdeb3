"""Load as people make it."""

from movie_mlops.bench.traffic.arrivals import arrivals, rate_at
from movie_mlops.bench.traffic.bench import bench_load
from movie_mlops.bench.traffic.config import PROFILES, LoadBenchConfig, Profile
from movie_mlops.bench.traffic.people import People
from movie_mlops.bench.traffic.told import histogram, over_time

__all__ = [
    "PROFILES",
    "LoadBenchConfig",
    "People",
    "Profile",
    "arrivals",
    "bench_load",
    "histogram",
    "over_time",
    "rate_at",
]
