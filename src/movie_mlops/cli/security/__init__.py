"""``movie-mlops security``; each group of commands in a module of its own."""

import typer

from movie_mlops.cli.security import backups

app = typer.Typer(
    help="Who may do what, and what is kept safe.", rich_markup_mode=None, no_args_is_help=True, add_completion=False
)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(backups.shred)
app.command(name="rotate-master")(backups.rotate_master)
