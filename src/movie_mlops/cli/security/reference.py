"""``movie-mlops security reference``."""

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
    """Write the table of who may use which route, from the policy that the server goes by."""
    from movie_mlops.cli import output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.security import REFERENCE, matrix, reference_text

    if as_json:
        output.print_json(matrix())
        return
    meant, text = path or Path(REFERENCE), reference_text()
    if check:
        if not meant.is_file() or meant.read_text("utf-8") != text:
            raise ConfigurationError(
                f"{meant} is not what the policy says.", next_step="Write it again: movie-mlops security reference"
            )
        typer.echo(f"{meant} is up to date.")
        return
    if not meant.parent.is_dir():
        raise ConfigurationError(
            f"There is no folder {meant.parent}.", next_step="Go to the root of the project, or name another file."
        )
    meant.write_text(text, "utf-8")
    typer.echo(f"wrote {meant}")
