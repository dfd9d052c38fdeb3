"""How long it takes to judge the drift of many rows, and how much memory; beside Evidently on what it can hold."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from movie_mlops.bench import drift_rival, drift_run
from movie_mlops.bench.config import DriftBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.own_environment import run_there
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_most
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.core.progress import SILENT, Progress

_PATIENCE_SECONDS: Final = 400
_BLOCK: Final = 1_000_000
_NEXT_STEP: Final = (
    "Make its environment with scripts/setup/setup_evidently.sh, and name its Python with --evidently-python."
)


def bench_drift(
    config: DriftBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure the way from rows on the disk to the verdict, as a process of its own; write a file.

    One number of the live rows is shifted by half a standard deviation: whoever is measured has to find it.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: We fail, or do not find the shift.
    """
    machine = machine_facts()
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        folder = Path(name)
        with progress.task("Making rows up"):
            _make_up(folder, config)
        with progress.task("Judging all rows"):
            runs = [_ours(folder, config, config.rows)]
        with progress.task("Judging as many as the rival gets"):
            runs.append(_ours(folder, config, config.rival_rows))
        skipped = []
        with progress.task("Judging by Evidently"):
            try:
                runs.append(_evidently(folder, config))
            except BenchError as error:
                skipped.append({"name": "evidently", "reason": str(error)})
    return write_record(
        out,
        "drift",
        command,
        machine,
        {
            "setup": {
                "rows": config.rows,
                "numbers": config.numbers,
                "names": config.names,
                "rival_rows": config.rival_rows,
                "seed": config.seed,
            },
            "runs": runs,
            "skipped": skipped,
            "targets": [
                at_most("seconds for the live rows", config.most_seconds, runs[0]["live_seconds"]),
                at_most("peak memory in MiB", config.most_memory_mib, runs[0]["peak_memory_mib"]),
            ],
        },
    )


def _make_up(folder: Path, config: DriftBenchConfig) -> None:
    chance = np.random.default_rng(config.seed)
    for side in ("reference", "live"):
        (folder / side).mkdir()
        for place in range(config.numbers):
            with (folder / side / f"number-{place}").open("wb") as file:
                for start in range(0, config.rows, _BLOCK):
                    values = chance.standard_normal(min(_BLOCK, config.rows - start))
                    if place % 2:
                        # Every second one is lopsided, as counts and times are.
                        values = np.exp(values)
                    if side == "live" and place == 0:
                        values += 0.5
                    values.tofile(file)
        for place in range(config.names):
            weights = 1 / np.arange(1, 26)
            with (folder / side / f"name-{place}").open("wb") as file:
                for start in range(0, config.rows, _BLOCK):
                    many = min(_BLOCK, config.rows - start)
                    chance.choice(25, many, p=weights / weights.sum()).astype(np.uint8).tofile(file)


def _words(folder: Path, config: DriftBenchConfig, rows: int) -> list[str]:
    return [str(folder), str(config.numbers), str(config.names), str(rows)]


def _ours(folder: Path, config: DriftBenchConfig, rows: int) -> dict[str, Any]:
    run = run_whole([sys.executable, drift_run.__file__, *_words(folder, config, rows)])
    if run.code:
        raise BenchError(
            f"Our own run failed: {(run.err.strip().splitlines() or ['nothing'])[-1]}", next_step="Report this."
        )
    found: dict[str, Any] = json.loads(run.out)
    if found["drifting"] != ["number_0"]:
        raise BenchError(f"Said to drift are {found['drifting']}.", next_step="Report this: number_0 does, alone.")
    return {"name": "movie-mlops", "rows": rows, **found, "peak_memory_mib": run.peak_memory_mib}


def _evidently(folder: Path, config: DriftBenchConfig) -> dict[str, Any]:
    if config.evidently_python is None:
        raise BenchError("There is no Python with Evidently.", next_step=_NEXT_STEP)
    found = run_there(
        config.evidently_python,
        drift_rival.__file__,
        _words(folder, config, config.rival_rows),
        name="Evidently",
        next_step=_NEXT_STEP,
        patience_seconds=_PATIENCE_SECONDS,
    )
    return {
        "name": f"evidently {found['version']}",
        "rows": config.rival_rows,
        "live_seconds": found["seconds"],
        "peak_memory_mib": found["peak_memory_mib"],
        "drifting": found["drifting"],
    }
