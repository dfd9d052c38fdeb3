"""``movie-mlops security``; each command in a module of its own."""

import typer

from movie_mlops.cli.security import audit, keys, rights
from movie_mlops.cli.security.reference import reference
from movie_mlops.cli.security.scan import scan

app = typer.Typer(
    help="Who may do what, and what is on record of it.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.command()(scan)
app.command()(reference)
app.command()(rights.erase)
app.command()(rights.erasures)
app.command()(rights.export)
app.command()(rights.places)
app.add_typer(rights.receipt, name="receipt")
