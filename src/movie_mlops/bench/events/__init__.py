"""How many events are taken a second, and how soon they are seen."""

from movie_mlops.bench.events.bench import bench_events
from movie_mlops.bench.events.config import EventsBenchConfig

__all__ = ["EventsBenchConfig", "bench_events"]
