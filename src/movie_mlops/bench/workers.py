"""How much more several server processes answer than one, behind nginx; whether they answer the same; their memory."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from movie_mlops.bench.balancer import balancing, find_nginx
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Plan, drive_apart
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.bench.serve.measuring import EXPLAINED, HOST, PERSONALISED, ask, stage_setup
from movie_mlops.bench.serve.process import Served, serving
from movie_mlops.bench.serve.stage import set_stage
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core import report_page
from movie_mlops.core.progress import SILENT, Progress

_COMPARED: Final = 30
_OWN: Final = ("recommendation_id",)
_MB: Final = 1e6


@dataclass(frozen=True)
class WorkersBenchConfig:
    """The benchmark of several processes.

    Attributes:
        most: Measured are one process, two, and so on up to this many.
        seconds: How long each load lasts.
        rounds: How often each number has its turn; medians count.
        connections: How many connections ask, each again as soon as it is answered.
        stage: What the servers stand on.

    Raises:
        BenchError: A number is out of range.
    """

    most: int = 4
    seconds: float = 5.0
    rounds: int = 3
    connections: int = 16
    stage: StageConfig = field(default_factory=StageConfig)

    def __post_init__(self) -> None:
        for name in ("most", "seconds", "rounds", "connections"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")


def bench_workers(
    config: WorkersBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure one server process after the other until there are all; write what was found to a file, and a drawing.

    All processes are on this machine, over one home with its state in SQLite; who asks and nginx share the cores.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: nginx is not there, or a server does not start.
    """
    find_nginx()
    machine, curve = machine_facts(), []
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name, ExitStack() as running:
        folder = Path(name)
        stage = set_stage(folder / "home", config.stage, progress)
        paths = tuple(f"/v1/users/{user}/recommendations?k={config.stage.k}" for user in stage.user_ids)
        servers: list[Served] = []
        first: list[dict[str, Any]] = []
        with progress.task("Measuring", config.most, "processes") as advance:
            for many in range(1, config.most + 1):
                servers.append(running.enter_context(serving(stage.workspace)))
                with balancing(folder / f"nginx-{many}", [server.port for server in servers]) as port:
                    told = [[_answer(server.port, path) for path in paths[:_COMPARED]] for server in servers]
                    first = first or told[0]
                    row = {"processes": many, **_loaded(config, port, paths)}
                    row["answers_that_differ"] = sum(answers != first for answers in told)
                    curve.append({**row, **_memory(servers)})
                advance(1)
        setup = {**stage_setup(config.stage, stage), "server_processes": config.most}
    for row in curve:
        row["times_one"] = round(row["answered_per_second"] / curve[0]["answered_per_second"], 3)
    plot = out.with_name(f"{out.stem}.svg")
    _draw(plot, curve)
    found = {
        "setup": {**setup, "seconds": config.seconds, "rounds": config.rounds, "connections": config.connections},
        "shared": "The servers, nginx and who asks share the machine's cores.",
        "compared": _COMPARED,
        "curve": curve,
        "plot": plot.name,
        "targets": targets_of(curve),
    }
    return write_record(out, "workers", command, machine, found)


def _answer(port: int, path: str) -> dict[str, Any]:
    return {name: value for name, value in ask(port, path).items() if name not in _OWN}


def _loaded(config: WorkersBenchConfig, port: int, paths: Sequence[str]) -> dict[str, Any]:
    rates, latencies, errors, refused = [], [], Counter[str](), 0
    for turn in range(config.rounds + 1):
        plan = Plan(
            HOST,
            port,
            tuple(paths),
            config.seconds,
            connections=config.connections,
            markers=(PERSONALISED, EXPLAINED),
            may_refuse=True,
            first=turn * len(paths) // 2,
        )
        outcome = drive_apart(plan)
        if turn:
            # The first turn warms what is new.
            rates.append((outcome.requests - outcome.unanswered) / outcome.seconds)
            latencies.append(summary(outcome.latency_ms) or {})
            refused += len(outcome.refused_ms)
            errors.update(outcome.errors)
            errors.update({"unanswered": outcome.unanswered} if outcome.unanswered else {})
    return {
        "answered_per_second": round(median(rates), 1),
        "per_second_of_rounds": [round(rate, 1) for rate in rates],
        "latency_ms": {name: round(median(one[name] for one in latencies), 3) for name in ("p50", "p95", "p99")},
        "refused": refused,
        "errors": dict(errors),
    }


def _memory(servers: Sequence[Served]) -> dict[str, float]:
    """Return what all hold together with shared pages counted once, and what they hold that they share with none."""
    fields = [_rollup(server.pid) for server in servers]
    return {
        "memory_mb": round(sum(one["Pss"] for one in fields) / _MB, 1),
        "of_that_private_mb": round(sum(one["Private_Clean"] + one["Private_Dirty"] for one in fields) / _MB, 1),
    }


def _rollup(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}


def targets_of(curve: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what was aimed at and what came of it.

    Args:
        curve: Each number of processes with its figures.
    """
    targets = [
        at_most("processes whose answers differ", 0, sum(row["answers_that_differ"] for row in curve)),
        at_most("requests that failed", 0, sum(sum(row["errors"].values()) for row in curve)),
    ]
    if len(curve) > 1:
        one, last = curve[0]["memory_mb"], curve[-1]["memory_mb"] / len(curve)
        targets.append(at_least("memory of one alone, by that of each of them all", 1.0, round(one / last, 3)))
    return targets


def _draw(path: Path, curve: Sequence[Mapping[str, Any]]) -> None:
    import altair as alt  # noqa: PLC0415 (heavy)

    from movie_mlops.evaluation.plots import drawn  # noqa: PLC0415 (beside what it needs)

    rows = [{"processes": row["processes"], "rate": row["answered_per_second"]} for row in curve]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(color="var(--c0)", point={"size": 30, "color": "var(--c0)"})
        .encode(
            x=alt.X("processes:O", title="server processes", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("rate:Q", title="answers a second", scale=alt.Scale(zero=True)),
        )
        .properties(width=420, height=200)
    )
    report_page.write_whole(path, report_page.standalone(drawn(chart)))
