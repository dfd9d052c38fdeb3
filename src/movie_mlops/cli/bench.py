"""``movie-mlops bench``."""

import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

_RATES = (100.0, 200.0)

FeastPython = Annotated[
    Path | None,
    typer.Option(
        "--feast-python",
        metavar="FILE",
        help="The Python of an environment that has Feast (default: .venv/feast, where setup_feast.sh made it).",
    ),
]
"""Where Feast is."""


class Model(StrEnum):
    """Whose weights are made up."""

    IALS = "ials"
    EASE = "ease"


@app.callback()
def bench() -> None:
    """Measure the platform on this machine."""


@app.command()
def serve(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each scenario runs.")] = 10.0,
    rate: Annotated[
        list[float] | None,
        typer.Option("--rate", min=0.1, help="Requests a second of an open loop; may be repeated (default: 100, 200)."),
    ] = None,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Connections of the open loops.")] = 16,
    catalogue: Annotated[
        Path | None,
        typer.Option("--catalogue", metavar="CSV", help="The films: movieId,title,genres (default: made up)."),
    ] = None,
    model: Annotated[Model, typer.Option("--model", help="Which model, with random weights.")] = Model.IALS,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="A bundle to serve instead, with its own weights.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/serve.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are live, personalised, explained answers? One server process, and a load that hides no stall."""
    from movie_mlops.bench import ServeBenchConfig, bench_serve
    from movie_mlops.cli import door, output, progress

    config = ServeBenchConfig(
        seconds=seconds,
        connections=connections,
        catalogue=catalogue,
        model=model.value,
        bundle=bundle,
        rates=tuple(rate or _RATES),
    )
    file = out or door.settings(home).home / "reports" / "benchmarks" / "serve.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_serve(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    output.print_rows([_row(scenario) for scenario in result["scenarios"]], as_json=False)
    typer.echo("")
    output.print_rows([_target(target) for target in result["targets"]], as_json=False)
    ratio = result["ratio_to_floor"]
    typer.echo(f"\nAn answer takes {ratio['p50']} times the framework's floor at p50, {ratio['p99']} times at p99.")
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def page(
    visits: Annotated[int, typer.Option("--visits", min=1, help="How many visitors of each kind come.")] = 20,
    films: Annotated[int, typer.Option("--films", min=100, help="How many films the catalogue has.")] = 27_278,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/page.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How soon does the page show its first answer? A real Chromium, a fresh profile for each visit."""
    from movie_mlops.bench import PageBenchConfig, bench_page
    from movie_mlops.cli import door, output, progress

    file = out or door.settings(home).home / "reports" / "benchmarks" / "page.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    config = PageBenchConfig(visits=visits, films=films)
    result = bench_page(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("p50", "p95", "max")
    rows = [{"visit": name, **{at: told[at] for at in shown}} for name, told in result["painted_ms"].items()]
    output.print_rows(rows, as_json=False)
    machine = result["machine"]
    typer.echo(f"\nLoad average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command("main-job")
def main_job(
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="OPTIONS", help="What to give 'movie-mlops run'; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/main-job.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long does the main job take, and how much memory? Whole processes, from a fresh home to the page."""
    from movie_mlops.bench import MainJobBenchConfig, bench_main_job
    from movie_mlops.cli import door, output, progress

    config = MainJobBenchConfig(runs=tuple(run)) if run else MainJobBenchConfig()
    file = out or door.settings(home).home / "reports" / "benchmarks" / "main-job.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_main_job(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("run", "rows", "candidate", "seconds_to_release", "peak_memory_mib", "seconds_again_to_page")
    output.print_rows([{name: row[name] for name in shown} for row in result["runs"]], as_json=False)
    typer.echo(f"\n'movie-mlops --help' takes {result['help_seconds']} s. Written: {file}")


@app.command()
def standard(
    files: Annotated[int, typer.Option("--files", min=2000, help="Files of the generated repository.")] = 20_000,
    folders: Annotated[int, typer.Option("--folders", min=50, help="Its folders.")] = 300,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender is timed.")] = 15,
    ls_lint: Annotated[
        Path | None, typer.Option("--ls-lint", metavar="PROGRAM", help="ls-lint (npm: @ls-lint/ls-lint), as a rival.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/standard.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast is 'standard check' on a large repository? Whole processes, in turn with ls-lint and git."""
    from movie_mlops.bench import StandardBenchConfig, bench_standard
    from movie_mlops.cli import door, output, progress

    config = StandardBenchConfig(files=files, folders=folders, runs=runs, ls_lint=ls_lint)
    file = out or door.settings(home).home / "reports" / "benchmarks" / "standard.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_standard(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    output.print_rows([{"contender": name, **row} for name, row in result["contenders"].items()], as_json=False)
    typer.echo("")
    output.print_rows(
        [{**target, "met": "met" if target["met"] else "missed"} for target in result["targets"]], as_json=False
    )
    typer.echo(f"\nRatios: {', '.join(f'{pair} {ratio}' for pair, ratio in result['ratios'].items())}. Written: {file}")


@app.command()
def features(
    rows: Annotated[int, typer.Option("--rows", min=1, help="Training rows.")] = 1_000_000,
    feature_rows: Annotated[
        int, typer.Option("--feature-rows", min=1, help="Feature rows, and interactions.")
    ] = 1_000_000,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is measured.")] = 3,
    feast_python: FeastPython = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/features.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast do training rows get their features, by both times? Beside Feast, where it is given."""
    from movie_mlops.bench import FeaturesBenchConfig, bench_features
    from movie_mlops.cli import door, output, progress

    folder = door.settings(home).home
    python = _feast(feast_python, folder)
    config = FeaturesBenchConfig(rows=rows, feature_rows=feature_rows, repeats=repeats, feast_python=python)
    file = out or folder / "reports" / "benchmarks" / "features.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_features(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("name", "median_seconds", "rows", "null_rows", "wrong_rows")
    output.print_rows([{name: runner[name] for name in shown} for runner in result["runners"]], as_json=False)
    for skipped in result["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}")
    for target in result["targets"]:
        verdict = "met" if target["met"] else "missed"
        typer.echo(
            f"\n{target['measured']} times as fast as {target['rival']}, at least {target['limit']:g}: {verdict}."
        )
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def ingest(
    rows: Annotated[int, typer.Option("--rows", min=1000, help="Ratings in the generated file.")] = 25_000_000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender has its turn.")] = 3,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/ingest.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast do ratings come in through the contract? Beside plain copies by polars, DuckDB and pandas."""
    from movie_mlops.bench import IngestBenchConfig, bench_ingest
    from movie_mlops.cli import door, output, progress

    config = IngestBenchConfig(rows=rows, bad_rows=min(1000, rows // 100), runs=runs)
    file = out or door.settings(home).home / "reports" / "benchmarks" / "ingest.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_ingest(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("seconds", "rows_per_second", "cpu_seconds", "peak_memory_mib", "bytes")
    for name, one in result["contenders"].items():
        if "skipped" in one:
            typer.echo(f"{name} is left out: {one['skipped']}.")
    measured = {name: one for name, one in result["contenders"].items() if "skipped" not in one}
    table = [{"contender": name, **{key: one[key] for key in shown}} for name, one in measured.items()]
    output.print_rows(table, as_json=False)
    for target in result["targets"]:
        verdict = "met" if target["met"] else "missed"
        typer.echo(f"{target['what']}: {target['measured']}, at most {target['limit']}: {verdict}")
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def online(
    users: Annotated[int, typer.Option("--users", min=100, help="How many users have rows.")] = 5_000,
    reads: Annotated[int, typer.Option("--reads", min=20, help="How often each read is measured.")] = 5_000,
    feast_python: FeastPython = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/online.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are rows and histories read from the online store? On SQLite and on Redis, beside Feast."""
    from movie_mlops.bench import OnlineBenchConfig, bench_online
    from movie_mlops.cli import door, output, progress

    folder = door.settings(home).home
    file = out or folder / "reports" / "benchmarks" / "online.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    config = OnlineBenchConfig(users=users, reads=reads, feast_python=_feast(feast_python, folder))
    result = bench_online(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    rows = [
        {"backend": run["backend"], "what": run["what"], **{f"{p} ms": run["milliseconds"][p] for p in ("p50", "p99")}}
        for run in result["runs"]
    ]
    output.print_rows(rows, as_json=False)
    for skipped in result["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}.")
    typer.echo("")
    shown = [{**target, "met": "met" if target["met"] else "missed"} for target in result["targets"]]
    output.print_rows(shown, as_json=False)
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def quality(
    folds: Annotated[
        Path | None,
        typer.Option("--folds", metavar="DIR", help="A folder with dataset.parquet and test_0.parquet, …"),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="NAME", help="A data set of the home, split by time; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/quality.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How good are the lists? On published folds, and on the future of data sets that were brought in."""
    from movie_mlops.bench import QualityBenchConfig, bench_quality
    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.features import known_feedback

    if folds is None and not dataset:
        raise ConfigurationError(
            "There is nothing to judge on.",
            next_step="Give --folds DIR, or --dataset NAME of what 'movie-mlops ingest' brought in.",
        )
    settings = door.settings(home)
    platform = door.platform_config(settings)
    histories = {name: known_feedback(door.lake(home, name), platform.feedback) for name in dataset or []}
    file = out or settings.home / "reports" / "benchmarks" / "quality.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    config = QualityBenchConfig(folds=folds, time_split=platform.time_split)
    result = bench_quality(config, histories, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    on_folds = [result["folds"]] if "folds" in result else []
    shown = ("mean", "interval", "times_ease", "seconds", "peak_memory_mib")
    for one in (*on_folds, *result["in time"]):
        typer.echo(f"{one.get('folder') or one.get('dataset')}, {result['metric']}:")
        rows = [
            {"recipe": name, **{key: row.get(key, "") for key in shown}, "folds": row.get("folds", "")}
            for name, row in one["models"].items()
        ]
        output.print_rows(rows, as_json=False)
        typer.echo("")
    _print_targets(result)
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def train(
    likes: Annotated[int, typer.Option("--likes", min=1000, help="Made-up likes to train on.")] = 20_000_000,
    users: Annotated[int, typer.Option("--users", min=100, help="Of so many users.")] = 140_000,
    films: Annotated[int, typer.Option("--films", min=50, help="For so many films.")] = 20_000,
    iterations: Annotated[int, typer.Option("--iterations", min=1, help="Of iALS and of implicit.")] = 15,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender has its turn.")] = 2,
    folds: Annotated[
        Path | None,
        typer.Option(
            "--folds", metavar="DIR", help="A folder of given folds: the models are trained on the first one."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/train.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long does training take, and how much memory? Beside LAPACK alone and the library implicit."""
    from movie_mlops.bench import TrainBenchConfig, bench_train
    from movie_mlops.cli import door, output, progress

    config = TrainBenchConfig(
        likes=likes,
        users=users,
        films=films,
        judged_users=min(2_000, users // 10),
        iterations=iterations,
        runs=runs,
        folds=folds,
    )
    file = out or door.settings(home).home / "reports" / "benchmarks" / "train.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_train(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("seconds", "cpu_seconds", "peak_memory_mib", "ndcg@10", "loss_per_user")
    for where in ("made up", "on the fold"):
        trained = {name: row for name, row in result[where].items() if "skipped" not in row}
        rows = [{where: name, **{key: row.get(key, "") for key in shown}} for name, row in trained.items()]
        output.print_rows(rows, as_json=False)
        typer.echo("")
    for name, row in result["made up"].items():
        if "skipped" in row:
            typer.echo(f"{name} is left out: {row['skipped']}.")
    _print_targets(result)
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


def _print_targets(result: Mapping[str, Any]) -> None:
    for target in result["targets"]:
        limit = f"at least {target['at_least']:g}" if "at_least" in target else f"at most {target['at_most']:g}"
        typer.echo(f"{target['what']}: {target['measured']}, {limit}: {'met' if target['met'] else 'missed'}")


@app.command()
def evaluate(
    users: Annotated[int, typer.Option("--users", min=1, help="How many users are judged.")] = 6_000,
    films: Annotated[int, typer.Option("--films", min=200, help="How many films are ranked for each.")] = 27_278,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is measured.")] = 3,
    rivals_python: Annotated[
        Path | None,
        typer.Option(
            "--rivals-python",
            metavar="FILE",
            help="The Python of an environment that has RecTools and ranx (default: .venv/rivals, by setup_rivals.sh).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/evaluate.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are models judged, from all scores to the metrics? Beside RecTools and ranx, with equal figures."""
    from movie_mlops.bench import EvaluateBenchConfig, bench_evaluate
    from movie_mlops.cli import door, output, progress

    folder = door.settings(home).home
    python = rivals_python or _made(folder, "rivals")
    config = EvaluateBenchConfig(users=users, films=films, repeats=repeats, rivals_python=python)
    file = out or folder / "reports" / "benchmarks" / "evaluate.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_evaluate(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    shown = ("name", "median_seconds", "of_that_ranking")
    output.print_rows([{name: run[name] for name in shown} for run in result["runs"]], as_json=False)
    for skipped in result["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}")
    for target in result["targets"]:
        verdict = "met" if target["met"] else "missed"
        typer.echo(
            f"\n{target['measured']} times as fast as {target['rival']} ({target['with_our_lists']} with our lists), "
            f"at least {target['limit']:g}: {verdict}."
        )
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


@app.command()
def search(
    films: Annotated[int, typer.Option("--films", min=100, help="How many films are made up.")] = 62_423,
    catalogue: Annotated[
        Path | None,
        typer.Option("--catalogue", metavar="CSV", help="The films: movieId,title,genres (default: made up)."),
    ] = None,
    queries: Annotated[int, typer.Option("--queries", min=10, help="How many queries of each kind.")] = 1000,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks/search.json).")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are films found by title, also with mistakes and in Korean? Beside SQLite's full-text search."""
    from movie_mlops.bench import SearchBenchConfig, bench_search
    from movie_mlops.cli import door, output, progress

    config = SearchBenchConfig(films=films, catalogue=catalogue, queries=queries)
    file = out or door.settings(home).home / "reports" / "benchmarks" / "search.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    result = bench_search(config, file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(result)
        return
    rows = [
        {
            "queries": run["queries"],
            "by": run["by"],
            **{f"{name} ms": f"{run['milliseconds'][name]:.2f}" for name in ("p50", "p99", "max")},
            "meant film in first ten": "" if (share := run["meant_film_in_first_ten"]) is None else f"{share:.1%}",
        }
        for run in result["runs"]
    ]
    output.print_rows(rows, as_json=False)
    for target in result["targets"]:
        verdict = "met" if target["met"] else "missed"
        typer.echo(f"{target['what']}: {target['measured']:.2f}, at most {target['at_most']:g}: {verdict}.")
    machine = result["machine"]
    typer.echo(f"Load average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


def _feast(given: Path | None, home: Path) -> Path | None:
    """Return Feast's Python: the one that was named, or the one that scripts/setup/setup_feast.sh makes."""
    return given or _made(home, "feast")


def _made(home: Path, name: str) -> Path | None:
    """Return the Python of an environment that scripts/setup makes, where it is there."""
    made = home / ".venv" / name / "bin" / "python"
    return made if made.is_file() else None


def _row(scenario: Mapping[str, Any]) -> dict[str, Any]:
    latency = scenario["latency_ms"]
    return {
        "scenario": scenario["name"],
        "requests": scenario["requests"],
        "per second": f"{scenario['answered_per_second']:,.0f}",
        **{f"{name} ms": f"{latency[name]:.2f}" for name in ("p50", "p95", "p99", "p99.9", "max")},
        "errors": sum(scenario["errors"].values()),
        "unanswered": scenario["unanswered"],
    }


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "target": f"{target['scenario']}, {target['what']}",
        "at most": f"{target['limit_ms']:g} ms",
        "measured": f"{target['measured_ms']:.2f} ms",
        "": "met" if target["met"] else "missed",
    }
