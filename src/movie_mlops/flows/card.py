"""The card of a bundle: its facts, the data that it names, and what it recommends on that data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from movie_mlops.core import report_page
from movie_mlops.evaluation import Feedback
from movie_mlops.features import feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.shelf import trouble
from movie_mlops.ingest.report import figures, plots
from movie_mlops.lake import INTERACTIONS, LakeError
from movie_mlops.release import Bundle, RegistryError, key_id, read_bundle
from movie_mlops.release.card import Card, DataVolume
from movie_mlops.release.signature import read_signature
from movie_mlops.release.tail import LongTail, long_tail

_MOST_USERS: Final = 1_000
_LENGTH: Final = 10
_WIDTH: Final = 400


def make_card(platform: Platform, bundle_id: str) -> Card:
    """Return the card of a bundle that is whole and trusted.

    Raises:
        BundleError: It is not.
        RegistryError: It has no name.
    """
    path = platform.workspace.models / bundle_id
    bundle = read_bundle(path, trust=platform.keys.trust)
    registered = platform.registry.find(bundle_id)
    if registered is None:
        raise RegistryError(f"{bundle_id!r} has no name yet.", next_step="Run: movie-mlops models list")
    signature = read_signature(path)
    frame = _feedback(platform, bundle)
    return Card(
        manifest=bundle.manifest,
        registered=registered,
        signed_by=None if signature is None or trouble(path, platform.keys.trust) else key_id(signature.public_key),
        releases=[release for release in platform.ledger.history() if release.bundle_id == bundle_id],
        capabilities=_capabilities(bundle),
        volume=None if frame is None else _volume(platform, _versions(bundle)),
        tail=None if frame is None else _tail(bundle, frame),
    )


def write_card(platform: Platform, bundle_id: str) -> tuple[Path, Path]:
    """Write a bundle's card into the reports, as HTML and as Markdown, and return the files."""
    card = make_card(platform, bundle_id)
    html, markdown = card_paths(platform, bundle_id)
    report_page.write_whole(html, card.to_html())
    report_page.write_whole(markdown, card.to_markdown())
    return html, markdown


def card_paths(platform: Platform, bundle_id: str) -> tuple[Path, Path]:
    """Return where a bundle's card is written: HTML and Markdown."""
    stem = platform.workspace.reports / f"card-{bundle_id}"
    return stem.with_name(f"{stem.name}.html"), stem.with_name(f"{stem.name}.md")


def _capabilities(bundle: Bundle) -> Mapping[str, bool]:
    """Return what a bundle's model can do, by name."""
    found = bundle.recommender.capabilities
    return {name: bool(getattr(found, name)) for name in ("personalised", "needs_times", "similar", "explains")}


def _versions(bundle: Bundle) -> dict[str, int]:
    found = bundle.manifest.facts.get("lake_versions")
    return {str(table): v for table, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}


def _feedback(platform: Platform, bundle: Bundle) -> pl.DataFrame | None:
    """Return the feedback that the bundle was trained on, where it lies in this lake and still can be read."""
    version = _versions(bundle).get(INTERACTIONS)
    if version is None or bundle.manifest.facts.get("dataset") != platform.workspace.dataset:
        return None
    try:
        frame = feedback(platform.lake.scan(INTERACTIONS, version=version), platform.config.feedback)
    except LakeError:
        # The version was given up, or the bundle is older than this lake: the card does without.
        return None
    # A bundle of the same name from elsewhere names versions of another lake.
    return frame if np.array_equal(frame["movie_id"].unique().sort().to_numpy(), bundle.movie_ids) else None


def _tail(bundle: Bundle, frame: pl.DataFrame) -> LongTail:
    known = Feedback.of(frame)
    likes = known.matrix(known.positive, np.arange(len(known.user_ids)))
    return long_tail(bundle.recommender, likes, most_users=_MOST_USERS, k=_LENGTH)


def _volume(platform: Platform, versions: Mapping[str, int]) -> DataVolume:
    tables = figures.Tables(platform.lake, versions)
    totals = figures.totals(tables)
    span, counted = figures.by_time(tables, totals)
    counts: dict[str, str | int] = {
        "interactions": totals.interactions,
        "users": totals.users,
        "films in the interactions": totals.rated_films,
        "films in the catalogue": totals.films,
        "rows refused": totals.refused,
    }
    if totals.first_event is not None and totals.last_event is not None:
        counts |= {
            "from": f"{totals.first_event:%Y-%m-%d}",
            "to": f"{totals.last_event:%Y-%m-%d}",
            "of unknown time": totals.timeless,
        }
    plot = None
    if counted.height:
        plot = plots.volume(
            counted, span, column="interactions", title="interactions", colour="var(--c0)", width=_WIDTH
        )
    return DataVolume(counts, plot)
