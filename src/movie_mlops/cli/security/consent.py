"""``movie-mlops security consent``."""

from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

if TYPE_CHECKING:
    from movie_mlops.security.people import Purpose

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
            "removed": to_iso(each.removed_at) if each.removed_at else "" if each.given else "not yet",
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
    from movie_mlops.cli import door, output

    meant = _purposes(purposes)
    people = door.people(door.settings(home), door.workspace(home, dataset))
    people.consents.say(people.known_as(user), dict.fromkeys(meant, True), by=by)
    if as_json:
        output.print_json({"purposes": [str(each) for each in meant], "given": True})
        return
    typer.echo(f"From now on {', '.join(meant)}: permitted.")


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
    """Write down that somebody does not permit purposes, and take out what is kept for them, with a signed receipt.

    While a flow is at work nothing is taken out yet: the same command again, or the nightly 'security retention', does.
    """
    from movie_mlops.cli import door, output
    from movie_mlops.flows.erasure import PlatformRights

    meant = _purposes(purposes)
    with door.platform(home, dataset, as_served=True) as platform:
        known, rights = platform.people.known_as(user), PlatformRights(platform)
        receipt = rights.consent(known, dict.fromkeys(meant, False), by=by)
        gone = all(each.removed_at for each in rights.consents(known) if each.purpose in meant)
        place = platform.workspace.reports / "withdrawals"
    if as_json:
        output.print_json({"purposes": [str(each) for each in meant], "given": False, "receipt": receipt})
        return
    typer.echo(f"From now on {', '.join(meant)}: not permitted.")
    if receipt is None and gone:
        typer.echo("What was there was taken out before.")
        return
    if receipt is None:
        typer.echo(
            "A flow is at work, so what is there is not taken out yet. Run the same command again when it ended."
        )
        return
    typer.echo(
        f"What was there is gone. The receipt: {place}/{receipt['pseudonym'][:16]}-{'-'.join(sorted(meant))}.json"
    )
    for bundle_id in receipt["still_there"]["models_until_the_next_training"]:
        typer.echo(f"  {bundle_id} learned from them; the next training does not.")


def _purposes(given: list[str]) -> "list[Purpose]":
    from movie_mlops.cli import door
    from movie_mlops.security.people import Purpose

    return [Purpose(name) for name in door.some_of("purpose", given, list(Purpose))]
