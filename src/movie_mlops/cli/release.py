"""``movie-mlops release``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import gates, options, rollout
from movie_mlops.cli.audited import audited
from movie_mlops.cli.rollout_told import tell

if TYPE_CHECKING:
    from movie_mlops.release import Release
    from movie_mlops.serving import Answered

app = typer.Typer(
    help="What serves since when and why; what the gate said; promote, roll back.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(gates.app)
app.add_typer(rollout.app)


Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the ledger.")]
Expected = Annotated[
    str | None, typer.Option("--expected", metavar="BUNDLE", help="Only if this bundle still serves, as you saw it.")
]
ApprovedBy = Annotated[str, typer.Option("--approved-by", help="Who decides.")]


@app.command()
def status(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Say what serves, since when and why; and what is rolled out beside it, with how it does."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    workspace = door.workspace(home, dataset)
    release = door.champion(workspace)
    live = _live(home, dataset)
    if as_json:
        output.print_json({**release.to_json(), "rollouts": live})
        return
    typer.echo(
        f"Release {release.release_id}: {release.bundle_id}, since {to_iso(release.at)}, by {release.approved_by}."
    )
    typer.echo(release.reason)
    tell(live)


def _live(home: Path | None, dataset: str | None) -> list[dict[str, Any]]:
    """Return what is rolled out; the stores that this takes are opened only where something is."""
    from movie_mlops.cli import door
    from movie_mlops.release.rollout import Rollouts

    if not Rollouts(door.database(door.workspace(home, dataset))).standing().rollouts:
        return []
    from movie_mlops.flows.rollout import Conductor

    with door.platform(home, dataset) as platform:
        return Conductor.of(platform).live()


@app.command()
def history(
    rollouts: Annotated[
        bool, typer.Option("--rollouts", help="Every move of canaries, experiments and shadows instead.")
    ] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """List every release, or every move of what is rolled out, newest first."""
    from movie_mlops.cli import door, output
    from movie_mlops.release.rollout import Rollouts

    if rollouts:
        moves = [move.to_json() for move in Rollouts(door.database(door.workspace(home, dataset))).moves()][::-1]
        told = ("move_id", "name", "action", "at", "approved_by", "reason")
        output.print_rows(moves if as_json else [{name: row[name] for name in told} for row in moves], as_json=as_json)
        return
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
        str,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Such as 2026-01-31, 2026-01-31T12:00:00.25 or 2026-01-31T21:00:00+09:00; UTC where it names no zone.",
        ),
    ],
    user: Annotated[
        str | None, typer.Option("--user", help="Whom: the newest answer that was kept for this user by then.")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say which release and bundle answered at a moment, and how that is known."""
    from movie_mlops.cli import door, output
    from movie_mlops.core import clock
    from movie_mlops.release import Ledger
    from movie_mlops.serving import who_answered

    try:
        moment = clock.read(at)
    except ValueError as error:
        raise typer.BadParameter(f"{at!r} is no time.", param_hint="--at") from error
    meant = door.workspace(home, dataset)
    database = door.database(meant)
    known = None if user is None else door.people(door.settings(home), meant).known_as(user)
    answered = who_answered(database, Ledger(database), moment, known)
    if as_json:
        output.print_json(answered.to_json())
    else:
        for line in _who(answered):
            typer.echo(line)


def _who(answered: "Answered") -> list[str]:
    from movie_mlops.core.clock import to_iso

    release, serving, given = answered.release, answered.serving, answered.impression
    then = to_iso(answered.at)
    if given is None:
        nobody = "" if answered.user_id is None else f"No answer to user {answered.user_id} was kept by then. "
        if serving is None:
            return [f"{nobody}Nothing served at {then}, by the ledger."]
        return [f"{nobody}Release {serving.release_id} ({serving.bundle_id}) served at {then}, by the ledger."]
    by = "no release: a list of popular films"
    if given.release_id is not None:
        by = f"release {given.release_id} ({release.bundle_id if release else 'which the ledger does not have'})"
    lines = [
        f"User {answered.user_id} was answered at {to_iso(given.at)} by {by}: recommendation {given.recommendation_id}."
    ]
    if serving != release:
        served = "nothing" if serving is None else f"release {serving.release_id} ({serving.bundle_id})"
        lines.append(f"By the ledger {served} served at {then}: the list was older.")
    return [*lines, f"Everything behind it: movie-mlops lineage {given.recommendation_id}"]


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option("--head", metavar="SEAL", help="A seal that was noted before: it must still be there.")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Hold every release and every move of roll-outs against its seal; name the first that was altered."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import Ledger
    from movie_mlops.release.rollout import Rollouts
    from movie_mlops.serving import unknown_releases

    database = door.database(door.workspace(home, dataset))
    ledger = Ledger(database)
    chain = ledger.verify()
    moves = Rollouts(database).verify()
    problems = [each.broken.sentence for each in (chain, moves) if each.broken is not None]
    if head is not None and head not in (*chain.seals, *moves.seals):
        problems.append(f"No release has the seal {head}: the ledger was written anew, or is another one.")
    unknown = unknown_releases(database, {release.release_id for release in ledger.history()})
    if unknown and chain.broken is None:
        problems.append(f"Answers were given by release {unknown[0]}, which is not in the ledger: it was removed.")
    if as_json:
        output.print_json({**chain.to_json(), "whole": not problems, "problems": problems, "rollouts": moves.to_json()})
    elif problems:
        for problem in problems:
            typer.echo(problem)
    elif chain.sealed < chain.releases:
        typer.echo(f"{chain.releases} releases, older than the seals: the next release takes them in.")
    else:
        older = f", {chain.taken_in} of them taken in later" if chain.taken_in else ""
        typer.echo(f"{chain.releases} releases, each as it was sealed{older}. The newest seal is {chain.head}.")
        if moves.releases:
            typer.echo(f"{moves.releases} moves of roll-outs, each as it was sealed. The newest seal is {moves.head}.")
        typer.echo("Note it elsewhere: 'release verify --head SEAL' then finds a ledger that was written anew.")
    if problems:
        raise typer.Exit(1)


@app.command()
@audited("release.promote", on="bundle")
def promote(
    bundle: Annotated[
        str, typer.Argument(help="A bundle: its id, name@version, name@alias, or the beginning of its id.")
    ],
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    expected: Expected = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Release a bundle by hand, past the gate; a running server follows within a second."""
    from movie_mlops.cli import door
    from movie_mlops.release.rollout import promote_by_hand

    workspace = door.workspace(home, dataset)
    release = promote_by_hand(
        door.database(workspace),
        workspace.models / door.bundle(workspace, bundle),
        door.keys(home).trust,
        reason=reason,
        approved_by=approved_by,
        expected=expected,
    )
    _say(release, as_json=as_json)


def _say(release: "Release", *, as_json: bool) -> None:
    from movie_mlops.cli import output

    if as_json:
        output.print_json(release.to_json())
    else:
        typer.echo(f"Release {release.release_id} serves {release.bundle_id}.")


@app.command()
@audited("release.rollback")
def rollback(
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    expected: Expected = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Take the canary back, or where there is none go back to the release before; no request fails.

    A running server follows within a second.
    """
    from movie_mlops.cli import door, output
    from movie_mlops.release.rollout import Rollout, roll_back_by_hand

    database = door.database(door.workspace(home, dataset))
    done = roll_back_by_hand(database, reason=reason, approved_by=approved_by, expected=expected)
    if as_json:
        output.print_json(done.to_json())
    elif isinstance(done, Rollout):
        typer.echo(f"'{done.name}' is taken back; everybody has what serves.")
    else:
        typer.echo(f"Release {done.release_id} serves {done.bundle_id} again.")
