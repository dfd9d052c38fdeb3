"""``movie-mlops security``; each group of commands in a module of its own."""

import typer

from movie_mlops.cli.security import backups, keys
from movie_mlops.cli.security.reference import reference
from movie_mlops.cli.security.shilling import shilling

app = typer.Typer(
    help="Who may do what, and what is kept safe: keys, reference, back-ups.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(keys.app, name="keys")
app.command()(reference)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(backups.shred)
app.command(name="rotate-master")(backups.rotate_master)
app.command()(shilling)
