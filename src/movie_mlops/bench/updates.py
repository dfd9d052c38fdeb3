"""What bringing a model up to date costs beside training it anew, and how much the two differ."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from scipy import sparse

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.recommenders import Change, Recommender, create, top_k, updated

_K: Final = 10
_LOOKED_AT: Final = 500
_NEW_LIKES: Final = 3


@dataclass(frozen=True)
class UpdatesBenchConfig:
    """The benchmark of updates between trainings.

    Attributes:
        users: How many users the made-up likes are of.
        films: How many films; each number is a world of its own.
        likes: How many likes a film has on average.
        changed: So many users say something new; each number is measured by itself.
        models: What is trained anew and brought up to date.
        runs: How often each has its turn; the median counts.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range.
    """

    users: int = 6_000
    films: tuple[int, ...] = (3_500, 10_000)
    likes: int = 110
    changed: tuple[int, ...] = (20, 100, 500)
    models: tuple[str, ...] = ("popular", "ease", "ials")
    runs: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if min((self.users, self.likes, self.runs, *self.films, *self.changed)) < 1 or not self.models:
            raise BenchError("A number is below 1, or no model is named.", next_step="Give numbers above 0.")
        if max(self.changed) > self.users:
            raise BenchError(
                f"{max(self.changed):,} of {self.users:,} users cannot say something new.", next_step="Give fewer."
            )


def bench_updates(
    config: UpdatesBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Train models anew and bring them up to date, in turn, and hold the two against each other.

    Args:
        config: What is measured.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.
    """
    machine, rows = machine_facts(), []
    with progress.task("Bringing models up to date", len(config.films) * len(config.changed), "worlds") as advance:
        for films in config.films:
            before = generated_likes(config.users, films, config.likes * films, config.seed)
            for changed in config.changed:
                after = _grown(before, changed, config.seed + changed)
                rows += [_measured(name, before, after, changed, config.runs) for name in config.models]
                advance(1)
    setup = {"users": config.users, "likes_per_film": config.likes, "runs": config.runs, "seed": config.seed}
    return write_record(out, "updates", command, machine, {"setup": setup, "rows": rows})


def _grown(before: sparse.csr_array, changed: int, seed: int) -> sparse.csr_array:
    """Return the likes with a few more of some users."""
    rng = np.random.default_rng(seed)
    users = np.repeat(rng.choice(before.shape[0], changed, replace=False), _NEW_LIKES)
    films = rng.integers(0, before.shape[1], len(users))
    more = sparse.csr_array((np.ones(len(users), np.float32), (users, films)), shape=before.shape)
    grown = sparse.csr_array(before + more)
    grown.data[:] = 1
    return grown


def _measured(name: str, before: sparse.csr_array, after: sparse.csr_array, changed: int, runs: int) -> dict[str, Any]:
    model = create(name)
    model.fit(before)
    change = Change(before, after, np.arange(before.shape[1], dtype=np.int64))
    anew: list[float] = []
    brought: list[float] = []
    for _ in range(runs):
        trained, seconds = _timed(lambda: _fitted(name, after))
        anew.append(seconds)
        found, seconds = _timed(lambda: updated(model, change))
        brought.append(seconds)
    some = after[np.flatnonzero(np.diff(after.indptr))[:_LOOKED_AT]]
    scores, others = trained.score(some), found.score(some)
    for row in (scores, others):
        row[some.toarray() > 0] = -np.inf
    lists = zip(top_k(scores, _K), top_k(others, _K), strict=True)
    return {
        "model": name,
        "films": before.shape[1],
        "likes": int(after.nnz),
        "changed_users": changed,
        "seconds_anew": round(median(anew), 4),
        "seconds_updated": round(median(brought), 4),
        "times_faster": round(median(anew) / median(brought), 2),
        "same_films": round(float(np.mean([len(set(a) & set(b)) / _K for a, b in lists])), 4),
        "largest_difference": _difference(trained, found),
    }


def _fitted(name: str, likes: sparse.csr_array) -> Recommender:
    model = create(name)
    model.fit(likes)
    return model


def _timed(work: Callable[[], Recommender]) -> tuple[Recommender, float]:
    begun = time.perf_counter()
    made = work()
    return made, time.perf_counter() - begun


def _difference(one: Recommender, other: Recommender) -> float | None:
    """Return by how much the weights differ at most; ``None`` of vectors, which may be turned and say the same."""
    arrays, others = one.arrays(), other.arrays()
    if "item_factors" in arrays:
        return None
    name = next(name for name in arrays if name not in {"n_items", "known_items"})
    return float(np.abs(arrays[name] - others[name]).max())
