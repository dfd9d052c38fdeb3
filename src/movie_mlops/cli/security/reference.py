"""``movie-mlops security reference``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.generated import Check


def reference(
    path: Annotated[
        Path | None, typer.Argument(help="Where to write it (default: its place in the project around you).")
    ] = None,
    check: Check = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the table of who may use which route, from the policy that the server goes by."""
    from movie_mlops.cli import generated
    from movie_mlops.security import REFERENCE, reference_text

    files = {path or Path(REFERENCE): reference_text()}
    generated.keep(files, check=check, as_json=as_json, again="movie-mlops security reference")
