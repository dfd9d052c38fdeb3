"""``movie-mlops security consent``."""

from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

app = typer.Typer(help="What people permit.", rich_markup_mode=None, no_args_is_help=True, add_completion=False)

User = Annotated[str, typer.Argument(help="Whose.")]
Purposes = Annotated[
    list[str],
    typer.Argument(help="history (what they do with films), profile (their age and so on), answers (lists)."),
]
By = Annotated[str, typer.Option("--by", help="Who says so.")]


@app.command()
def show(
    user: User, dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False
) -> None:
    """Say what somebody permits, and since when."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    people = door.people(door.settings(home), door.workspace(home, dataset))
    rows = [
        {
            "purpose": str(each.purpose),
            "given": each.given,
            "since": to_iso(each.at) if each.at else "they said nothing",
            "by": each.by,
        }
        for each in people.consents.of(people.known_as(user))
    ]
    output.print_rows(rows, as_json=as_json)


@app.command()
@audited("security.consent.give")
def give(
    user: User,
    purposes: Purposes,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write down that somebody permits purposes. What a source has of them comes with the next load."""
    _say(user, purposes, by, dataset, home, given=True, as_json=as_json)


@app.command()
@audited("security.consent.withdraw")
def withdraw(
    user: User,
    purposes: Purposes,
    by: By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write down that somebody does not permit purposes. What is there already goes with 'security erase'."""
    _say(user, purposes, by, dataset, home, given=False, as_json=as_json)


def _say(
    user: str,
    purposes: list[str],
    by: str,
    dataset: options.Dataset,
    home: options.Home,
    *,
    given: bool,
    as_json: bool,
) -> None:
    from movie_mlops.cli import door, output
    from movie_mlops.security.people import Purpose

    meant = [Purpose(name) for name in door.some_of("purpose", purposes, list(Purpose))]
    people = door.people(door.settings(home), door.workspace(home, dataset))
    people.consents.say(people.known_as(user), dict.fromkeys(meant, given), by=by)
    if as_json:
        output.print_json({"purposes": [str(each) for each in meant], "given": given})
        return
    typer.echo(f"From now on {', '.join(meant)}: {'permitted' if given else 'not permitted'}.")
