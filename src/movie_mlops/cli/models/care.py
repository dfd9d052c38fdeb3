"""Clearing away the bundles that nobody needs."""

from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited
from movie_mlops.cli.models import words

if TYPE_CHECKING:
    from movie_mlops.flows.bundle_care import Fate


@audited("models.gc")
def gc(
    keep_days: Annotated[float, typer.Option("--keep-days", min=0, help="What served within so many days stays.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    by: words.By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Remove bundles that neither serve, nor have an alias, nor may be rolled back to; their manifests are kept."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.flows.bundle_care import collect, fates, left_behind

    with door.platform(home, dataset) as platform, door.one_flow(platform.workspace):
        kept = [fate for fate in fates(platform, keep_days=keep_days) if fate.kept]
        if dry_run:
            gone = [*left_behind(platform), *(f for f in fates(platform, keep_days=keep_days) if not f.kept)]
        else:
            gone = collect(platform, keep_days=keep_days, by=by)
    freed = sum(fate.bytes for fate in gone)
    if as_json:
        output.print_json(
            {
                "dry_run": dry_run,
                "bytes": freed,
                "gone": [asdict(fate) for fate in gone],
                "kept": [asdict(fate) for fate in kept],
            }
        )
        return
    for fate in kept:
        typer.echo(f"{_called(fate)} stays: {', '.join(fate.kept)}.")
    for fate in gone:
        typer.echo(f"{_called(fate)} {'would go' if dry_run else 'is gone'} ({output.size(fate.bytes)}).")
    typer.echo(f"{'Would free' if dry_run else 'Freed'} {output.size(freed)} in {len(gone):,} places.")


def _called(fate: "Fate") -> str:
    return f"{fate.bundle_id} ({fate.label})" if fate.label else fate.bundle_id
