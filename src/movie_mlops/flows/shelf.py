"""The shelf of bundles: what is on it, what it is called, and how one is found."""

from pathlib import Path
from typing import Any

from movie_mlops.core import clock
from movie_mlops.flows.platform import Platform
from movie_mlops.release import (
    CANDIDATE,
    Aliases,
    BundleError,
    Manifest,
    Registered,
    Registry,
    TrustList,
    check_signature,
    list_bundles,
    read_manifest,
    resolve,
)

MAIN_JOB = "main job"


def find_bundle(registry: Registry, aliases: Aliases, models: Path, reference: str) -> str:
    """Return the id of the bundle that somebody means: an id, ``name@version``, ``name@alias`` or a beginning.

    Raises:
        BundleError: Nothing, or more than one, is called so.
    """
    registry.adopt()
    return resolve(reference, present=list_bundles(models), registered=registry.all(), aliases=aliases.all())


def shelve(platform: Platform, bundle_id: str) -> Registered:
    """Give the bundle that was trained its version, and make it the candidate."""
    platform.registry.adopt(but=bundle_id)
    manifest = read_manifest(platform.workspace.models / bundle_id)
    registered = platform.registry.register(manifest, origin="trained", by=MAIN_JOB)
    name = registered.name
    platform.aliases.move(
        name,
        CANDIDATE,
        bundle_id,
        expected=platform.aliases.all().get((name, CANDIDATE)),
        by=MAIN_JOB,
        reason="Trained last; what the gate judges.",
    )
    return registered


def state(platform: Platform) -> dict[str, Any]:
    """Return what the registry and the ledger say now, as plain data: what a card and MLflow depend on."""
    return {
        "bundles": {one.bundle_id: one.label for one in platform.registry.all()},
        "aliases": {f"{name}@{alias}": bundle_id for (name, alias), bundle_id in platform.aliases.all().items()},
        "releases": [[release.release_id, release.bundle_id] for release in platform.ledger.history()],
    }


def on_the_shelf(platform: Platform, *, metric: str) -> list[dict[str, Any]]:
    """Return a row for each bundle whose folder is there, by name and version.

    Args:
        platform: The stores.
        metric: What quality is measured in.
    """
    platform.registry.adopt()
    registered = {one.bundle_id: one for one in platform.registry.all()}
    aliases: dict[str, list[str]] = {}
    for (_, alias), bundle_id in sorted(platform.aliases.all().items()):
        aliases.setdefault(bundle_id, []).append(alias)
    champion = platform.ledger.champion()
    serving = None if champion is None else champion.bundle_id
    present = list_bundles(platform.workspace.models)
    known = [one.bundle_id for one in registered.values() if one.bundle_id in set(present)]
    nameless = [bundle_id for bundle_id in present if bundle_id not in registered]
    return [
        {
            **_named(bundle_id, registered.get(bundle_id)),
            "aliases": aliases.get(bundle_id, []),
            **_described(platform.registry.manifest(bundle_id), metric),
            "serving": "yes" if bundle_id == serving else "",
            "problem": trouble(platform.workspace.models / bundle_id, platform.keys.trust),
        }
        for bundle_id in (*known, *nameless)
    ]


def quality(manifest: Manifest, metric: str) -> float | None:
    """Return what the bundle's recipe achieved, where the bundle says so."""
    found = manifest.facts.get("evaluation")
    value = found.get(metric) if isinstance(found, dict) else None
    estimate = value.get("estimate") if isinstance(value, dict) else value
    return float(estimate) if isinstance(estimate, int | float) else None


def size_of(manifest: Manifest) -> int:
    """Return the bytes of a bundle's arrays."""
    return sum(file.bytes for file in manifest.files().values())


def trouble(path: Path, trust: TrustList) -> str:
    """Return why a bundle would be refused by what can be seen without reading its arrays; empty where it would not."""
    try:
        check_signature(path, read_manifest(path), trust)
    except BundleError as error:
        return error.problem
    return ""


def _named(bundle_id: str, registered: Registered | None) -> dict[str, Any]:
    if registered is None:
        return {"bundle": bundle_id, "name": None, "version": None, "since": None}
    since = clock.to_iso(registered.at)
    return {"bundle": bundle_id, "name": registered.name, "version": registered.version, "since": since}


def _described(manifest: Manifest | None, metric: str) -> dict[str, Any]:
    if manifest is None:
        return dict.fromkeys((metric, "films", "bytes", "recipe", "commit"))
    return {
        metric: quality(manifest, metric),
        "films": manifest.movie_ids.shape[0],
        "bytes": size_of(manifest),
        "recipe": manifest.facts.get("recipe"),
        "commit": str(manifest.facts.get("code_commit") or "-")[:12],
    }
