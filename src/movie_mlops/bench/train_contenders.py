"""Ways of training on the likes of a file, each run as a process of its own: seconds are printed as JSON.

A contender writes what the films' vectors are, where it learns any.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

SEED: Final = 0
LIKES: Final = "likes.npz"
VECTORS: Final = "vectors.npy"


def ours(likes: sparse.csr_array, task: Mapping[str, Any], folder: Path) -> float:
    """Train a recommender of ours."""
    from movie_mlops.recommenders import create  # noqa: PLC0415 - what a contender does not use is not loaded

    recommender = create(task["model"], task["params"])
    begun = time.perf_counter()
    recommender.fit(likes)
    seconds = time.perf_counter() - begun
    if task["model"] == "ials":
        np.save(folder / VECTORS, recommender.arrays()["item_factors"])
    return seconds


def lapack(likes: sparse.csr_array, task: Mapping[str, Any], folder: Path) -> float:  # noqa: ARG001
    """Factorise and invert a matrix of the films' size in single precision, and nothing else."""
    from scipy.linalg.lapack import spotrf, spotri  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    matrix = np.random.default_rng(SEED).random((likes.shape[1],) * 2, np.float32)
    matrix[np.diag_indices_from(matrix)] += likes.shape[1]
    with threadpool_limits(limits=task["threads"], user_api="blas"):
        begun = time.perf_counter()
        factor, failed = spotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        _, failed_too = spotri(factor, lower=1, overwrite_c=1)
        seconds = time.perf_counter() - begun
    assert not failed
    assert not failed_too
    return seconds


def implicit(likes: sparse.csr_array, task: Mapping[str, Any], folder: Path) -> float:
    """Train the reference implementation of iALS."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    given = task["params"]
    model = AlternatingLeastSquares(
        factors=given["factors"],
        regularization=given["regularisation"],
        alpha=given["alpha"],
        iterations=given["iterations"],
        random_state=SEED,
    )
    matrix = sparse.csr_matrix(likes)
    # It runs its own threads, and asks for this.
    with threadpool_limits(limits=1, user_api="blas"):
        begun = time.perf_counter()
        model.fit(matrix, show_progress=False)
        seconds = time.perf_counter() - begun
    np.save(folder / VECTORS, np.asarray(model.item_factors, np.float32))
    return seconds


CONTENDERS: Final[Mapping[str, Callable[[sparse.csr_array, Mapping[str, Any], Path], float]]] = {
    "ours": ours,
    "lapack": lapack,
    "implicit": implicit,
}


def main(name: str, task: str, folder: Path) -> None:
    """Run a contender on the likes of a folder, and print how long it took, or why it was left out."""
    if name == "implicit" and find_spec("implicit") is None:
        print(json.dumps({"skipped": "implicit is not installed (extra bench)"}))  # noqa: T201 - for the parent
        return
    likes = sparse.csr_array(sparse.load_npz(folder / LIKES))
    cpu = time.process_time()
    seconds = CONTENDERS[name](likes, json.loads(task), folder)
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - cpu}))  # noqa: T201 - for the parent


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
