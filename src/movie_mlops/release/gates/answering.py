"""The process that a bundle's time and memory are measured in: one JSON document in, one out."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

from movie_mlops.core.memory import peak_memory_mib
from movie_mlops.recommenders import top_k
from movie_mlops.release.bundle import read_bundle
from movie_mlops.release.trust import TrustList

_WARM_UP: Final = 5
_LENGTH: Final = 10


def answer(task: dict[str, Any]) -> dict[str, float]:
    """Load the bundle, answer the requests one by one, and return milliseconds and MiB."""
    bundle = read_bundle(Path(task["bundle"]), trust=TrustList(Path(task["trusted"])))
    histories = task["histories"]
    seconds = []
    for number in range(task["requests"] + _WARM_UP):
        said = histories[number % len(histories)]
        items = np.asarray(said["items"], dtype=np.int32)
        weights = np.asarray(said["weights"], dtype=np.float32)
        started = time.perf_counter()
        scores = bundle.recommender.score_one(items, weights)
        seen = sparse.csr_matrix((weights, items, [0, items.size]), shape=(1, scores.size))
        top_k(scores[None, :], _LENGTH, exclude=seen)
        seconds.append(time.perf_counter() - started)
    p50, p99 = np.percentile(seconds[_WARM_UP:], [50, 99]) * 1000.0
    return {"requests": task["requests"], "p50_ms": float(p50), "p99_ms": float(p99), "mib": peak_memory_mib()}


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
