"""``movie-mlops security``; each command in a module of its own."""

import typer

from movie_mlops.cli.security import accounts, audit, backups, consent, keys, rights
from movie_mlops.cli.security.reference import reference
from movie_mlops.cli.security.scan import scan
from movie_mlops.cli.security.shilling import shilling

app = typer.Typer(
    help="Who may do what, what is on record of it, and what is kept safe.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(keys.app, name="keys")
app.add_typer(accounts.app, name="account")
app.add_typer(audit.app, name="audit")
app.command()(scan)
app.command()(shilling)
app.command()(reference)
app.command()(rights.erase)
app.command()(rights.erasures)
app.command()(rights.export)
app.command()(rights.places)
app.command()(rights.retention)
app.add_typer(rights.receipt, name="receipt")
app.add_typer(consent.app, name="consent")
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(backups.shred)
app.command(name="rotate-master")(backups.rotate_master)
