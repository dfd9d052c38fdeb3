"""``movie-mlops monitor dashboards``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options


def dashboards(
    folder: Annotated[Path | None, typer.Option("--out", help="The folder (default: the project's own).")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where a file is not what would be written.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write Grafana's dashboards from their declaration."""
    from movie_mlops.cli import output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.monitoring.dashboards import DASHBOARDS, FOLDER, write_dashboard

    place, written = folder or Path(FOLDER), list[str]()
    for dashboard in DASHBOARDS:
        path, meant = place / f"{dashboard.uid}.json", write_dashboard(dashboard)
        if path.exists() and path.read_text() == meant:
            continue
        if check:
            raise ConfigurationError(
                f"{path} is not what is declared.", next_step="Write it again: movie-mlops monitor dashboards"
            )
        place.mkdir(parents=True, exist_ok=True)
        path.write_text(meant)
        written.append(str(path))
    if as_json:
        output.print_json({"written": written})
        return
    for file in written:
        typer.echo(f"Wrote {file}.")
