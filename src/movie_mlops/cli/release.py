"""``movie-mlops release``."""

from datetime import datetime
from typing import Annotated, Any

import typer

from movie_mlops.cli import options

app = typer.Typer(
    help="What serves since when and why; promote, roll back.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the ledger.")]
ApprovedBy = Annotated[str, typer.Option("--approved-by", help="Who decides.")]


@app.command()
def status(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Say what serves, since when and why."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    release = door.champion(door.workspace(home, dataset))
    if as_json:
        output.print_json(release.to_json())
        return
    typer.echo(
        f"Release {release.release_id}: {release.bundle_id}, since {to_iso(release.at)}, by {release.approved_by}."
    )
    typer.echo(release.reason)


@app.command()
def history(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List every release, newest first."""
    from movie_mlops.cli import door, output

    releases = [release.to_json() for release in door.ledger(door.workspace(home, dataset)).history()]
    releases.sort(key=lambda row: row["release_id"], reverse=True)
    if as_json:
        output.print_json(releases)
        return
    shown = ("release_id", "bundle_id", "action", "at", "until", "approved_by", "reason")
    output.print_rows([{name: row[name] for name in shown} for row in releases], as_json=False)


@app.command("who-served")
def who_served(
    at: Annotated[
        datetime,
        typer.Option(
            "--at",
            help="A moment, UTC unless it says otherwise: 2026-01-31T12:00:00.",
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"],
        ),
    ],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say which release served at a moment."""
    from datetime import UTC

    from movie_mlops.cli import door, output

    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    release = door.ledger(door.workspace(home, dataset)).who_served(moment)
    found: dict[str, Any] | None = None if release is None else release.to_json()
    if as_json:
        output.print_json(found)
    else:
        typer.echo("Nothing served then." if release is None else f"Release {release.release_id}: {release.bundle_id}.")


@app.command()
def promote(
    bundle: Annotated[
        str, typer.Argument(help="A bundle: its id, name@version, name@alias, or the beginning of its id.")
    ],
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Release a bundle by hand, past the gate; a running server follows within a second."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import read_bundle

    workspace = door.workspace(home, dataset)
    bundle = door.bundle(workspace, bundle)
    read_bundle(workspace.models / bundle, trust=door.keys(home).trust)
    ledger = door.ledger(workspace)
    champion = ledger.champion()
    release = ledger.promote(
        bundle,
        reason=reason,
        gate={"passed": None, "text": "Promoted by hand; the gate was not asked."},
        approved_by=approved_by,
        expected=None if champion is None else champion.bundle_id,
    )
    if as_json:
        output.print_json(release.to_json())
    else:
        typer.echo(f"Release {release.release_id} serves {release.bundle_id}.")


@app.command()
def rollback(
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Go back to the release before; a running server follows within a second, with no failed request."""
    from movie_mlops.cli import door, output

    release = door.ledger(door.workspace(home, dataset)).rollback(reason, approved_by)
    if as_json:
        output.print_json(release.to_json())
    else:
        typer.echo(f"Release {release.release_id} serves {release.bundle_id} again.")
