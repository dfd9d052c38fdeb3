"""``movie-mlops events``; each command in a module of its own."""

import typer

from movie_mlops.cli.events.replay import replay

app = typer.Typer(help="What users said happened.", rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def events() -> None:
    """What users said happened."""


app.command()(replay)
