"""``movie-mlops security``; each group of commands in a module of its own."""

import typer

from movie_mlops.cli.security import rights

app = typer.Typer(
    help="What people may ask of their own data.", rich_markup_mode=None, no_args_is_help=True, add_completion=False
)


@app.callback()
def security() -> None:
    """What people may ask of their own data."""


app.command()(rights.erase)
app.command()(rights.erasures)
app.command()(rights.export)
app.command()(rights.places)
app.add_typer(rights.receipt, name="receipt")
