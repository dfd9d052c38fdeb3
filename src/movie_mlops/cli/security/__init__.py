"""``movie-mlops security``; each group of commands in a module of its own."""

import typer

from movie_mlops.cli.security import audit
from movie_mlops.cli.security.scan import scan

app = typer.Typer(
    help="Who may do what, and what is on record of it.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def security() -> None:
    """Who may do what, and what is on record of it."""


app.add_typer(audit.app, name="audit")
app.command()(scan)
