"""The work whose growth is measured, each piece run as a process of its own: what it cost is printed as JSON."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from movie_mlops.bench.scale.stored import files_bytes, state_bytes
from movie_mlops.core.columns import USER_ID
from movie_mlops.core.nouns import Interaction, Kind, Workspace

DATASET: Final = "scale"
SOURCE: Final = "source"
LIKES: Final = "likes.npz"
_BATCH: Final = 100
_LEAST_TURNS: Final = 2
_TURNS: Final = 5
_TURNS_SECONDS: Final = 12.0

FEATURES_MIB: Final = 512
"""Features are computed within so much memory, whatever the machine has."""

_WANTED: Final = 5


def ingest(folder: Path, task: Mapping[str, Any]) -> dict[str, float]:
    """Bring the ratings of a folder through the contract into a lake."""
    from movie_mlops.ingest import load, open_source  # noqa: PLC0415 - each job loads what it needs
    from movie_mlops.lake import Lake, LakeConfig  # noqa: PLC0415

    source = open_source(f"movielens:{folder / SOURCE}", downloads=folder)
    workspace = Workspace(folder, DATASET)
    lake = Lake(LakeConfig(root=workspace.lakes).of(DATASET))
    found = _timed(lambda: load(source, lake))
    assert lake.scan("interactions").select("event_id").collect().height == task["amount"]
    return {**found, "bytes": files_bytes(workspace.lakes)}


def features(folder: Path, task: Mapping[str, Any]) -> dict[str, float]:  # noqa: ARG001 - as every job
    """Compute the features of a lake, and fill the online store: histories and rows of every user."""
    from movie_mlops.flows import Platform, PlatformConfig  # noqa: PLC0415
    from movie_mlops.flows.features import features as compute  # noqa: PLC0415

    config = PlatformConfig.model_validate({"features": {"memory_mib": FEATURES_MIB}})
    platform = Platform(Workspace(folder, DATASET), config)
    versions = {name: platform.lake.version(name) for name in ("interactions", "movies")}
    before = state_bytes(folder)
    found = _timed(lambda: compute(platform, {"versions": versions, "events_offset": 0}))
    platform.close()
    return {**found, "bytes": state_bytes(folder) - before}


def train(folder: Path, task: Mapping[str, Any]) -> dict[str, float]:
    """Train a model on the likes of a file."""
    from scipy import sparse  # noqa: PLC0415

    from movie_mlops.recommenders import create  # noqa: PLC0415

    likes = sparse.csr_array(sparse.load_npz(folder / LIKES))
    model = create(task["model"], task["params"])
    return _timed(lambda: model.fit(likes))


def evaluate(folder: Path, task: Mapping[str, Any]) -> dict[str, float]:
    """Judge a model of factors on the users of a file: score, rank, measure; some likes of each are to be found."""
    from scipy import sparse  # noqa: PLC0415

    from movie_mlops.evaluation import EvaluationCase  # noqa: PLC0415
    from movie_mlops.evaluation import evaluate as judge  # noqa: PLC0415
    from movie_mlops.recommenders import restore  # noqa: PLC0415

    known = sparse.csr_matrix(sparse.load_npz(folder / LIKES))
    known = known[np.diff(known.indptr) > _WANTED]
    users, films = known.shape
    wanted = known.copy()
    # The first few of each user are hidden; which ones they are does not change what judging costs.
    rank = np.arange(known.nnz) - np.repeat(known.indptr[:-1], np.diff(known.indptr))
    known.data, wanted.data = (rank >= _WANTED).astype(np.float32), (rank < _WANTED).astype(np.float32)
    known.eliminate_zeros()
    wanted.eliminate_zeros()
    chance = np.random.default_rng(task["seed"])
    arrays = {
        "n_items": np.array([films]),
        "known_items": np.arange(films, dtype=np.int32),
        "item_factors": chance.standard_normal((films, task["factors"]), np.float32),
    }
    case = EvaluationCase(
        name=DATASET,
        train=known,
        train_times=None,
        histories=known,
        seen=known,
        held_out=wanted,
        user_ids=[str(user) for user in range(users)],
        movie_ids=np.arange(films),
    )
    model = restore("ials", {"factors": task["factors"]}, arrays)
    return {**_timed(lambda: judge(model, case)), "amount": float(users) * films}


def events(folder: Path, task: Mapping[str, Any]) -> list[dict[str, float]]:
    """Have events recorded and applied, a hundred at a time, then brought into the lake, in a home that has users.

    Twice at least, and more often where that is quick, with other events each time: each time is told, with what the
    first took on disk.
    """
    from movie_mlops.core.memory import keep_what_is_here  # noqa: PLC0415
    from movie_mlops.events import envelope  # noqa: PLC0415
    from movie_mlops.flows import Platform, PlatformConfig  # noqa: PLC0415
    from movie_mlops.flows.ingest import drain  # noqa: PLC0415

    platform = Platform(Workspace(folder, DATASET), PlatformConfig())
    films = platform.lake.scan("movies").collect()["movie_id"].to_numpy()
    users = platform.lake.scan("interactions").select(USER_ID).unique().collect()[USER_ID].sort().to_list()
    chance = np.random.default_rng(task["seed"])
    lake = Workspace(folder, DATASET).lakes
    before = state_bytes(folder), files_bytes(lake)
    grown: dict[str, float] = {}

    def accept(turn: int) -> None:
        whose, which = chance.integers(0, len(users), task["amount"]), chance.choice(films, task["amount"])
        said = [
            Interaction(f"scale-{turn}-{place}", users[user], int(film), Kind.LIKE, None, None, "bench")
            for place, (user, film) in enumerate(zip(whose, which, strict=True))
        ]
        for start in range(0, len(said), _BATCH):
            platform.events.append(said[start : start + _BATCH])

    # As the server and the worker do before they begin.
    keep_what_is_here()
    accepted: list[dict[str, float]] = []
    drained: list[dict[str, float]] = []
    while len(accepted) < _LEAST_TURNS or (
        len(accepted) < _TURNS and sum(one["seconds"] for one in accepted) < _TURNS_SECONDS
    ):
        accepted.append(_timed(partial(accept, len(accepted))))
        drained.append(_timed(partial(drain, platform)))
        grown = grown or {
            "bytes": state_bytes(folder) - before[0],
            "lake_bytes": files_bytes(lake) - before[1],
        }
    [first] = platform.events.read(0, 1)
    size = len(json.dumps(envelope(first)))
    platform.close()
    return [
        {**one, "worker_cpu_seconds": other["cpu_seconds"], **grown, "envelope_bytes": float(size)}
        for one, other in zip(accepted, drained, strict=True)
    ]


Costs = dict[str, float] | list[dict[str, float]]
"""What a piece of work cost; of one that is done several times, each time."""

JOBS: Final[Mapping[str, Callable[[Path, Mapping[str, Any]], Costs]]] = {
    "ingest": ingest,
    "features": features,
    "train": train,
    "train-films": train,
    "evaluate": evaluate,
    "events": events,
}


def _timed(work: Callable[[], object]) -> dict[str, float]:
    cpu, begun = time.process_time(), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}


def main(name: str, folder: Path, task: str) -> None:
    """Do a piece of work in a folder, on one core, and print what it cost.

    Cores that work together wait for one another's memory, and that would be counted as work.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps(JOBS[name](folder, json.loads(task))))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
