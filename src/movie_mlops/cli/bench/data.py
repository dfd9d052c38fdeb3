"""How fast ratings come in, and features come out."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, own_python, table, verdict

FeastPython = Annotated[
    Path | None,
    typer.Option(
        "--feast-python",
        metavar="FILE",
        help="The Python of an environment that has Feast (default: .venv/feast, where setup_feast.sh made it).",
    ),
]
"""Where Feast is."""


def ingest(
    rows: Annotated[int, typer.Option("--rows", min=1000, help="Ratings in the generated file.")] = 25_000_000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender has its turn.")] = 3,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast do ratings come in through the contract? Beside plain copies by polars, DuckDB and pandas."""
    from movie_mlops.bench import IngestBenchConfig, bench_ingest

    config = IngestBenchConfig(rows=rows, bad_rows=min(1000, rows // 100), runs=runs)
    measure("ingest", partial(bench_ingest, config), _tell_copies, out=out, home=home, as_json=as_json)


def features(
    rows: Annotated[int, typer.Option("--rows", min=1, help="Training rows.")] = 1_000_000,
    feature_rows: Annotated[
        int, typer.Option("--feature-rows", min=1, help="Feature rows, and interactions.")
    ] = 1_000_000,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is measured.")] = 3,
    feast_python: FeastPython = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast do training rows get their features, by both times? Beside Feast, where it is given."""
    from movie_mlops.bench import FeaturesBenchConfig, bench_features

    python = own_python("feast", feast_python, home)
    config = FeaturesBenchConfig(rows=rows, feature_rows=feature_rows, repeats=repeats, feast_python=python)
    measure("features", partial(bench_features, config), _tell_joins, out=out, home=home, as_json=as_json)


def online(
    users: Annotated[int, typer.Option("--users", min=100, help="How many users have rows.")] = 5_000,
    reads: Annotated[int, typer.Option("--reads", min=20, help="How often each read is measured.")] = 5_000,
    feast_python: FeastPython = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are rows and histories read from the online store? On SQLite and on Redis, beside Feast."""
    from movie_mlops.bench import OnlineBenchConfig, bench_online

    config = OnlineBenchConfig(users=users, reads=reads, feast_python=own_python("feast", feast_python, home))
    measure("online", partial(bench_online, config), _tell_reads, out=out, home=home, as_json=as_json)


def spark(
    size: Annotated[
        list[int] | None,
        typer.Option("--size", min=2000, help="Interactions; may be repeated (default: 200 000, 1 and 5 million)."),
    ] = None,
    films: Annotated[int, typer.Option("--films", min=100, help="Films.")] = 5_000,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long do the local engine and Spark (config/spark.yaml) take for the same work? It is compared, too."""
    from movie_mlops.bench import EnginesBenchConfig, bench_engines
    from movie_mlops.cli import door

    sizes = tuple(size) if size else EnginesBenchConfig.sizes
    config = EnginesBenchConfig(sizes=sizes, films=films)
    settings = door.settings(home)
    cluster, java_home = door.spark(settings)
    bench = partial(bench_engines, config, cluster, java_home=java_home)
    measure("spark", bench, _tell_engines, out=out, home=home, as_json=as_json)


def _tell_engines(found: Found) -> None:
    table(found["runs"])
    setup = found["setup"]
    typer.echo(f"\n{setup['master']}, {setup['workers']} cores; it started in {setup['spark_start_seconds']} s.")


def _tell_copies(found: Found) -> None:
    shown = ("seconds", "rows_per_second", "cpu_seconds", "peak_memory_mib", "bytes")
    for name, one in found["contenders"].items():
        if "skipped" in one:
            typer.echo(f"{name} is left out: {one['skipped']}.")
    measured = {name: one for name, one in found["contenders"].items() if "skipped" not in one}
    table({"contender": name, **{key: one[key] for key in shown}} for name, one in measured.items())
    for target in found["targets"]:
        typer.echo(f"{target['what']}: {target['measured']}, at most {target['limit']}: {verdict(target)}")


def _tell_joins(found: Found) -> None:
    shown = ("name", "median_seconds", "rows", "null_rows", "wrong_rows")
    table({name: runner[name] for name in shown} for runner in found["runners"])
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}")
    for target in found["targets"]:
        typer.echo(
            f"\n{target['measured']} times as fast as {target['rival']}, at least {target['limit']:g}: "
            f"{verdict(target)}."
        )


def _tell_reads(found: Found) -> None:
    table(
        {"backend": run["backend"], "what": run["what"], **{f"{p} ms": run["milliseconds"][p] for p in ("p50", "p99")}}
        for run in found["runs"]
    )
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}.")
    typer.echo("")
    table({**target, "met": verdict(target)} for target in found["targets"])
