"""The benchmark of serving: how fast, beside which other servers, in how much memory, and what too many requests do."""

from movie_mlops.bench.serve.bench import bench_serve
from movie_mlops.bench.serve.config import CHAMPIONS, CROWD, LARGE, PARTS, RivalsConfig, ServeBenchConfig, StageConfig

__all__ = ["CHAMPIONS", "CROWD", "LARGE", "PARTS", "RivalsConfig", "ServeBenchConfig", "StageConfig", "bench_serve"]
