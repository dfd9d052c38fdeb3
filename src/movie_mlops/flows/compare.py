"""Two bundles side by side: what differs in them, how they were judged, and what people would see change."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.nouns import Workspace
from movie_mlops.evaluation import Feedback, Scores, compare
from movie_mlops.flows.evaluate import scores_path
from movie_mlops.flows.features import known_feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.scores import read_scores, write_scores
from movie_mlops.flows.shelf import size_of
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.recommenders import NO_ITEM
from movie_mlops.release import Bundle, Manifest, read_bundle
from movie_mlops.release.judged import Judged, measures
from movie_mlops.release.tail import lists_of

_USERS: Final = 200
_LENGTH: Final = 10
_FILMS: Final = 10


def compare_bundles(platform: Platform, one: str, other: str) -> dict[str, Any]:
    """Return how two bundles differ, as plain data.

    Args:
        platform: The stores.
        one: Id of the first bundle.
        other: Id of the second one; differences are second minus first.

    Raises:
        BundleError: One of them is not whole, or not signed by somebody who is trusted.
    """
    bundles = [
        read_bundle(platform.workspace.models / bundle_id, trust=platform.keys.trust) for bundle_id in (one, other)
    ]
    first, second = (bundle.manifest for bundle in bundles)
    paired, note = _paired(platform, first, second)
    return {
        "bundles": [_named(platform, manifest) for manifest in (first, second)],
        "differs": _differing(first, second),
        "metrics": _metrics(first, second),
        "paired": paired,
        "note": note,
        "lists": _lists(platform, bundles[0], bundles[1]),
    }


def keep_scores(platform: Platform, bundle_id: str, candidate: str) -> None:
    """Keep what each judged user got from the candidate's recipe, so that its bundle can be compared with others."""
    path = scores_of(platform.workspace, bundle_id)
    if not path.exists():
        write_scores(path, [read_scores(scores_path(platform.workspace), platform.config.evaluation)[candidate]])


def scores_of(workspace: Workspace, bundle_id: str) -> Path:
    """Return where the scores of each judged user of a bundle's recipe are kept."""
    return workspace.reports / "scores" / f"{bundle_id}.parquet"


def _named(platform: Platform, manifest: Manifest) -> dict[str, Any]:
    registered = platform.registry.find(manifest.bundle_id)
    label = registered.label if registered else None
    return {"bundle": manifest.bundle_id, "label": label, "bytes": size_of(manifest)}


def _differing(first: Manifest, second: Manifest) -> dict[str, list[Any]]:
    """Return every parameter and fact that is not the same, measures aside."""
    told = [_lines(manifest) for manifest in (first, second)]
    names = dict.fromkeys([*told[0], *told[1]])
    return {name: [told[0].get(name), told[1].get(name)] for name in names if told[0].get(name) != told[1].get(name)}


def _lines(manifest: Manifest) -> dict[str, Any]:
    lines: dict[str, Any] = {"model": manifest.model, "films": manifest.movie_ids.shape[0]}
    lines |= {f"params {name}": value for name, value in manifest.params.items()}
    for fact, value in manifest.facts.items():
        if fact in {"evaluation", "judged"}:
            continue
        lines |= {f"{fact} {key}": inner for key, inner in value.items()} if isinstance(value, dict) else {fact: value}
    return lines


def _metrics(first: Manifest, second: Manifest) -> dict[str, list[float | None]]:
    told = [measures(manifest) for manifest in (first, second)]
    names = dict.fromkeys([*told[0], *told[1]])
    return {name: [found[name].estimate if name in found else None for found in told] for name in names}


def _paired(platform: Platform, first: Manifest, second: Manifest) -> tuple[dict[str, Any] | None, str]:
    """Return the second's metrics minus the first's on the same users; or why that cannot be told."""
    kept = [_kept(platform, manifest) for manifest in (first, second)]
    missing = [m.bundle_id for m, scores in zip((first, second), kept, strict=True) if scores is None]
    if kept[0] is None or kept[1] is None:
        return None, f"What each user got from {' and '.join(missing)} was not kept."
    if _data(first) != _data(second) or kept[0].user_ids != kept[1].user_ids:
        return None, "They were judged on other data, so their figures cannot be compared user by user."
    shared = [metric for metric in kept[0].per_user if metric in kept[1].per_user]
    told = {metric: asdict(compare(kept[1], kept[0], metric)) for metric in shared}
    level = platform.config.evaluation.level
    return told, f"On the same {len(kept[0].user_ids):,} users, with the {level:.0%} interval."


def _kept(platform: Platform, manifest: Manifest) -> Scores | None:
    """Return what each judged user got from a bundle's recipe, where that was kept."""
    try:
        found = read_scores(scores_of(platform.workspace, manifest.bundle_id), platform.config.evaluation)
    except (OSError, pl.exceptions.PolarsError):
        return None
    return next(iter(found.values()), None)


def _data(manifest: Manifest) -> Any:
    """Return what a bundle's recipe was judged on."""
    judged, versions = Judged.of(manifest), manifest.facts.get("lake_versions")
    interactions = versions.get(INTERACTIONS) if isinstance(versions, dict) else None
    return manifest.facts.get("dataset"), interactions, judged and (judged.case, judged.split)


def _lists(platform: Platform, first: Bundle, second: Bundle) -> dict[str, Any]:
    """Return how the lists of some users differ, and which films come and go most often."""
    known = Feedback.of(known_feedback(platform.lake, platform.config.feedback))
    people = np.unique(np.linspace(0, len(known.user_ids) - 1, min(_USERS, len(known.user_ids))).round().astype(int))
    likes = known.matrix(known.positive, np.arange(len(known.user_ids)))[people]
    shown = [_shown(bundle, likes, known.movie_ids) for bundle in (first, second)]
    gone, come = Counter[int](), Counter[int]()
    shares = []
    for before, after in zip(*shown, strict=True):
        gone.update(before - after)
        come.update(after - before)
        shares.append(len(before & after) / max(1, len(before | after)))
    titles = _titles(platform)
    return {
        "users": len(people),
        "length": _LENGTH,
        "shared": float(np.mean(shares)),
        "come": _films(come, titles),
        "gone": _films(gone, titles),
    }


def _shown(bundle: Bundle, likes: sparse.csr_matrix, movie_ids: NDArray[np.int64]) -> list[set[int]]:
    """Return each user's list as movie ids; films that the bundle does not know are no part of its histories."""
    order = np.argsort(bundle.movie_ids)
    place = np.searchsorted(bundle.movie_ids, movie_ids, sorter=order).clip(max=len(order) - 1)
    items = order[place]
    known = bundle.movie_ids[items] == movie_ids
    kept = likes[:, known].tocoo()
    shape = (likes.shape[0], len(bundle.movie_ids))
    own = sparse.csr_matrix((kept.data, (kept.row, items[known][kept.col])), shape=shape, dtype=np.float32)
    lists = lists_of(bundle.recommender, own, _LENGTH)
    return [set(bundle.movie_ids[row[row != NO_ITEM]].tolist()) for row in lists]


def _titles(platform: Platform) -> Mapping[int, str]:
    if platform.lake.version(MOVIES) is None:
        return {}
    frame = platform.lake.scan(MOVIES).select("movie_id", pl.col("title").fill_null("")).collect()
    return dict(frame.iter_rows())


def _films(counted: Counter[int], titles: Mapping[int, str]) -> list[dict[str, Any]]:
    most = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))[:_FILMS]
    return [{"movie_id": film, "title": titles.get(film, ""), "users": users} for film, users in most]
