"""Whether a linear model of hundreds of thousands of films can be trained in the memory that there is."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from scipy import sparse

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.train_contenders import LIKES
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.recommenders import MemoryNeededError, create

_LIKES_OF_A_USER: Final = 20
_MIB: Final = 2**20


def train_linear(films: int, likes: int, seed: int, memory_bytes: int) -> dict[str, Any]:
    """Train sparse-ease on made-up likes in a process of its own, and ask EASE to do it with as much memory.

    Args:
        films: How many films there are.
        likes: How many likes, twenty a user in the mean.
        seed: Of the likes.
        memory_bytes: What may be taken.

    Returns:
        What was trained on, what was said and measured of sparse-ease, and how EASE refused, ``None`` where it fits.

    Raises:
        BenchError: So many likes are too many for so many films, or the training failed.
    """
    matrix = sparse.csr_matrix(generated_likes(max(likes // _LIKES_OF_A_USER, 1), films, likes, seed))
    sizes = (matrix.shape[0], matrix.shape[1], matrix.nnz)
    needed = {name: create(name).memory_needed(*sizes) for name in ("sparse-ease", "ease")}
    refused = None
    try:
        if needed["ease"] > memory_bytes:
            create("ease").fit(matrix, memory_limit_bytes=memory_bytes)
    except MemoryNeededError as error:
        refused = error.problem
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        sparse.save_npz(Path(folder) / LIKES, matrix, compressed=False)
        task = json.dumps({"model": "sparse-ease", "params": {}})
        done = run_whole([sys.executable, "-m", "movie_mlops.bench.train_contenders", "ours", task, folder])
    if done.code:
        raise BenchError(
            f"sparse-ease failed: {done.err.strip()[-500:]}", next_step="Give fewer films or likes, or more memory."
        )
    return {
        "users": sizes[0],
        "films": sizes[1],
        "likes": sizes[2],
        "sparse-ease": {
            "estimated_mib": round(needed["sparse-ease"] / _MIB),
            "peak_memory_mib": done.peak_memory_mib,
            **{name: round(seconds, 1) for name, seconds in json.loads(done.out).items()},
        },
        "ease": {"estimated_mib": round(needed["ease"] / _MIB), "refused": refused},
    }
