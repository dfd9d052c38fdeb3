"""The passport: everything behind one recommendation, on one page."""

from collections.abc import Mapping
from typing import Any, Final

from movie_mlops.release.errors import ReleaseError
from movie_mlops.release.manifest import Manifest
from movie_mlops.release.rows import Release

_PLACES: Final = {
    "dataset": ("data", "dataset"),
    "lake_versions": ("data", "lake_versions"),
    "trained_on": ("data", "trained_on"),
    "feature_versions": ("features", "versions"),
    "views_read": ("features", "read_by_the_model"),
    "code_commit": ("code", "commit"),
    "code_sha256": ("code", "sha256"),
    "packages": ("code", "packages"),
    "machine": ("code", "machine"),
    "recipe": ("training", "recipe"),
    "feedback": ("training", "feedback"),
    "seed": ("training", "seed"),
    "randomness": ("training", "randomness"),
    "threads": ("training", "threads"),
    "evaluation": ("training", "evaluation"),
}
"""Where in a passport each fact of a manifest stands; every other fact stands under ``other``."""


def passport(release: Release, manifest: Manifest, *, recommendation: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is known of how a recommendation came about, as plain data.

    What the bundle does not know is ``None``, never left out and never made up.

    Args:
        release: The release that answered.
        manifest: The manifest of its bundle.
        recommendation: The answer itself: id, time, user, items with scores.

    Raises:
        ReleaseError: The manifest is another bundle's.
    """
    if release.bundle_id != manifest.bundle_id:
        raise ReleaseError(
            f"Release {release.release_id} served {release.bundle_id!r}, but the manifest is that of"
            f" {manifest.bundle_id!r}.",
            next_step="Read the bundle that the release names.",
        )
    page: dict[str, Any] = {
        "recommendation": dict(recommendation),
        "release": {key: value for key, value in release.to_json().items() if key != "gate"},
        "gate": dict(release.gate),
        "bundle": {
            "bundle_id": manifest.bundle_id,
            "model": manifest.model,
            "params": manifest.params,
            "sha256": {file.file: file.sha256 for file in manifest.files().values()},
        },
    }
    for fact, (section, key) in _PLACES.items():
        page.setdefault(section, {})[key] = manifest.facts.get(fact)
    page["other"] = {fact: value for fact, value in manifest.facts.items() if fact not in _PLACES}
    return page
