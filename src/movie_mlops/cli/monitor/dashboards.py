"""``movie-mlops monitor dashboards``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.generated import Check


def dashboards(
    folder: Annotated[Path | None, typer.Option("--out", help="The folder (default: the project's own).")] = None,
    check: Check = False,
    as_json: options.AsJson = False,
) -> None:
    """Write Grafana's dashboards from their declaration."""
    from movie_mlops.cli import generated
    from movie_mlops.monitoring.dashboards import DASHBOARDS, FOLDER, write_dashboard

    place = folder or Path(FOLDER)
    files = {place / f"{one.uid}.json": write_dashboard(one) for one in DASHBOARDS}
    generated.keep(files, check=check, as_json=as_json, again="movie-mlops monitor dashboards")
