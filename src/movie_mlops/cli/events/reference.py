"""``movie-mlops events reference`` and ``schemas``."""

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
    """Write the AsyncAPI 3 document of all events from the code."""
    import json

    from movie_mlops import __version__
    from movie_mlops.cli import generated
    from movie_mlops.events.asyncapi import REFERENCE, document

    text = json.dumps(document(__version__), indent=2, ensure_ascii=False) + "\n"
    files = {path or Path(REFERENCE): text}
    generated.keep(files, check=check, as_json=as_json, again="movie-mlops events reference")


def schemas(
    propose: Annotated[
        Path | None,
        typer.Option(
            "--propose",
            metavar="FILE",
            help="Hold a JSON Schema against the newest one of interactions; exit code 1 where it cannot follow.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Check the registry of event schemas: no version was changed, each takes whatever the one before took."""
    from movie_mlops.cli import output
    from movie_mlops.events.schemas import check
    from movie_mlops.events.schemas import propose as propose_file

    found = check() if propose is None else [propose_file(propose, "interaction")]
    rows = [{"schema": each.name, "version": each.version, "id": each.urn, "sha256": each.sha256} for each in found]
    output.print_rows(rows, as_json=as_json)
