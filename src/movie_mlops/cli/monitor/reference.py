"""``movie-mlops monitor reference``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options


def reference(
    path: Annotated[
        Path | None, typer.Argument(help="Where to write it (default: its place in the project around you).")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where the file is not up to date.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the reference of all metrics from their declarations."""
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.reference import reference_text
    from movie_mlops.monitoring import REFERENCE

    meant, text = path or Path(REFERENCE), reference_text()
    if check:
        if not meant.is_file() or meant.read_text("utf-8") != text:
            raise ConfigurationError(
                f"{meant} is not what the metrics declare.", next_step="Write it again: movie-mlops monitor reference"
            )
        _tell(meant, "is up to date", as_json=as_json)
        return
    if not meant.parent.is_dir():
        raise ConfigurationError(
            f"There is no folder {meant.parent}.", next_step="Go to the root of the project, or name another file."
        )
    meant.write_text(text, "utf-8")
    _tell(meant, "was written", as_json=as_json)


def _tell(path: Path, what: str, *, as_json: bool) -> None:
    from movie_mlops.cli import output

    if as_json:
        output.print_json({"path": str(path), "outcome": what})
    else:
        typer.echo(f"{path} {what}.")
