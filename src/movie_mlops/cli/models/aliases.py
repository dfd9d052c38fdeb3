"""Aliases of bundles: move one, see every move."""

from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited
from movie_mlops.cli.models import words


@audited("models.alias", on="bundle")
def alias(
    bundle: words.Bundle,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as 'candidate', or one of your own.")],
    reason: words.Reason,
    by: words.By = "operator",
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away from the bundle.")] = False,
    expected: Annotated[
        str | None,
        typer.Option(
            "--expected",
            metavar="BUNDLE",
            help="Move it only if it points there now, or 'none' (default: where it points when the command starts).",
        ),
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Point an alias at a bundle; who moved it, when and why is kept."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import RegistryError

    with door.platform(home, dataset) as platform:
        bundle_id = door.bundle(platform.workspace, bundle)
        registered = platform.registry.find(bundle_id)
        if registered is None:
            raise RegistryError(
                f"{bundle_id!r} has no name, for its manifest cannot be read.",
                next_step=f"See what is wrong with it: movie-mlops models verify {bundle_id}",
            )
        present = platform.aliases.all().get((registered.name, alias))
        seen = None if expected == "none" else door.bundle(platform.workspace, expected) if expected else present
        if remove and present != bundle_id and alias != "champion":
            raise RegistryError(
                f"{registered.name}@{alias} does not point at {bundle_id}.",
                next_step="See where it points: movie-mlops models list",
            )
        target = None if remove else bundle_id
        move = platform.aliases.move(registered.name, alias, target, expected=seen, by=by, reason=reason)
    if as_json:
        output.print_json(None if move is None else move.to_json())
    elif move is None:
        typer.echo(f"{registered.name}@{alias} is {bundle_id} already.")
    else:
        typer.echo(f"{registered.name}@{alias} is {target or 'taken away'}.")


def aliases(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List every move of every alias, newest first: who, when, why."""
    from movie_mlops.cli import door, output

    with door.platform(home, dataset) as platform:
        output.print_rows([move.to_json() for move in platform.aliases.moves()], as_json=as_json)
