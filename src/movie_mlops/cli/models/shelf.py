"""What is on the shelf: list, show, verify."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options
from movie_mlops.cli.models import words

if TYPE_CHECKING:
    from movie_mlops.flows import Platform
    from movie_mlops.release import Manifest

_PEOPLE = ("bundle", "name", "version", "aliases")


def list_(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the bundles: name, version, aliases, quality, size, and which one serves."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.shelf import on_the_shelf

    with door.platform(home, dataset) as platform:
        metric = platform.config.gate.metric
        rows = on_the_shelf(platform, metric=metric)
    if as_json:
        output.print_json(rows)
        return
    shown = (*_PEOPLE, metric, "bytes", "recipe", "serving")
    output.print_rows(
        [{**{name: row[name] for name in shown}, "bytes": output.size(row["bytes"])} for row in rows], as_json=False
    )
    for row in rows:
        if row["problem"]:
            typer.echo(f"{row['bundle']}: {row['problem']}", err=True)


def show(
    bundle: words.Bundle,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a bundle: what it is called, who signed it, what it was made from, how good it is, what was done with it."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import read_manifest

    with door.platform(home, dataset) as platform:
        bundle_id = door.bundle(platform.workspace, bundle)
        manifest = read_manifest(platform.workspace.models / bundle_id)
        known = _registered(platform, bundle_id)
    if as_json:
        output.print_json({**manifest.model_dump(mode="json"), "registry": known})
    else:
        _tell(manifest, known)


def verify(
    bundle: Annotated[
        str | None,
        typer.Argument(metavar="BUNDLE", help="An id, name@version, name@alias or a beginning (default: all of them)."),
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Read bundles, check who signed them, and compare every byte with the hashes of their manifests."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import BundleError, list_bundles, read_bundle

    with door.platform(home, dataset) as platform:
        folder, champion = platform.workspace.models, platform.ledger.champion()
        # Also where its folder is gone: what should serve and cannot be read is what matters most.
        serving = [champion.bundle_id] if champion else []
        chosen = [door.bundle(platform.workspace, bundle)] if bundle else sorted({*list_bundles(folder), *serving})
        rows = []
        for bundle_id in chosen:
            try:
                read_bundle(folder / bundle_id, trust=platform.keys.trust)
            except BundleError as error:
                rows.append({"bundle": bundle_id, "whole": "no", "problem": error.problem})
            else:
                rows.append({"bundle": bundle_id, "whole": "yes", "problem": ""})
    output.print_rows(rows, as_json=as_json)
    if any(row["whole"] == "no" for row in rows):
        raise typer.Exit(1)


def _registered(platform: "Platform", bundle_id: str) -> dict[str, Any]:
    from movie_mlops.core.clock import to_iso
    from movie_mlops.flows.shelf import trouble
    from movie_mlops.release import key_id
    from movie_mlops.release.signature import SignatureFileError, read_signature

    path = platform.workspace.models / bundle_id
    registered = platform.registry.find(bundle_id)
    try:
        signature = read_signature(path)
    except SignatureFileError:
        signature = None
    return {
        "name": registered and registered.name,
        "version": registered and registered.version,
        "since": registered and to_iso(registered.at),
        "origin": registered and registered.origin,
        "by": registered and registered.by,
        "aliases": platform.aliases.of(bundle_id),
        "signed_by": signature and key_id(signature.public_key),
        "problem": trouble(path, platform.keys.trust),
        "releases": [r.to_json() for r in platform.ledger.history() if r.bundle_id == bundle_id],
        "moves": [move.to_json() for move in platform.aliases.moves() if move.bundle_id == bundle_id],
        "acts": [act.to_json() for act in platform.registry.acts(bundle_id)],
    }


def _tell(manifest: "Manifest", known: dict[str, Any]) -> None:
    from movie_mlops.cli import output
    from movie_mlops.flows.shelf import size_of

    facts = manifest.facts
    typer.echo(f"{manifest.bundle_id}  ({known['name']}@{known['version']}, {known['origin']} {known['since']})")
    lines = {
        "aliases": ", ".join(known["aliases"]) or "none",
        "signed by": known["problem"] or known["signed_by"],
        "model": f"{manifest.model} ({_pairs(manifest.params)})",
        "films": f"{manifest.movie_ids.shape[0]:,}",
        "size": output.size(size_of(manifest)),
        "data": f"{facts.get('dataset')} ({_pairs(facts.get('lake_versions'))})",
        "code": str(facts.get("code_commit") or "unknown"),
        "libraries": _pairs(facts.get("packages")),
    }
    for name, line in lines.items():
        typer.echo(f"  {name:<10} {line}")
    evaluation = facts.get("evaluation")
    for name, value in evaluation.items() if isinstance(evaluation, dict) else ():
        if isinstance(value, dict):
            span = f"  ({value['low']:.4f} to {value['high']:.4f})" if "low" in value else ""
            typer.echo(f"  {name:<14} {value['estimate']:.4f}{span}")
    for release in known["releases"]:
        typer.echo(
            f"  release {release['release_id']}: {release['action']} at {release['at']} by {release['approved_by']},"
            f" until {release['until'] or 'now'}. {release['reason']}"
        )
    for move in known["moves"]:
        typer.echo(f"  {move['alias']} since {move['at']}, by {move['by']}: {move['reason']}")
    for act in known["acts"]:
        typer.echo(f"  {act['act']} at {act['at']} by {act['by']}: {act['reason']}")


def _pairs(found: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items()) if isinstance(found, dict) else "-"
