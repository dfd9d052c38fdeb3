"""``movie-mlops monitor drift``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options


def drift(
    days: Annotated[
        float | None,
        typer.Option("--days", min=0.01, help="The window's last days (default: as many as the training window had)."),
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Of them the newest rows, so many at most.")] = None,
    answers: Annotated[
        int, typer.Option("--answers", min=1, help="So many first answers of the release are what later ones are like.")
    ] = 1_000,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Where to (default: reports/<data set>/drift.html)."),
    ] = None,
    evidently: Annotated[
        Path | None,
        typer.Option(
            "--evidently", metavar="FILE", help="Write Evidently's own report as well, where it is installed."
        ),
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell whether what comes in now is still what the champion was trained on.

    Users, what they say, the films they watch, the feature store's rows, and the answers of the release with the films
    in them, are compared with what was before. What counts as drift is in config/monitoring.yaml.
    """
    from movie_mlops.cli import door, output
    from movie_mlops.flows import drift as drifting

    command = "movie-mlops " + shlex.join(sys.argv[1:])
    config = door.drift(door.settings(home))
    asked = drifting.Asked(days=days, rows=rows, answers=answers)
    with door.platform(home, dataset) as platform:
        found = drifting.drift(platform, asked=asked, config=config, report=report, command=command)
        if evidently is not None:
            from movie_mlops.flows.evidently import write_evidently

            write_evidently(platform, found, evidently)
    if as_json:
        output.print_json(found.to_json())
        return
    typer.echo(found.verdict.sentence)
    if found.verdict.unjudged:
        typer.echo(f"{len(found.verdict.unjudged)} cannot be judged; the report says why.")
    if not asked.whole:
        typer.echo("This is a part of the window, so nothing is noted: readings and alerts stay as they are.")
    typer.echo(f"Report: {found.report}")
