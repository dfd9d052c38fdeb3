"""Bundles on their way to and from other machines, with their cards and their names."""

from pathlib import Path

from movie_mlops.flows.card import make_card, write_card
from movie_mlops.flows.platform import Platform
from movie_mlops.release import Registered, list_bundles
from movie_mlops.release.archive import CARD_HTML, CARD_MARKDOWN, SUFFIX, read_archive, write_archive
from movie_mlops.release.registry import check_words


def export_bundle(platform: Platform, bundle_id: str, path: Path | None) -> tuple[Path, int]:
    """Write a bundle into one file; return the file and its size in bytes.

    Args:
        platform: The stores.
        bundle_id: Which.
        path: The file; ``None`` for one of the bundle's name in the working folder.
    """
    target = path or Path(f"{bundle_id}{SUFFIX}")
    card = make_card(platform, bundle_id)
    cards = {CARD_HTML: card.to_html().encode(), CARD_MARKDOWN: card.to_markdown().encode()}
    size = write_archive(target, platform.workspace.models / bundle_id, trust=platform.keys.trust, cards=cards)
    return target, size


def import_bundle(
    platform: Platform, archive: Path, *, by: str, reason: str, max_bytes: int
) -> tuple[Registered, bool]:
    """Bring in the bundle of an archive, whole and trusted, or nothing at all.

    Returns:
        Its name and version, and whether it was not here before.

    Raises:
        ArchiveError: That is no archive of a bundle.
        BundleError: Its bundle would be refused.
        RegistryError: Nobody says who, or why.
    """
    check_words(f"The import of {archive}", by=by, reason=reason)
    before = set(list_bundles(platform.workspace.models))
    platform.registry.adopt()
    manifest = read_archive(archive, platform.workspace.models, trust=platform.keys.trust, max_bytes=max_bytes)
    registered = platform.registry.register(manifest, origin="imported", by=by)
    new = manifest.bundle_id not in before
    if new:
        platform.registry.note(manifest.bundle_id, "imported", by=by, reason=reason)
        # Ours, from its facts: the card in the archive is anybody's.
        write_card(platform, manifest.bundle_id)
    return registered, new
