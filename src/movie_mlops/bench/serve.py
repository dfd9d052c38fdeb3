"""How fast the API answers: the real server in its own process, the load in another."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from movie_mlops.bench.config import ServeBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Outcome, Plan, drive_apart
from movie_mlops.bench.machine import load_average, machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.process import serving
from movie_mlops.bench.record import write_whole
from movie_mlops.bench.stage import Stage, set_stage
from movie_mlops.core import clock
from movie_mlops.core.digests import file_digest
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.flows.provenance import code_commit

_FORMAT: Final = 1
_HOST: Final = "127.0.0.1"
_FLOOR: Final = "/healthz"
_MARKERS: Final = (b'"source":"personalised"', b'"because":[{')
_CHECKED_USERS: Final = 20


def bench_serve(
    config: ServeBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure live personalised answers with their reasons, and write what was found to a file.

    The scenarios: ``/healthz`` over one connection, which is what the framework alone takes; recommendations over one
    connection, the next as soon as the last is answered; recommendations at each rate over several connections.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The answers are not personalised, not as many as were asked for, or without reasons.
        MovieMlopsError: The catalogue or the bundle cannot be used.
    """
    machine, at = machine_facts(), clock.to_iso(clock.now())
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        stage = set_stage(Path(folder), config, progress)
        with serving(stage.workspace) as port:
            paths = tuple(f"/v1/users/{user}/recommendations?k={config.k}" for user in stage.user_ids)
            checked = _check_answers(port, paths[:_CHECKED_USERS], config.k)
            scenarios = _scenarios(config, port, paths, progress)
    machine["load_average_after"] = load_average()
    closed, floor = scenarios[1]["latency_ms"], scenarios[0]["latency_ms"]
    result = {
        "format": _FORMAT,
        "benchmark": "serve",
        "at": at,
        "command": command,
        "code_commit": code_commit(),
        "machine": machine,
        "setup": _setup(config, stage),
        "checked": checked,
        "scenarios": scenarios,
        "ratio_to_floor": {name: round(closed[name] / floor[name], 2) for name in ("p50", "p99")},
        "targets": [
            _target(scenarios[1], "p50", config.p50_ms),
            _target(scenarios[1], "p99", config.p99_ms),
        ],
    }
    write_whole(out, result)
    return result


def _scenarios(config: ServeBenchConfig, port: int, paths: tuple[str, ...], progress: Progress) -> list[dict[str, Any]]:
    def run(name: str, title: str, plan: Plan) -> dict[str, Any]:
        return _described(name, plan, drive_apart(plan, progress, title))

    def asking(seconds: float, rate: float | None = None, connections: int = 1) -> Plan:
        return Plan(_HOST, port, paths, seconds, rate, connections, _MARKERS, config.patience_seconds)

    run("warm-up", "Warming up", asking(config.warm_up_seconds))
    floor = Plan(_HOST, port, (_FLOOR,), config.seconds, patience_seconds=config.patience_seconds)
    return [
        run("floor", "The framework's floor", floor),
        run("one-connection", "One connection", asking(config.seconds)),
        *(
            run(f"open-{rate:g}", f"{rate:g} requests a second", asking(config.seconds, rate, config.connections))
            for rate in config.rates
        ),
    ]


def _described(name: str, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {
        "name": name,
        "path": _FLOOR if plan.paths == (_FLOOR,) else "/v1/users/{user_id}/recommendations",
        "loop": "closed" if plan.rate is None else "open",
        "rate": plan.rate,
        "connections": plan.connections,
        "seconds": round(outcome.seconds, 3),
        "requests": outcome.requests,
        "answered_per_second": round((outcome.requests - outcome.unanswered) / outcome.seconds, 1),
        "errors": outcome.errors,
        "unanswered": outcome.unanswered,
        "latency_ms": summary(outcome.latency_ms),
        "service_ms": summary(outcome.service_ms),
    }


def _target(scenario: Mapping[str, Any], name: str, limit: float) -> dict[str, Any]:
    measured = scenario["latency_ms"][name]
    sound = not scenario["errors"] and not scenario["unanswered"]
    return {
        "scenario": scenario["name"],
        "what": name,
        "limit_ms": limit,
        "measured_ms": measured,
        "met": sound and measured <= limit,
    }


def _setup(config: ServeBenchConfig, stage: Stage) -> dict[str, Any]:
    catalogue = config.catalogue
    return {
        "model": stage.model,
        "factors": config.factors if config.bundle is None and stage.model == "ials" else None,
        "weights": "random" if config.bundle is None else "given",
        "bundle_id": stage.bundle_id,
        "catalogue": "made up" if catalogue is None else {"file": catalogue.name, "sha256": file_digest(catalogue)},
        "films": stage.films,
        "users": config.users,
        "history": config.history,
        "k": config.k,
        "explain": True,
        "server_processes": 1,
        "seed": config.seed,
    }


def _check_answers(port: int, paths: tuple[str, ...], k: int) -> dict[str, Any]:
    """Make sure that what will be measured is what it should be: live, personal, complete, explained."""
    explained = 0
    for path in paths:
        with urlopen(f"http://{_HOST}:{port}{path}") as answer:
            document = json.load(answer)
        items = document["items"]
        reasons = sum(item["reason"] is not None for item in items)
        if document["source"] != "personalised" or len(items) != k or not reasons:
            raise BenchError(
                f"The answer to {path} is {document['source']}, with {len(items)} films and {reasons} reasons"
                f" ({document['note'] or 'without a note'}).",
                next_step="Give a bundle that is personalised and explains, and the catalogue that belongs to it.",
            )
        explained += reasons
    return {"answers": len(paths), "films_each": k, "films_with_a_reason": explained}
