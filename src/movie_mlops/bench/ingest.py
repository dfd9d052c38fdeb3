"""How fast ratings come in: through the contract, beside plain copies that check nothing."""

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.bench.config import IngestBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.ingest_contenders import CONTENDERS
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.core.progress import SILENT, Progress

_OURS: Final = "movie-mlops"
_DISGUISED: Final = "movie-mlops-pseudonyms"
_DESCRIBED: Final = "movie-mlops-described"
_SEALED: Final = "movie-mlops-sealed"
_CHECKED: Final = frozenset({_OURS, _DISGUISED, _DESCRIBED, _SEALED})
_PLAIN: Final = ("polars-streamed", "polars-whole")
_FIRST_TIME, _LAST_TIME = 789_652_009, 1_574_327_703
_BAD_STARS: Final = 9.5
_AT_ONCE: Final = 2_000_000


def bench_ingest(
    config: IngestBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Time each way of bringing a generated file of ratings into a table, and write what was found to a file.

    The contenders take turns, each in a process of its own, so that a machine that slows down slows all of them. Ours
    checks every row, keeps what it refuses, and makes sure that no row is in the table twice.

    Args:
        config: The size of the file, and the targets.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A contender failed, or did not bring in every row that it should.
    """
    machine = machine_facts()
    contenders, setup = _take_turns(list(CONTENDERS), config, progress)
    found = {"setup": setup, "contenders": contenders, "targets": _targets(contenders, config)}
    return write_record(out, "ingest", command, machine, found)


def cost_of_privacy(
    config: IngestBenchConfig, progress: Progress = SILENT
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time the same with and without pseudonyms, and sealing, alone; return what was measured on what, and the targets.

    Args:
        config: The size of the file, and the targets.
        progress: Who listens.

    Raises:
        BenchError: One of them failed, or did not bring in every row that it should.
    """
    contenders, setup = _take_turns([_OURS, _DISGUISED, _DESCRIBED, _SEALED], config, progress)
    return {"setup": setup, "contenders": contenders}, _privacy_targets(contenders, config)


def _take_turns(
    names: Sequence[str], config: IngestBenchConfig, progress: Progress
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """Return what became of each contender's runs, and on what they ran."""
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        source = Path(folder) / "ml-generated"
        source.mkdir()
        with progress.task("Generating ratings", config.rows, "rows") as advance:
            write_ratings(source, config)
            advance(config.rows)
        size = (source / "ratings.csv").stat().st_size
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        with progress.task("Bringing them in", config.runs * len(names), "runs") as advance:
            for _ in range(config.runs):
                for name in names:
                    runs[name].append(_run(name, source, Path(folder) / "target", config))
                    advance(1)
    setup = {"rows": config.rows, "bad_rows": config.bad_rows, "csv_bytes": size, "runs": config.runs}
    return {name: _summed(told) for name, told in runs.items()}, setup


def write_ratings(folder: Path, config: IngestBenchConfig) -> None:
    """Write ``ratings.csv`` and ``movies.csv`` as MovieLens lays them out: by user, then by film; and ``users.csv``."""
    chance = np.random.default_rng(config.seed)
    users = _users(config, chance)
    film_ids = np.sort(chance.choice(config.films * 4, config.films, replace=False)) + 1
    bad = chance.choice(config.rows, config.bad_rows, replace=False)
    stars = chance.integers(1, 11, config.rows) / 2
    stars[bad] = _BAD_STARS
    with (folder / "ratings.csv").open("wb") as file:
        for start in range(0, config.rows, _AT_ONCE):
            part = users[start : start + _AT_ONCE]
            frame = pl.DataFrame(
                {
                    "userId": part,
                    "movieId": film_ids[_places(users, start, len(part), config.films)],
                    "rating": stars[start : start + _AT_ONCE],
                    "timestamp": chance.integers(_FIRST_TIME, _LAST_TIME, len(part)),
                }
            )
            frame.write_csv(file, include_header=start == 0)
    titles = pl.DataFrame({"movieId": film_ids}).with_columns(
        pl.format("Film {} (1999)", "movieId").alias("title"), pl.lit("Comedy|Drama").alias("genres")
    )
    titles.write_csv(folder / "movies.csv")
    told = pl.DataFrame({"user_id": np.unique(users)}).with_columns(
        pl.when(pl.col("user_id") % 3 == 0).then(pl.lit("F")).otherwise(pl.lit("M")).alias("gender"),
        (18 + pl.col("user_id") % 60).alias("age"),
        pl.lit("academic/educator").alias("occupation"),
        (10_000 + pl.col("user_id") % 90_000).alias("postcode"),
    )
    told.write_csv(folder / "users.csv")


def _users(config: IngestBenchConfig, chance: np.random.Generator) -> NDArray[np.int64]:
    """Return the user of each row: some have few ratings, some very many, none more than there are films."""
    weights = chance.lognormal(0, 1.2, max(config.rows // 154, 1))
    counts = np.minimum(np.maximum(weights / weights.sum() * config.rows, 1).astype(np.int64), config.films)
    users = np.repeat(np.arange(1, len(counts) + 1), counts)[: config.rows]
    missing = config.rows - len(users)
    more = np.arange(missing) // min(config.films, 100) + len(counts) + 1
    return np.concatenate([users, more])


def _places(users: NDArray[np.int64], start: int, rows: int, films: int) -> NDArray[np.int64]:
    """Return which film each row is about, rising for each user and never twice."""
    part = users[start : start + rows]
    first = np.searchsorted(users, part, side="left")
    counts = np.searchsorted(users, part, side="right") - first
    rank = np.arange(start, start + rows) - first
    places: NDArray[np.int64] = (rank * films) // counts
    return places


def _run(name: str, source: Path, target: Path, config: IngestBenchConfig) -> dict[str, Any]:
    target.mkdir()
    try:
        done = run_whole([sys.executable, "-m", "movie_mlops.bench.ingest_contenders", name, str(source), str(target)])
        if done.code:
            raise BenchError(f"{name} failed: {done.err.strip()[-500:]}", next_step="Run it by hand, then measure it.")
        told: dict[str, Any] = json.loads(done.out)
        if "skipped" in told:
            return told
        expected = config.rows - (config.bad_rows if name in _CHECKED else 0)
        rows = (
            told["rows"] if told["rows"] >= 0 else pl.scan_delta(str(target / "copy")).select(pl.len()).collect().item()
        )
        if rows != expected:
            raise BenchError(
                f"{name} brought in {rows:,} rows instead of {expected:,}.",
                next_step="A figure for less than the whole work would be worth nothing: find the rows first.",
            )
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        return {**told, "rows": rows, "peak_memory_mib": done.peak_memory_mib, "bytes": size}
    finally:
        shutil.rmtree(target)


def _summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median time, the largest memory, and each run's seconds."""
    if "skipped" in runs[0]:
        return runs[0]
    seconds = statistics.median(run["seconds"] for run in runs)
    return {
        "seconds": round(seconds, 2),
        "rows_per_second": round(runs[0]["rows"] / seconds),
        "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in runs), 2),
        "peak_memory_mib": max(run["peak_memory_mib"] for run in runs),
        "rows": runs[0]["rows"],
        "bytes": runs[0]["bytes"],
        "seconds_of_runs": [round(run["seconds"], 2) for run in runs],
    }


def _targets(contenders: Mapping[str, Mapping[str, Any]], config: IngestBenchConfig) -> list[dict[str, Any]]:
    mine = contenders[_OURS]
    plain = min((contenders[name] for name in _PLAIN), key=lambda one: float(one["seconds"]))
    ratio = round(mine["seconds"] / plain["seconds"], 2)
    memory = mine["peak_memory_mib"]
    return [
        {
            "what": "times a plain copy by polars, the faster one",
            "limit": config.times_a_copy,
            "measured": ratio,
            "met": ratio <= config.times_a_copy,
        },
        *_privacy_targets(contenders, config),
        {
            "what": "peak memory, MiB",
            "limit": config.memory_mib,
            "measured": memory,
            "met": memory <= config.memory_mib,
        },
    ]


def _privacy_targets(contenders: Mapping[str, Mapping[str, Any]], config: IngestBenchConfig) -> list[dict[str, Any]]:
    sealed = "with facts of users in the clear, with them sealed"
    return [
        _target(contenders, _DISGUISED, _OURS, "without pseudonyms, with them", config.times_without_pseudonyms),
        _target(contenders, _SEALED, _DESCRIBED, sealed, config.times_unsealed),
    ]


def _target(
    contenders: Mapping[str, Mapping[str, Any]], dearer: str, plain: str, how: str, limit: float
) -> dict[str, Any]:
    """Hold the middle one of the ratios of all rounds: what slowed a round down slowed both."""
    rounds = zip(contenders[dearer]["seconds_of_runs"], contenders[plain]["seconds_of_runs"], strict=True)
    ratio = round(statistics.median(mine / other for mine, other in rounds), 2)
    return {"what": f"times the same {how}", "limit": limit, "measured": ratio, "met": ratio <= limit}
