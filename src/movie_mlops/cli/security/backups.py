"""``movie-mlops security backup``, ``restore``, ``shred`` and ``rotate-master``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited


@audited("security.backup")
def backup(
    place: Annotated[Path, typer.Argument(help="The folder that holds back-ups; made when missing.")],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write the state and the lake of a data set, encrypted person by person."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.backups import write_backup

    with door.one_flow(door.workspace(home, dataset)), door.platform(home, dataset) as platform:
        made = write_backup(platform, place, progress=progress.listener())
    if as_json:
        output.print_json({"folder": str(made.folder), "people": made.people, "rows": made.rows, "bytes": made.bytes})
        return
    typer.echo(f"{made.folder}: {made.rows:,} rows of {made.people:,} people, {made.bytes:,} bytes.")
    typer.echo("Keep the master key somewhere else: without it nobody reads this.")


@audited("security.restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="The back-up: a folder that 'security backup' made.")],
    dataset: Annotated[str, typer.Option("--dataset", help="The data set that it is restored into.")],
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Restore a back-up into an empty data set; whose key was destroyed is not in it."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.flows import Platform
    from movie_mlops.flows.backups import restore_backup

    settings = door.settings(home)
    workspace = Workspace(settings.home, dataset)
    with door.one_flow(workspace):
        platform = Platform(
            workspace,
            door.platform_config(settings),
            door.lakes(settings),
            keys=door.keys_config(settings),
            state_url=settings.state_url,
        )
        try:
            done = restore_backup(platform, folder, progress=progress.listener())
        finally:
            platform.close()
    if as_json:
        output.print_json({"people": done.people, "erased": done.erased, "rows": done.rows})
        return
    typer.echo(f"{done.rows:,} rows of {done.people:,} people are here again; {done.erased:,} sections stay closed.")
    typer.echo("Make the features again with: movie-mlops run")


@audited("security.shred")
def shred(
    user: Annotated[str, typer.Argument(help="Whose key is destroyed.")],
    gone: Annotated[Path | None, typer.Option("--gone", help="A place of back-ups that is no more.")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Destroy a user's key: what back-ups hold of theirs can never be read again. Present data is not touched."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.backups import shred as destroy

    with door.one_flow(door.workspace(home, dataset)), door.platform(home, dataset) as platform:
        done = destroy(platform, platform.people.known_as(user), gone=gone)
    if as_json:
        output.print_json({"key_id": done.key_id, "places": [str(place) for place in done.places]})
    elif done.key_id is None:
        typer.echo("There was no key of theirs, or it was destroyed before.")
    else:
        typer.echo(f"The key {done.key_id} is destroyed, here and in {len(done.places)} places of back-ups.")


@audited("security.rotate-master")
def rotate_master(
    resume: Annotated[bool, typer.Option("--resume", help="Finish a rotation that was interrupted.")] = False,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost", help="Give up, for good, keys whose master key nobody has any more, and what they sealed."
        ),
    ] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a new master key wrap all keys of a data set; what they sealed is not touched, and nothing has to stop."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.backups import rewrap
    from movie_mlops.security.envelope import DataKeys, renew_master_key

    settings = door.settings(home)
    folder = door.keys_config(settings).folder
    with door.one_flow(door.workspace(home, dataset)), door.platform(home, dataset) as platform:
        gone = DataKeys(platform.database).give_up(platform.masters().names) if lost else 0
        if not (resume or lost or settings.master_key):
            door.masters(settings)
            renew_master_key(folder)
        masters = door.masters(settings)
        count = rewrap(platform)
    if as_json:
        output.print_json({"master_id": masters.current.key_id, "wrapped": count, "lost": gone})
        return
    if lost:
        typer.echo(f"{gone:,} keys are given up. The next load of the sources brings facts of people in again.")
    typer.echo(f"{count:,} keys are wrapped by the master key {masters.current.key_id} now.")
    if masters.before is not None:
        where = "MOVIE_MLOPS_MASTER_KEY_BEFORE" if settings.master_key else folder / "master-key.before"
        typer.echo(f"Once every data set was rotated ('--resume --dataset …'), remove {where}.")
