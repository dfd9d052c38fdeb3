"""How long the main job takes, and how much memory, as a user runs it: whole processes, from nothing to the page."""

import json
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from movie_mlops.bench.config import MainJobBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.whole_process import Run, run_whole
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.serving import bind

_PROGRAM: Final = (sys.executable, "-m", "movie_mlops")
_ADDRESS: Final = re.compile(r"http://[0-9.:]+")
_HELP_RUNS: Final = 15
_PATIENCE_SECONDS: Final = 600.0
_LOOK_EVERY_SECONDS: Final = 0.02


def bench_main_job(
    config: MainJobBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure the main job on each source: from a fresh home to a release, again to the page, and ``--help``.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A run failed, or its page never answered.
    """
    machine = machine_facts()
    runs = []
    with progress.task("Running the main job", len(config.runs) + 1, "runs") as advance:
        for words in config.runs:
            runs.append(_measured(words))
            advance(1)
        helped = [_done([*_PROGRAM, "--help"]).seconds for _ in range(_HELP_RUNS)]
        advance(1)
    return write_record(
        out, "main-job", command, machine, {"runs": runs, "help_seconds": round(statistics.median(helped), 3)}
    )


def _measured(words: str) -> dict[str, Any]:
    given = shlex.split(words)
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        run = [*_PROGRAM, "run", "--home", folder, *given]
        first = _done([*run, "--json"])
        document = json.loads(first.out)
        again = _done([*run, "--json"])
        page = _seconds_to_page([*run, "--serve", "--port", str(_free_port())])
    best = document["models"][document["candidate"]]["ndcg@10"]
    return {
        "run": words,
        "dataset": document["dataset"],
        "rows": document["rows"]["rows_read"],
        "candidate": document["candidate"],
        "ndcg@10": {name: round(value, 4) for name, value in best.items()},
        "release": document["release"]["action"],
        "seconds_to_release": round(first.seconds, 2),
        "peak_memory_mib": first.peak_memory_mib,
        "seconds_again": round(again.seconds, 2),
        "seconds_again_to_page": round(page, 2),
        "seconds_by_step": {step["name"]: step["seconds"] for step in document["steps"]},
    }


def _done(command: Sequence[str]) -> Run:
    """Run to the end.

    Raises:
        BenchError: It failed.
    """
    run = run_whole(command)
    if run.code:
        raise BenchError(
            f"'{shlex.join(command[1:])}' failed: {run.err.strip()[-500:]}",
            next_step="Make the run work by hand, then measure it.",
        )
    return run


def _seconds_to_page(command: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        log = Path(folder) / "log"
        begun = time.perf_counter()
        with log.open("wb") as told, subprocess.Popen(command, stdout=told, stderr=told) as process:  # noqa: S603 - our own program
            try:
                while time.perf_counter() - begun < _PATIENCE_SECONDS and process.poll() is None:
                    address = _ADDRESS.search(log.read_text(encoding="utf-8", errors="replace"))
                    if address and _answers(address[0]):
                        return time.perf_counter() - begun
                    time.sleep(_LOOK_EVERY_SECONDS)
            finally:
                process.send_signal(signal.SIGTERM)
        said = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
    raise BenchError(f"The page never answered: {said}", next_step="Start it by hand: movie-mlops run --serve")


def _free_port() -> int:
    with bind("127.0.0.1", 0) as bound:
        port: int = bound.getsockname()[1]
    return port


def _answers(address: str) -> bool:
    try:
        with urlopen(address + "/") as page:  # noqa: S310 - the address that our own server printed
            return bool(page.status == 200)  # noqa: PLR2004 - HTTP's "OK"
    except URLError:
        return False
