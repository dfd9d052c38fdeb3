"""What a server bears."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, tell_limits


def load(
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="soak, ramp or step.")] = "soak",
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Requests a second, at the beginning.")] = 50.0,
    to: Annotated[float, typer.Option("--to", min=0.1, help="At the end of a ramp, or on the last step.")] = 200.0,
    steps: Annotated[int, typer.Option("--steps", min=1, help="How many levels 'step' has.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="For how long.")] = 30.0,
    connections: Annotated[int, typer.Option("--connections", min=1, help="How many connections there are.")] = 32,
    users: Annotated[int, typer.Option("--users", min=2, help="How many people ask.")] = 1_200,
    films: Annotated[int, typer.Option("--films", min=60, max=500, help="How many films they know.")] = 500,
    freeze: Annotated[float, typer.Option("--freeze", min=0, help="Stop the server for so many seconds midway.")] = 0.0,
    p99: Annotated[float, typer.Option("--p99", min=0.1, metavar="MS", help="The target for 99 of 100.")] = 100.0,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="A server that runs, over plain HTTP; nothing is told to it (default: one of its own)."
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="A bundle that the server of its own serves.")
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """What do people feel when so many of them come? In an open loop, timed from when each request was due."""
    from typing import cast
    from urllib.parse import urlsplit

    from movie_mlops.bench import BenchError, LoadBenchConfig, bench_load
    from movie_mlops.bench.traffic import Profile

    where = urlsplit(url or "http://unused:1")
    if where.scheme != "http" or where.hostname is None or where.path not in {"", "/"}:
        raise BenchError(f"{url} is no address of a server.", next_step="Give one such as http://127.0.0.1:8000")
    config = LoadBenchConfig(
        profile=cast("Profile", profile),
        rate=rate,
        to=to,
        steps=steps,
        seconds=seconds,
        connections=connections,
        users=users,
        films=films,
        freeze_seconds=freeze,
        p99_ms=p99,
        bundle=bundle,
        host=None if url is None else where.hostname,
        port=where.port or 80,
    )
    measure("load", partial(bench_load, config), _tell, out=out, home=home, as_json=as_json)


def workers(
    most: Annotated[int, typer.Option("--most", min=1, max=64, help="From one process to so many.")] = 4,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each load lasts.")] = 5.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each number has its turn.")] = 3,
    connections: Annotated[int, typer.Option("--connections", min=1, help="How many connections ask.")] = 16,
    films: Annotated[int, typer.Option("--films", min=100, help="How many films the catalogue has.")] = 27_278,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How much more do several server processes answer than one, behind nginx? What they say is compared, too."""
    from movie_mlops.bench import StageConfig, WorkersBenchConfig, bench_workers

    stage = StageConfig(films=films)
    config = WorkersBenchConfig(most=most, seconds=seconds, rounds=rounds, connections=connections, stage=stage)
    measure("workers", partial(bench_workers, config), _tell_curve, out=out, home=home, as_json=as_json)


def _tell_curve(found: Found) -> None:
    table(
        {
            "processes": row["processes"],
            "answers a second": f"{row['answered_per_second']:,.1f}",
            "times one": f"{row['times_one']:.2f}",
            **{f"{name} ms": f"{value:.1f}" for name, value in row["latency_ms"].items()},
            "memory MB": f"{row['memory_mb']:.0f}",
            "of that private": f"{row['of_that_private_mb']:.0f}",
            "refused": row["refused"],
            "errors": sum(row["errors"].values()),
            "differ": row["answers_that_differ"],
        }
        for row in found["curve"]
    )
    tell_limits(found)


def _tell(found: Found) -> None:
    table(found["over_time"])
    asked = ", ".join(f"{count:,} {kind}" for kind, count in found["setup"]["asked"].items())
    typer.echo(f"\n{found['due']:,} requests were due ({asked}), {found['refused']:,} of them refused with 503.")
    for name, title in (("latency_ms", "From when due"), ("service_ms", "From when sent")):
        figures = found[name] or {}
        typer.echo(f"{title}: " + ", ".join(f"{share} {value:.1f} ms" for share, value in figures.items()))
    for problem, count in found["errors"].items():
        typer.echo(f"{count:,} times: {problem}")
    tell_limits(found)
