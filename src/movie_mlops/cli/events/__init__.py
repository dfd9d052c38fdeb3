"""``movie-mlops events``; each command in a module of its own."""

import typer

from movie_mlops.cli.events import dead_letters
from movie_mlops.cli.events.log import prune, stats, tail
from movie_mlops.cli.events.reference import reference, schemas
from movie_mlops.cli.events.replay import replay

app = typer.Typer(help="What users said happened.", rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def events() -> None:
    """What users said happened."""


app.command()(tail)
app.command()(stats)
app.command()(prune)
app.command()(schemas)
app.command()(reference)
app.add_typer(dead_letters.app, name="dead-letter")
app.command()(replay)
