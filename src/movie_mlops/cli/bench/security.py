"""What access and pseudonyms cost, and whether users who are nobody are found."""

from functools import partial
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, tell_limits


def security(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each turn lasts.")] = 0.5,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each way has its turn.")] = 30,
    users: Annotated[int, typer.Option("--users", min=1, help="How many users have a history.")] = 1_200,
    films: Annotated[int, typer.Option("--films", min=100, help="How many films the catalogue has.")] = 27_278,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="How many different tokens come.")] = 5_000,
    rows: Annotated[int, typer.Option("--rows", min=1000, help="Ratings to bring in.")] = 5_000_000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often, with and without.")] = 5,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """What does an API key or a token add to an answer, and what do pseudonyms and seals to a load? In turns."""
    from movie_mlops.bench import IngestBenchConfig, SecurityBenchConfig, StageConfig, bench_security

    ingest = IngestBenchConfig(rows=rows, bad_rows=min(1000, rows // 100), runs=runs)
    stage = StageConfig(users=users, films=films)
    config = SecurityBenchConfig(stage=stage, rounds=rounds, seconds=seconds, tokens=tokens, ingest=ingest)
    measure("security", partial(bench_security, config), _tell, out=out, home=home, as_json=as_json)


def shilling(
    dataset: options.Dataset = None,
    targets: Annotated[int, typer.Option("--targets", min=1, help="How many rare films are pushed.")] = 4,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How many invented users are found in a data set? And how many real ones are told with them, by kind and share."""
    from movie_mlops.bench import ShillingBenchConfig, bench_shilling
    from movie_mlops.cli import door
    from movie_mlops.flows.features import known_feedback

    lake = door.lake(home, dataset)
    feedback = known_feedback(lake, door.platform_config(door.settings(home)).feedback)
    bench = partial(bench_shilling, ShillingBenchConfig(targets=targets), feedback)
    measure("shilling", bench, _tell_found, out=out, home=home, as_json=as_json)


def _tell_found(found: Found) -> None:
    table(found["rows"])
    clean = found["without_an_attack"]
    typer.echo(f"Without an attack {clean['users']:,} users at {clean['films']:,} films were told.")


def _tell(found: Found) -> None:
    table(
        {
            "way": one["name"],
            "requests": one["requests"],
            **{f"{name} ms": f"{one['latency_ms'][name]:.3f}" for name in ("p50", "p95", "p99")},
            "added at p50": f"{found['added_p50_ms'].get(one['name'], 0):+.3f}",
            "server works ms": f"{one['cpu_ms']:.3f}",
            "errors": sum(one["errors"].values()),
        }
        for one in found["scenarios"]
    )
    loads = found["ingest"]["contenders"]
    table({"load": name, "seconds": one["seconds"], "cpu s": one["cpu_seconds"]} for name, one in loads.items())
    tell_limits(found)
