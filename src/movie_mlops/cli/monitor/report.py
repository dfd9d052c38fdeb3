"""``movie-mlops monitor report``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.monitor.quality import Horizon


def report(
    days: Annotated[
        float, typer.Option("--days", help="So many days of final answers, and what happened meanwhile.")
    ] = 7.0,
    horizon: Horizon = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Where to (default: reports/<data set>/online-quality.html)."),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="A few lines for a chat as well.")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write the report of a week as a page: online quality, guardrails, freshness, drift, releases, incidents."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.core import report_page
    from movie_mlops.flows.online_quality import online_quality, with_window
    from movie_mlops.flows.quality_report import surroundings
    from movie_mlops.monitoring.quality.report import markdown as for_chat
    from movie_mlops.monitoring.quality.report import write_report

    config = with_window(door.quality(door.settings(home)), days, horizon)
    with (
        door.platform(home, dataset) as platform,
        door.journaled("monitor report", platform.workspace, platform.lake),
    ):
        found = online_quality(platform, config, progress=progress.listener())
        around = surroundings(platform, found.since, command="movie-mlops " + shlex.join(sys.argv[1:]))
        page = html or platform.workspace.reports / "online-quality.html"
    write_report(page, found, around)
    text = for_chat(found, around)
    if markdown is not None:
        report_page.write_whole(markdown, text)
    if as_json:
        output.print_json({"report": str(page), "markdown": text, "quality": found.to_json()})
        return
    typer.echo(text)
    typer.echo(f"Report: {page}")
