"""``movie-mlops models``."""

from typing import Annotated, Any

import typer

from movie_mlops.cli import options

app = typer.Typer(
    help="List, show and verify the bundles.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)

Bundle = Annotated[str, typer.Argument(help="A bundle's id, such as edlae-0123456789ab.")]


@app.command("list")
def list_(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the bundles, and say which one serves."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import list_bundles, read_manifest

    workspace = door.workspace(home, dataset)
    champion = door.ledger(workspace).champion()
    rows = []
    for bundle_id in list_bundles(workspace.models):
        manifest = read_manifest(workspace.models / bundle_id)
        rows.append(
            {
                "bundle": bundle_id,
                "model": manifest.model,
                "films": manifest.movie_ids.shape[0],
                "bytes": sum(array.bytes for array in manifest.arrays.values()),
                "recipe": manifest.facts.get("recipe"),
                "commit": str(manifest.facts.get("code_commit") or "-")[:12],
                "serving": "yes" if champion and champion.bundle_id == bundle_id else "",
            }
        )
    output.print_rows(rows, as_json=as_json)


@app.command()
def show(
    bundle: Bundle,
    dataset: options.Dataset = None,
    home: options.Home = None,
    _as_json: options.AsJson = True,
) -> None:
    """Print a bundle's manifest: parameters, data versions, evaluation, hashes."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import read_manifest

    folder = door.workspace(home, dataset).models
    door.check_bundle(folder, bundle)
    manifest: Any = read_manifest(folder / bundle)
    output.print_json(manifest.model_dump(mode="json"))


@app.command()
def verify(
    bundle: Annotated[str | None, typer.Argument(help="A bundle's id (default: all of them).")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Read bundles and compare every byte with the hashes of their manifests."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import BundleError, list_bundles, read_bundle

    workspace = door.workspace(home, dataset)
    folder, champion = workspace.models, door.ledger(workspace).champion()
    # Also where its folder is gone: what should serve and cannot be read is what matters most.
    serving = [champion.bundle_id] if champion else []
    if bundle:
        door.check_bundle(folder, bundle)
    rows = []
    for bundle_id in [bundle] if bundle else sorted({*list_bundles(folder), *serving}):
        try:
            read_bundle(folder / bundle_id)
        except BundleError as error:
            rows.append({"bundle": bundle_id, "whole": "no", "problem": error.problem})
        else:
            rows.append({"bundle": bundle_id, "whole": "yes", "problem": ""})
    output.print_rows(rows, as_json=as_json)
    if any(row["whole"] == "no" for row in rows):
        raise typer.Exit(1)
