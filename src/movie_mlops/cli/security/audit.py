"""``movie-mlops security audit``: what is on record, whether it is what was written, and a copy of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.security import AuditLog

app = typer.Typer(
    help="What operators did: search it, verify it, export it.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)

Time = Annotated[str | None, typer.Option(metavar="TIME", help="Such as 2026-01-31 or 2026-01-31T12:00:00; UTC.")]


class Ended(StrEnum):
    """How something ended, as it is searched for."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option("--head", metavar="SEAL", help="A seal that was noted before: it must still be there.")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Hold every entry against its seal; name the first that was changed, removed or inserted."""
    from movie_mlops.cli import output

    with _opened(home, dataset) as log:
        found = log.verify(head)
    if as_json:
        output.print_json(found.to_json())
    elif found.broken is not None:
        typer.echo(found.broken.sentence)
    elif found.has_noted is False:
        typer.echo(f"No entry has the seal {head}: the audit log was written anew, or is another one.")
    elif found.head is None:
        typer.echo("Nothing is on record yet.")
    else:
        typer.echo(f"{found.entries:,} entries, each as it was sealed. The newest seal is {found.head}.")
        typer.echo("Note it elsewhere: 'security audit verify --head SEAL' then finds a log that was written anew.")
    if not found.whole:
        raise typer.Exit(1)


@app.command()
def search(
    action: Annotated[
        str | None, typer.Option("--action", help="What was asked for, or how that begins, such as release.")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help="Who asked.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="On what: a bundle, a roll-out, a key.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="On which user; the log has a pseudonym.")] = None,
    outcome: Annotated[Ended | None, typer.Option("--outcome", help="How it ended.")] = None,
    request: Annotated[str | None, typer.Option("--request", metavar="ID", help="The X-Request-ID.")] = None,
    since: Time = None,
    until: Time = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")] = 100,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """List entries, the newest first."""
    from movie_mlops.cli import output
    from movie_mlops.security import Outcome

    with _opened(home, dataset) as log:
        found = log.search(
            action=action,
            who=who,
            target=on if user is None else log.pseudonyms.user(user),
            outcome=None if outcome is None else Outcome(outcome.value),
            request_id=request,
            since=_time(since, "--since"),
            until=_time(until, "--until"),
            limit=limit,
        )
    rows = [entry.to_json() for entry in found]
    shown = ("entry_id", "at", "action", "who", "target", "origin", "outcome")
    output.print_rows(rows if as_json else [{name: row[name] for name in shown} for row in rows], as_json=as_json)


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to (default: the standard output).")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
) -> None:
    """Write every entry with its seal, the oldest first, one JSON object a line."""
    import json

    with _opened(home, dataset) as log:
        lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in log.export())
        if file is None:
            sys.stdout.writelines(lines)
        else:
            with file.open("w", encoding="utf-8") as written:
                written.writelines(lines)


@contextmanager
def _opened(home: Path | None, dataset: str | None) -> "Iterator[AuditLog]":
    from movie_mlops.cli import door

    database = door.database(door.workspace(home, dataset))
    try:
        yield door.audit(door.settings(home), database)
    finally:
        database.close()


def _time(given: str | None, option: str) -> datetime | None:
    from movie_mlops.core import clock

    try:
        return None if given is None else clock.read(given)
    except ValueError as error:
        raise typer.BadParameter(f"{given!r} is no time.", param_hint=option) from error
