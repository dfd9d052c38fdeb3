"""``movie-mlops bench reference``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.generated import Check


def reference(
    path: Annotated[
        Path | None, typer.Argument(help="Where to write it (default: its place in the project around you).")
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option("--records", metavar="DIR", help="Where the records are (default: reports/benchmarks)."),
    ] = None,
    check: Check = False,
    as_json: options.AsJson = False,
) -> None:
    """Write one document of all that was aimed at and measured, from the records; what is missed comes first."""
    from movie_mlops.bench.reference import RECORDS, REFERENCE, reference_text
    from movie_mlops.cli import generated

    files = {path or Path(REFERENCE): reference_text(records or Path(RECORDS))}
    generated.keep(files, check=check, as_json=as_json, again="movie-mlops bench reference")
