"""Arguments that the commands of bundles share."""

from typing import Annotated

import typer

Bundle = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE",
        help="An id, name@version (sample@3), name@alias (sample@champion), or the beginning of an id.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
