"""The benchmark of serving: how fast, beside which other servers, in how much memory, and what too many requests do."""

from movie_mlops.bench.serve.bench import bench_serve
from movie_mlops.bench.serve.config import CHAMPIONS, LARGE, PARTS, TRAINED, RivalsConfig, ServeBenchConfig, StageConfig

__all__ = ["CHAMPIONS", "LARGE", "PARTS", "TRAINED", "RivalsConfig", "ServeBenchConfig", "StageConfig", "bench_serve"]
