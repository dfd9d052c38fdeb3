"""How fast the whole is: the main job, and the standard on a large repository."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, verdict


def main_job(
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="OPTIONS", help="What to give 'movie-mlops run'; may be repeated."),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long does the main job take, and how much memory? Whole processes, from a fresh home to the page."""
    from movie_mlops.bench import MainJobBenchConfig, bench_main_job

    config = MainJobBenchConfig(runs=tuple(run)) if run else MainJobBenchConfig()
    measure("main-job", partial(bench_main_job, config), _tell_runs, out=out, home=home, as_json=as_json)


def standard(
    files: Annotated[int, typer.Option("--files", min=2000, help="Files of the generated repository.")] = 20_000,
    folders: Annotated[int, typer.Option("--folders", min=50, help="Its folders.")] = 300,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender is timed.")] = 15,
    ls_lint: Annotated[
        Path | None, typer.Option("--ls-lint", metavar="PROGRAM", help="ls-lint (npm: @ls-lint/ls-lint), as a rival.")
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast is 'standard check' on a large repository? Whole processes, in turn with ls-lint and git."""
    from movie_mlops.bench import StandardBenchConfig, bench_standard

    config = StandardBenchConfig(files=files, folders=folders, runs=runs, ls_lint=ls_lint)
    measure("standard", partial(bench_standard, config), _tell_checks, out=out, home=home, as_json=as_json)


def _tell_runs(found: Found) -> None:
    shown = ("run", "rows", "candidate", "seconds_to_release", "peak_memory_mib", "seconds_again_to_page")
    table({name: row[name] for name in shown} for row in found["runs"])
    typer.echo(f"\n'movie-mlops --help' takes {found['help_seconds']} s.")


def _tell_checks(found: Found) -> None:
    table({"contender": name, **row} for name, row in found["contenders"].items())
    typer.echo("")
    table({**target, "met": verdict(target)} for target in found["targets"])
    typer.echo(f"\nRatios: {', '.join(f'{pair} {ratio}' for pair, ratio in found['ratios'].items())}.")
