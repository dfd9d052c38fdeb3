"""Which versions of the lake must outlive every vacuum."""

from pathlib import Path

from movie_mlops.lake import Lake, tags
from movie_mlops.release import list_bundles, read_manifest


def kept_versions(lake: Lake, models: Path) -> dict[str, set[int]]:
    """Return, for each table, the versions that are tagged, and those that the bundles in ``models`` were made from.

    Every bundle counts, not only the one that serves: a rollback may bring any of them back, and its passport names the
    data behind it.

    Raises:
        BundleError: A bundle does not say what it was made from; nothing may be removed then.
        LakeError: A tag does not say what it names; nothing may be removed then.
    """
    kept: dict[str, set[int]] = {}
    for tag in tags(lake):
        for table, tagged in tag.versions.items():
            kept.setdefault(table, set()).add(tagged)
    for bundle_id in list_bundles(models):
        versions = read_manifest(models / bundle_id).facts.get("lake_versions")
        for table, version in versions.items() if isinstance(versions, dict) else ():
            if isinstance(version, int):
                kept.setdefault(table, set()).add(version)
    return kept
