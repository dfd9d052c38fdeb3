"""Which models learned from somebody; they never serve again."""

from datetime import datetime
from typing import Any

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import INGESTED_AT, USER_ID
from movie_mlops.flows import bundle_care
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, LakeError
from movie_mlops.release import RETIRED, BundleError, list_bundles, read_manifest


def learned_from(platform: Platform, user_id: str) -> list[str]:
    """Return the bundles that learned from somebody, as long as the lake has their rows.

    A row of the lake stays once it is there, so who came in by a version is in every later one. A bundle that does not
    say what it learned from may have learned from anybody.
    """
    lake = platform.lake
    if lake.version(INTERACTIONS) is None:
        return []
    theirs = lake.scan(INTERACTIONS).filter(pl.col(USER_ID) == user_id)
    first: datetime | None = theirs.select(pl.col(INGESTED_AT).min()).collect().item()
    if first is None:
        return []
    found = []
    for bundle_id in list_bundles(platform.workspace.models):
        version = _version(platform, bundle_id)
        if version is None or version > (lake.version(INTERACTIONS) or 0) or _came_by(platform, version, first):
            found.append(bundle_id)
    return found


def retire(platform: Platform, bundles: list[str], *, by: str) -> dict[str, Any]:
    """Have bundles never serve again; remove those that do not serve now. Return which serve on, and which went."""
    known = bundle_care.retired(platform)
    reason = f"It learned from somebody whose data was erased on {clock.to_iso(clock.now())}."
    for bundle_id in bundles:
        if bundle_id not in known:
            platform.registry.note(bundle_id, RETIRED, by=by, reason=reason)
    gone = [fate.bundle_id for fate in bundle_care.collect(platform, by=by, only=bundles)] if bundles else []
    serving = [bundle_id for bundle_id in bundles if bundle_id not in gone]
    return {"retired": bundles, "removed": gone, "serving_until_another_does": serving}


def _version(platform: Platform, bundle_id: str) -> int | None:
    try:
        versions = read_manifest(platform.workspace.models / bundle_id).facts.get("lake_versions")
    except BundleError:
        return None
    version = versions.get(INTERACTIONS) if isinstance(versions, dict) else None
    return version if isinstance(version, int) else None


def _came_by(platform: Platform, version: int, first: datetime) -> bool:
    try:
        return first <= platform.lake.commit(INTERACTIONS, version).time
    except LakeError:
        return True
