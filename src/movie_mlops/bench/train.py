"""How long training takes, and how much memory: beside LAPACK alone, and beside the library implicit."""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.bench.config import TrainBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.bench.train_contenders import LIKES, VECTORS
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.core.progress import SILENT, Advance, Progress
from movie_mlops.evaluation import EvaluationCase, evaluate, given_folds
from movie_mlops.recommenders import restore

_METRIC: Final = "ndcg@10"
_HIDDEN: Final = 5
_LEAST_LIKES: Final = 2 * _HIDDEN
_SAME_LOSS: Final = 1.001
_SAME_METRIC: Final = 0.995

_Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class _Contender:
    """What is run: a name in `train_contenders.CONTENDERS`, and its task."""

    name: str
    task: Mapping[str, Any]


def bench_train(
    config: TrainBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Train on made-up likes beside rivals, and each recommender on a fold of real ones; write what was found.

    Each training is a process of its own, and those that are compared take turns, so that a machine that slows down
    slows all of them. Seconds are those of the training alone, memory is that of the whole process, likes included.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A contender failed.
        FoldsInvalidError: The folds cannot be used.
    """
    machine = machine_facts()
    cores = os.cpu_count() or 1
    made = _made_case(config)
    ials = {name: getattr(config, name) for name in ("factors", "regularisation", "alpha", "iterations")}
    linear = {
        "ease": _Contender("ours", {"model": "ease", "params": {"regularisation": 500, "threads": cores}}),
        "lapack": _Contender("lapack", {"threads": cores}),
    }
    factors = {
        "ials": _Contender("ours", {"model": "ials", "params": ials}),
        "implicit": _Contender("implicit", {"params": ials}),
    }
    fold = given_folds(config.folds)[0] if config.folds else None
    models = {name: _Contender("ours", {"model": name, "params": {}}) for name in config.models if fold}
    steps = config.runs * (len(linear) + len(factors) + len(models))
    with progress.task("Training", steps, "trainings") as advance:
        on_made = _run_all(linear, made.train, config.runs, advance)
        vectors = _run_all(factors, made.train, config.runs, advance)
        on_fold = _run_all(models, fold.train, config.runs, advance) if fold else {}
    _judge(vectors, made, ials)
    rows = {name: _summed(runs) for name, runs in {**on_made, **vectors}.items()}
    found = {
        "setup": {
            "users": config.users,
            "films": config.films,
            "likes": made.train.nnz,
            "judged_users": len(made.user_ids),
            "seed": config.seed,
            "runs": config.runs,
            "ials": ials,
        },
        "made up": rows,
        "fold": None if fold is None else {"name": fold.name, **fold.facts, "likes": fold.train.nnz},
        "on the fold": {name: _summed(runs) for name, runs in on_fold.items()},
        "targets": targets_of(rows, config),
    }
    return write_record(out, "train", command, machine, found)


def _made_case(config: TrainBenchConfig) -> EvaluationCase:
    """Return made-up likes of which some users' last few are to be found."""
    chance = np.random.default_rng(config.seed)
    hidden = config.judged_users * _HIDDEN
    likes = generated_likes(config.users, config.films, config.likes + hidden, config.seed)
    eager = np.flatnonzero(np.diff(likes.indptr) >= _LEAST_LIKES)
    if len(eager) < config.judged_users:
        raise BenchError(
            f"Only {len(eager)} users have {_LEAST_LIKES} likes.", next_step="Give more likes, or judge fewer users."
        )
    judged = np.sort(chance.choice(eager, config.judged_users, replace=False))
    out = np.zeros(likes.nnz, dtype=bool)
    for user in judged:
        start, stop = likes.indptr[user], likes.indptr[user + 1]
        out[start + chance.choice(stop - start, _HIDDEN, replace=False)] = True
    known, held_out = (_entries(likes, kept) for kept in (~out, out))
    return EvaluationCase(
        name="made up",
        train=known,
        train_times=None,
        histories=known[judged],
        seen=known[judged],
        held_out=held_out[judged],
        user_ids=[str(user) for user in judged],
        movie_ids=np.arange(config.films),
    )


def _entries(likes: sparse.csr_array, kept: NDArray[np.bool_]) -> sparse.csr_matrix:
    before = np.concatenate(([0], np.cumsum(kept)))
    parts = (likes.data[kept], likes.indices[kept], before[likes.indptr])
    return sparse.csr_matrix(parts, shape=likes.shape)


def _run_all(
    contenders: Mapping[str, _Contender], likes: sparse.csr_matrix, runs: int, advance: Advance
) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        sparse.save_npz(Path(folder) / LIKES, likes, compressed=False)
        for _ in range(runs):
            for name, contender in contenders.items():
                told[name].append(_run(contender, Path(folder)))
                advance(1)
    return told


def _run(contender: _Contender, folder: Path) -> dict[str, Any]:
    program = [sys.executable, "-m", "movie_mlops.bench.train_contenders"]
    done = run_whole([*program, contender.name, json.dumps(contender.task), str(folder)])
    if done.code:
        raise BenchError(
            f"{contender.name} failed at {contender.task}: {done.err.strip()[-500:]}",
            next_step="Run it by hand, then measure it.",
        )
    told: dict[str, Any] = json.loads(done.out)
    vectors = folder / VECTORS
    if vectors.exists():
        told["vectors"] = np.load(vectors)
        vectors.unlink()
    return {**told, "peak_memory_mib": done.peak_memory_mib}


def _judge(vectors: Mapping[str, list[dict[str, Any]]], case: EvaluationCase, params: Mapping[str, Any]) -> None:
    """Replace the films' vectors by what they are worth to the judged users."""
    known = np.unique(case.train.indices).astype(np.int32)
    for runs in vectors.values():
        for run in runs:
            if "vectors" not in run:
                continue
            films = run.pop("vectors")
            films = films if len(films) == len(known) else films[known]
            arrays = {"n_items": np.array([len(case.movie_ids)]), "known_items": known, "item_factors": films}
            scores = evaluate(restore("ials", params, arrays), case)
            run[_METRIC] = scores.mean(_METRIC)
            run["loss_per_user"] = _loss(films, case.histories[:, known], case.train.shape[0], params)


def _loss(films: NDArray[np.float32], histories: sparse.csr_matrix, n_users: int, params: Mapping[str, Any]) -> float:
    """Return the mean loss of some users, each with the vector that is best for it, in double precision."""
    films = films.astype(np.float64)
    penalty, alpha = params["regularisation"], params["alpha"]
    shared = films.T @ films
    total = 0.0
    for start, stop in zip(histories.indptr[:-1], histories.indptr[1:], strict=True):
        liked = films[histories.indices[start:stop]]
        confidences = alpha * histories.data[start:stop].astype(np.float64)
        system = shared + penalty * np.eye(len(shared)) + (liked.T * (confidences - 1)) @ liked
        user = np.linalg.solve(system, liked.T @ confidences)
        told = liked @ user
        # Over all films the squares of what is told, and for those liked their own term instead.
        total += user @ shared @ user - told @ told + confidences @ (1 - told) ** 2 + penalty * user @ user
    return float(total / histories.shape[0] + penalty * np.square(films).sum() / n_users)


def _summed(runs: _Runs) -> dict[str, Any]:
    """Return the median time, the largest memory, each run's seconds, and what its vectors are worth."""
    if "skipped" in runs[0]:
        return {"skipped": runs[0]["skipped"]}
    return {
        "seconds": round(statistics.median(run["seconds"] for run in runs), 4),
        "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in runs), 4),
        "peak_memory_mib": max(run["peak_memory_mib"] for run in runs),
        "seconds_of_runs": [round(run["seconds"], 4) for run in runs],
        **{name: round(statistics.median(run[name] for run in runs), 4) for name in _worth(runs)},
    }


def _worth(runs: _Runs) -> list[str]:
    return [name for name in (_METRIC, "loss_per_user") if name in runs[0]]


def targets_of(rows: Mapping[str, Mapping[str, Any]], config: TrainBenchConfig) -> list[dict[str, Any]]:
    """Return what was aimed at and what came of it.

    Args:
        rows: Contender to its figures on what was made up.
        config: The targets.

    Raises:
        BenchError: A rival's figure is 0.
    """
    ease, lapack, ials, implicit = (rows[name] for name in ("ease", "lapack", "ials", "implicit"))

    def times(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
        if not other[what]:
            raise BenchError(
                f"{what} is 0 on what was made up: nothing can be held against that.",
                next_step="Measure with more likes, users and films.",
            )
        return round(float(one[what] / other[what]), 3)

    targets = [
        at_most("seconds of EASE over those of LAPACK alone", config.times_lapack, times("seconds", ease, lapack)),
        at_most("peak memory of EASE, MiB", config.memory_mib, ease["peak_memory_mib"]),
    ]
    if "skipped" not in implicit:
        targets += [
            at_most("seconds of iALS over those of implicit", config.times_implicit, times("seconds", ials, implicit)),
            at_most("loss of iALS over that of implicit", _SAME_LOSS, times("loss_per_user", ials, implicit)),
            at_least(f"{_METRIC} of iALS over that of implicit", _SAME_METRIC, times(_METRIC, ials, implicit)),
        ]
    return targets
