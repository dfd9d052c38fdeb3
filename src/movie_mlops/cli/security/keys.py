"""``movie-mlops security keys``: the API keys of a data set."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.security import ApiKey

app = typer.Typer(
    help="API keys: who may ask what, and how long. A key is shown once and kept as a hash.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, as 'security keys list' tells it.")]
By = Annotated[str, typer.Option("--by", help="Who asks for it; it is kept with the key.")]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="SPAN", help="How long it holds, such as 90d or 12h (default: 365d).")
]
PerSecond = Annotated[
    float | None, typer.Option("--per-second", min=0.01, help="Requests a second (default: those of the role).")
]
PerDay = Annotated[float | None, typer.Option("--per-day", min=1, help="Requests a day (default: those of the role).")]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_YEAR = timedelta(days=365)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    role: Annotated[str, typer.Option("--role", help="viewer, service, analyst, operator or admin.")],
    user: Annotated[str | None, typer.Option("--user", help="For a viewer: whose data.")] = None,
    scope: Annotated[str, typer.Option("--scope", help="write, or read for a key that changes nothing.")] = "write",
    expires: Expires = None,
    never: Annotated[bool, typer.Option("--never-expires", help="It holds until somebody takes it back.")] = False,
    per_second: PerSecond = None,
    per_day: PerDay = None,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a key and show it, once."""
    from movie_mlops.cli.security import stores
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.security import NewKey, Role

    if role not in list(Role):
        raise ConfigurationError(f"There is no role {role!r}.", next_step=f"Known are {', '.join(Role)}.")
    lasts = None if never else _YEAR if expires is None else _span("--expires", expires)
    wanted = NewKey(name, Role(role), by, user, scope, lasts, per_second, per_day)
    with stores.key_store(home, dataset) as store:
        made, key = store.create(wanted)
    _show(made, key, as_json=as_json)


@app.command("list")
def list_(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List all keys, also those that hold no more."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores
    from movie_mlops.core import clock

    with stores.key_store(home, dataset) as store:
        rows: list[dict[str, Any]] = [key.document(clock.now()) for key in store.listed()]
    if not as_json:
        shown = ("key_id", "name", "role", "user_id", "scope", "standing", "expires_at", "last_used_at")
        rows = [{column: row[column] for column in shown} for row in rows]
    output.print_rows(rows, as_json=as_json)


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="SPAN", help="How long the one before still holds, such as 24h.")
    ] = "24h",
    expires: Expires = None,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a key like another one, which holds for a while beside it."""
    from movie_mlops.cli.security import stores

    lasts = None if expires is None else _span("--expires", expires)
    with stores.key_store(home, dataset) as store:
        made, key = store.rotate(key_id, overlap=_span("--overlap", overlap), lasts=lasts, by=by)
    _show(made, key, as_json=as_json)


@app.command()
def revoke(
    key_id: KeyId,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Take a key back: within a second no server takes it."""
    from movie_mlops.cli import output
    from movie_mlops.cli.security import stores
    from movie_mlops.core import clock

    with stores.key_store(home, dataset) as store:
        revoked = store.revoke(key_id, by=by)
    if as_json:
        output.print_json(revoked.document(clock.now()))
    else:
        typer.echo(f"The key {revoked.key_id} ({revoked.name}) is revoked.")


def _show(made: "ApiKey", key: str, *, as_json: bool) -> None:
    from movie_mlops.cli import output
    from movie_mlops.core import clock

    if as_json:
        output.print_json({**made.document(clock.now()), "key": key})
        return
    whose = f" for {made.user_id}" if made.user_id else ""
    until = "for ever" if made.expires_at is None else f"until {clock.to_iso(made.expires_at)}"
    typer.echo(f"{key}\n\nThe key {made.key_id} ({made.name}): {made.role}{whose}, {made.scope}, {until}.")
    typer.echo("It is shown this once. Send it as the header 'Authorization: Bearer <key>'.")


def _span(option: str, text: str) -> timedelta:
    """Return a span of time such as ``90d``.

    Raises:
        ConfigurationError: It is none.
    """
    from movie_mlops.core.errors import ConfigurationError

    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if found is None:
        raise ConfigurationError(f"{option} {text!r} is no span.", next_step="Write for example 30m, 12h or 90d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
