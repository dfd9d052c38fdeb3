"""A load test: the simulation's people on a server, in an open loop, timed from when each request was due."""

import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Outcome, Plan, drive_apart
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.bench.serve.measuring import ask
from movie_mlops.bench.serve.process import resident_mb, serving
from movie_mlops.bench.serve.stage import set_stage
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.bench.traffic.arrivals import arrivals
from movie_mlops.bench.traffic.config import LoadBenchConfig
from movie_mlops.bench.traffic.people import People
from movie_mlops.bench.traffic.told import histogram, over_time, write_plot
from movie_mlops.core import report_page
from movie_mlops.core.progress import SILENT, Progress

_HOST: Final = "127.0.0.1"
_GOOD: Final = (200, 201)
_WARM: Final = 200
_LOOK_SECONDS: Final = 0.5
_MOST_LOOKS: Final = 600
_PAGE: Final = 100
_NEARLY: Final = 0.9


class _Target(NamedTuple):
    """A server, who and what it knows, and its process where it is ours."""

    host: str
    port: int
    movie_ids: Sequence[int]
    user_ids: Sequence[str]
    pid: int | None


def bench_load(config: LoadBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT) -> dict[str, Any]:
    """Put a load on a server and write what became of it to a file; a histogram and a drawing lie beside it.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The server does not answer, or has no films; or the histogram cannot be written.
        MovieMlopsError: A bundle cannot be used.
    """
    if find_spec("hdrh") is None:
        raise BenchError(
            "hdrhistogram is not installed.", next_step="Install the extra: pip install movie-mlops[bench]"
        )
    machine = machine_facts()
    due = arrivals(config)
    if not len(due):
        raise BenchError(
            "Nobody comes in so short a time at so low a rate.", next_step="Give a higher rate or more time."
        )
    with _served(config, progress) as target:
        kinds, script = People(config, target.movie_ids, target.user_ids).requests(len(due), target.host)
        if target.pid is not None:
            _warm(target, script)
        plan = Plan(
            target.host,
            target.port,
            (),
            config.seconds,
            connections=config.connections,
            patience_seconds=config.patience_seconds,
            may_refuse=True,
            due=tuple(due.tolist()),
            script=script,
            good=_GOOD,
        )
        outcome, memory = _driven(plan, target.pid, config, progress)
    rows = over_time(outcome, config.seconds)
    files = {"histogram": out.with_name(f"{out.stem}.hgrm"), "plot": out.with_name(f"{out.stem}.svg")}
    report_page.write_whole(files["histogram"], histogram(outcome.latency_ms))
    write_plot(files["plot"], rows, outcome.latency_ms)
    return write_record(
        out,
        "load",
        command,
        machine,
        {
            "setup": {
                "profile": config.profile,
                "rate": config.rate,
                "to": None if config.profile == "soak" else config.to,
                "steps": config.steps if config.profile == "step" else None,
                "seconds": config.seconds,
                "connections": config.connections,
                "people": config.users,
                "films": len(target.movie_ids),
                "server": "started here" if config.host is None else "given",
                "freeze_seconds": config.freeze_seconds,
                "asked": dict(sorted(Counter(kinds).items())),
                "seed": config.seed,
            },
            "due": len(due),
            "requests": outcome.requests,
            "refused": len(outcome.refused_ms),
            "unanswered": outcome.unanswered,
            "errors": outcome.errors,
            "seconds": round(outcome.seconds, 3),
            "answered_per_second": round((outcome.requests - outcome.unanswered) / outcome.seconds, 1),
            "latency_ms": summary(outcome.latency_ms),
            "service_ms": summary(outcome.service_ms),
            "over_time": rows,
            "memory_mb": memory,
            **{name: file.name for name, file in files.items()},
            "targets": _targets(outcome, config),
        },
    )


@contextmanager
def _served(config: LoadBenchConfig, progress: Progress) -> Iterator[_Target]:
    if config.host is not None:
        yield _Target(config.host, config.port, _films(config.host, config.port, config.films), (), None)
        return
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        made = StageConfig(films=config.films, users=config.users, bundle=config.bundle, seed=config.seed)
        stage = set_stage(Path(folder), made, progress)
        with serving(stage.workspace) as served:
            yield _Target(_HOST, served.port, stage.movie_ids.tolist(), stage.user_ids, served.pid)


def _films(host: str, port: int, most: int) -> list[int]:
    """Return films of a server, as its search lists them.

    Raises:
        BenchError: It does not answer so, or has none.
    """
    found: list[int] = []
    try:
        while len(found) < most:
            page = ask(port, f"/v1/movies?k={_PAGE}&offset={len(found)}", host)["items"]
            found += [film["movie_id"] for film in page]
            if len(page) < _PAGE:
                break
    except (OSError, ValueError, KeyError) as error:
        raise BenchError(
            f"The server at {host}:{port} does not list its films ({error}).",
            next_step="Start it (movie-mlops serve), and give its address without a path: --url http://127.0.0.1:8000",
        ) from error
    if not found:
        raise BenchError(f"The server at {host}:{port} has no films.", next_step="Run the main job: movie-mlops run")
    return found[:most]


def _warm(target: _Target, script: Sequence[bytes]) -> None:
    """Have our server answer what only asks, so that what it makes for itself once is not measured."""
    asking = tuple(line for line in script if line.startswith(b"GET "))[:_WARM]
    plan = Plan(target.host, target.port, (), 60.0, script=asking, due=tuple(0.001 * n for n in range(len(asking))))
    drive_apart(plan)


def _driven(
    plan: Plan, pid: int | None, config: LoadBenchConfig, progress: Progress
) -> tuple[Outcome, list[dict[str, float]] | None]:
    """Put the load on; meanwhile look at the memory of our server, and stop it for a while where that is asked for."""
    if pid is None:
        return drive_apart(plan, progress), None
    done, looks = threading.Event(), list[dict[str, float]]()
    every = max(_LOOK_SECONDS, config.seconds / _MOST_LOOKS)

    def look() -> None:
        at = 0.0
        while not done.wait(every):
            at += every
            looks.append({"at_seconds": round(at, 2), "memory_mb": resident_mb(pid)})

    def freeze() -> None:
        if done.wait(config.seconds / 2):
            return
        os.kill(pid, signal.SIGSTOP)
        try:
            done.wait(config.freeze_seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    threads = [threading.Thread(target=work) for work in ((look, freeze) if config.freeze_seconds else (look,))]
    for thread in threads:
        thread.start()
    try:
        outcome = drive_apart(plan, progress)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return outcome, looks


def _targets(outcome: Outcome, config: LoadBenchConfig) -> list[dict[str, Any]]:
    latency = summary(outcome.latency_ms) or {"p99": 0.0, "max": 0.0}
    sound = [
        at_least("requests that were answered or waited for", 1, outcome.requests),
        at_most("answers that were wrong", 0, sum(outcome.errors.values())),
        at_most("requests without an answer", 0, outcome.unanswered),
    ]
    if config.freeze_seconds:
        least = round(1000 * _NEARLY * config.freeze_seconds, 1)
        return [*sound, at_least("the slowest request, ms: the freeze shows", least, latency["max"])]
    return [*sound, at_most("p99 from when a request was due, ms", config.p99_ms, latency["p99"])]
