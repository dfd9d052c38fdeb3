"""Sizes, one after the other, each piece of work in a process of its own, as long as time and memory are enough."""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any, Final

from scipy import sparse

from movie_mlops.bench.config import IngestBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.ingest import write_ratings
from movie_mlops.bench.scale.certainty import CERTAIN, apart_of, timed_costs
from movie_mlops.bench.scale.config import FILMS, LIKES, RATINGS, USERS, Job, ScaleBenchConfig, with_needed
from movie_mlops.bench.scale.jobs import LIKES as LIKES_FILE
from movie_mlops.bench.scale.jobs import SOURCE
from movie_mlops.bench.scale.serving import serve
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.core.memory import available_memory_bytes
from movie_mlops.core.progress import SILENT, Progress

_PROGRAM: Final = (sys.executable, "-m", "movie_mlops.bench.scale.jobs")
_HALF: Final = 0.5
_MINUTE: Final = 60.0
# Threads that wait for one another take processor time that is no work.
_THREADS: Final = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_ONE_THREAD: Final = dict.fromkeys(_THREADS, "1")
_FULL: Final = 5
GIB: Final = 2**30

_LAKE: Final[tuple[Job, ...]] = ("ingest", "features", "events")
"""They work in one home, in this order."""


@dataclass
class Measured:
    """What was measured so far.

    Attributes:
        rows: Each piece of work: job, size, the amount of what it grows by, and its costs.
        skipped: What was left out, and why.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)


class Measuring:
    """Measures every size, smallest first; then again what is least certain, as long as there is time.

    Args:
        config: What is run.
        progress: Who listens.
    """

    def __init__(self, config: ScaleBenchConfig, progress: Progress = SILENT) -> None:
        self._config = config
        self._progress = progress
        self._end = time.monotonic() + config.minutes * _MINUTE
        given = config.memory_gib
        self._memory = _HALF * available_memory_bytes() if given is None else given * GIB
        self._took: dict[tuple[Job, float], float] = {}
        self._runs: Counter[tuple[Job, float]] = Counter()
        self._refused = set[tuple[Job, float]]()
        self.found = Measured()

    def measure(self) -> Measured:
        """Measure all that there is time and memory for.

        Raises:
            BenchError: A piece of work failed.
        """
        config = self._config
        start = config.starts_at
        sizes = sorted({*config.sizes, *([] if start is None else [start])})
        with self._progress.task("Measuring", len(sizes), "sizes") as advance:
            for size in sizes:
                self._measure(config.jobs, size)
                advance(1)
        with self._progress.task("Measuring again", None, "pieces of work") as advance:
            while (least := self._least_certain()) is not None:
                job, size = least
                self._measure(with_needed(job), size)
                advance(1)
        return self.found

    def _least_certain(self) -> tuple[Job, float] | None:
        """Return what is to be measured again: where a minute makes the most of what is uncertain certain.

        ``None`` where all is certain, was measured as often as it may be, or takes longer than what is left.
        """
        left, worth = self._end - time.monotonic(), dict[tuple[Job, float], float]()
        for (job, size), runs in self._runs.items():
            if (job, size) in self._refused:
                continue
            took = sum(self._took[needed, size] for needed in with_needed(job))
            mine = [row for row in self.found.rows if (row["job"], row["size"]) == (job, size)]
            apart = max(apart_of([row[cost] for row in mine]) for cost in timed_costs(job))
            if apart > CERTAIN and runs < self._config.runs and took < left:
                worth[job, size] = apart / max(took, 1.0)
        return max(worth, key=lambda one: worth[one], default=None)

    def _measure(self, jobs: Collection[Job], size: float) -> None:
        for part in (self._lake, self._likes, self._films, self._serve):
            with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
                part(Path(folder), jobs, size)

    def _seed(self, job: Job, size: float) -> int:
        return self._config.seed + self._runs[job, size]

    def _lake(self, folder: Path, jobs: Collection[Job], size: float) -> None:
        rows, before, made_here = round(RATINGS * size), None, True
        for job in (job for job in _LAKE if job in jobs):
            if not made_here:
                self._skip(job, size, f"it works on what {before} makes")
                continue
            before, made_here = job, self._allowed(job, size)
            if not made_here:
                continue
            begun = time.monotonic()
            if job == "ingest":
                (folder / SOURCE).mkdir()
                made = IngestBenchConfig(rows=rows, films=FILMS, bad_rows=0, seed=self._seed(job, size))
                write_ratings(folder / SOURCE, made)
            amount = max(1, round(self._config.events * size)) if job == "events" else rows
            self._run(job, size, folder, {"amount": amount, "seed": self._seed(job, size)}, begun)

    def _likes(self, folder: Path, jobs: Collection[Job], size: float) -> None:
        config, made = self._config, False
        params = {"factors": config.factors, "iterations": config.iterations}
        tasks: dict[Job, dict[str, Any]] = {
            "train": {"model": "ials", "params": params},
            "evaluate": {"factors": config.factors, "seed": config.seed},
        }
        for job, task in tasks.items():
            if job not in jobs or not self._allowed(job, size):
                continue
            begun = time.monotonic()
            if not made:
                self._write_likes(folder, round(USERS * size), FILMS, round(LIKES * size), self._seed(job, size))
                made = True
            self._run(job, size, folder, {"amount": round(LIKES * size), **task}, begun)

    def _films(self, folder: Path, jobs: Collection[Job], size: float) -> None:
        if "train-films" not in jobs or not self._allowed("train-films", size):
            return
        times, begun = sqrt(size), time.monotonic()
        users, films = round(USERS * times), round(FILMS * times)
        # Users grow as well: among fewer of them than films the solution is found the other way around, and costs less.
        # Of few films nobody has liked so many.
        likes, seed = min(round(LIKES * times), users * films // _FULL), self._seed("train-films", size)
        self._write_likes(folder, users, films, likes, seed)
        self._run("train-films", size, folder, {"amount": films, "model": "ease", "params": self._config.ease}, begun)

    def _serve(self, folder: Path, jobs: Collection[Job], size: float) -> None:
        if "serve" not in jobs or not self._allowed("serve", size):
            return
        begun = time.monotonic()
        self._keep("serve", size, [serve(folder, round(FILMS * size), self._config)], begun)

    def _write_likes(self, folder: Path, users: int, films: int, likes: int, seed: int) -> None:
        matrix = generated_likes(users, films, likes, seed)
        sparse.save_npz(folder / LIKES_FILE, matrix, compressed=False)

    def _run(self, job: Job, size: float, folder: Path, task: Mapping[str, Any], begun: float) -> None:
        done = run_whole([*_PROGRAM, job, str(folder), json.dumps(task)], env=_ONE_THREAD)
        if done.code:
            raise BenchError(
                f"{job} at {size:g} times the shape of MovieLens 1M failed: {done.err.strip()[-500:]}",
                next_step="Measure smaller sizes, or leave it out with --job.",
            )
        peak = {"peak_memory_bytes": float(done.peak_memory_mib) * 2**20}
        told = json.loads(done.out)
        each = told if isinstance(told, list) else [told]
        self._keep(job, size, [{"amount": task["amount"], **costs, **peak} for costs in each], begun)

    def _keep(self, job: Job, size: float, each: Sequence[Mapping[str, float]], begun: float) -> None:
        took = time.monotonic() - begun
        self._took[job, size] = max(took, self._took.get((job, size), 0.0))
        self._runs[job, size] += 1
        self.found.rows += [{"job": job, "size": size, **costs} for costs in each]

    def _allowed(self, job: Job, size: float) -> bool:
        """Say whether a size is likely to be done in the time and memory that there are; one that is not is named."""
        left = (self._end - time.monotonic()) / _MINUTE
        # A start says nothing of what a size takes.
        known = [row for row in self.found.rows if row["size"] == size or row["size"] != self._config.starts_at]
        same = [row for row in known if row["job"] == job and row["size"] <= size]
        before = max(same, key=lambda row: row["size"], default=None)
        times = 1.0 if before is None else size / before["size"]
        minutes = 0.0 if before is None else self._took[job, before["size"]] * times / _MINUTE
        # Memory is expected to grow no faster than the size: what a start needs is in it as well.
        memory = 0.0 if before is None else before.get("peak_memory_bytes", 0.0) * times
        if left <= minutes:
            self._skip(job, size, f"it would take about {minutes:.1f} minutes, and {max(left, 0):.1f} are left")
            return False
        if memory > self._memory:
            self._skip(
                job, size, f"it may need {memory / GIB:.1f} GiB of memory, and may have {self._memory / GIB:.1f}"
            )
            return False
        return True

    def _skip(self, job: Job, size: float, reason: str) -> None:
        if self._runs[job, size]:
            self._refused.add((job, size))
        else:
            self.found.skipped.append({"job": job, "size": size, "reason": reason})
