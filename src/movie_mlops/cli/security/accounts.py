"""``movie-mlops security account``: who opens the console with a name and a password."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

app = typer.Typer(
    help="Accounts of the console, for people without a key. A password is kept as an Argon2id hash.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of an account.")]
By = Annotated[str, typer.Option("--by", help="Who asks for it; it is on record.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="The password is the first line of it (default: it is asked for, or read from the standard input).",
    ),
]

_LONGEST = 4_096


@app.command()
@audited("security.account.add", on="name")
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="analyst, operator or admin.")],
    password_file: PasswordFile = None,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make an account. The password is never an argument: others on the machine could read it."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.security import Role

    if role not in list(Role):
        raise ConfigurationError(f"There is no role {role!r}.", next_step="Known are analyst, operator and admin.")
    with stores.account_store(home, dataset) as store:
        made = store.add(name, Role(role), _password(password_file), by=by)
    if as_json:
        output.print_json(made.document())
    else:
        typer.echo(f"The account {made.name} ({made.role}) opens the console at /console.")


@app.command("list")
def list_(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List all accounts."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores

    with stores.account_store(home, dataset) as store:
        output.print_rows([account.document() for account in store.listed()], as_json=as_json)


@app.command()
@audited("security.account.password", on="name")
def password(
    name: Name,
    password_file: PasswordFile = None,
    by: By = "operator",  # noqa: ARG001 - the record tells it
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Set the password of an account anew; whoever is signed in with it has to sign in again."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores

    with stores.account_store(home, dataset) as store:
        changed = store.change_password(name, _password(password_file))
    if as_json:
        output.print_json(changed.document())
    else:
        typer.echo(f"The account {changed.name} has a new password.")


@app.command()
@audited("security.account.remove", on="name")
def remove(
    name: Name,
    by: By = "operator",  # noqa: ARG001 - the record tells it
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Take an account away: within a second no server lets it in."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores

    with stores.account_store(home, dataset) as store:
        store.remove(name)
    if as_json:
        output.print_json({"removed": name})
    else:
        typer.echo(f"The account {name} is no more.")


def _password(file: Path | None) -> str:
    """Return the password: of a file, of whoever sits at the terminal, or of the standard input."""
    if file is None and sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    if file is None:
        return sys.stdin.readline(_LONGEST).rstrip("\r\n")
    with file.open(encoding="utf-8") as lines:
        return lines.readline(_LONGEST).rstrip("\r\n")
