"""Why an answer was given: computed again with the model of that time, from what was known then."""

from collections.abc import Sequence
from typing import Any, Final

from movie_mlops.core.nouns import Kind
from movie_mlops.features import History
from movie_mlops.release import BundleError, Release, read_bundle
from movie_mlops.serving.errors import ReleaseUnusableError
from movie_mlops.serving.impressions import Impression
from movie_mlops.serving.model import ServingModel
from movie_mlops.serving.recommend import Because, explain_again
from movie_mlops.serving.services import Services

_REASONS: Final = 3
_ALIKE: Final = 1e-5
"""Scores are sums in single precision. In another order, as of all films instead of a few, or on another processor,
they are the same but for so much of the largest of them."""


def why(services: Services, impression: Impression, release: Release | None) -> dict[str, Any]:
    """Return each film of an answer with its score then and now, what speaks for it, and whether all is the same.

    Args:
        services: The stores.
        impression: The answer.
        release: The release that gave it.
    """
    movie_ids = [movie_id for movie_id, _ in impression.items]
    told: Sequence[tuple[float | None, tuple[Because, ...]]] = [(None, ()) for _ in movie_ids]
    history, model, problem = _history(services, impression), None, None
    if release is not None and impression.source == "personalised":
        try:
            model = _model(services, release)
        except (BundleError, ReleaseUnusableError) as error:
            problem = error.problem
        if model is not None and model.recommender.store_features:
            model, problem = None, "Its model read rows of the feature store, and how they were then is not kept."
        if "traits" in impression.request:
            model, problem = None, "It was made from traits of a person, too, and these are kept nowhere."
    films = services.watcher.snapshot.catalogue
    if model is not None and history is not None:
        told = explain_again(films, model, history, movie_ids, reasons=_REASONS)
    items = []
    for (movie_id, score), (once_more, because) in zip(impression.items, told, strict=True):
        film = films.get(movie_id)
        reasons = [{"movie_id": b.film.movie_id, "title": b.film.title, "share": round(b.share, 3)} for b in because]
        document = {"movie_id": movie_id, "title": None} if film is None else film.document()
        items.append({**document, "score": score, "score_again": once_more, "because": reasons})
    tried = model is not None and history is not None
    scores, again = [item["score"] for item in items], [item["score_again"] for item in items]
    return {
        "liked": None if history is None else int((history.weights > 0).sum()),
        "same": are_same(scores, again) if tried else None,
        "problem": problem,
        "items": items,
    }


def are_same(scores: Sequence[float], again: Sequence[float | None]) -> bool:
    """Return whether each film has the score that it had, as far as sums in single precision can tell."""
    largest = max(map(abs, scores), default=0.0)
    return all(now is not None and abs(now - then) <= _ALIKE * largest for then, now in zip(scores, again, strict=True))


def _history(services: Services, impression: Impression) -> History | None:
    """Return what was known of whoever asked; ``None`` where nobody knows."""
    # A row of a page goes by one film of the user's alone, and says so as a list does that somebody sends.
    if impression.user_id is None or "history" in impression.request:
        words = impression.request.get("history")
        if words is None:
            # A list for a group is nobody's alone.
            return None
        said = ((word["movie_id"], Kind(word["kind"]), word.get("value")) for word in words)
        return History.of(said, services.feedback)
    if services.records is None:
        return None
    return services.records.history(impression.user_id, until=impression.at)


def _model(services: Services, release: Release) -> ServingModel:
    """Return the release's model: the one in memory where it is the same bundle."""
    snapshot = services.watcher.snapshot
    if snapshot.model is not None and snapshot.model.release.bundle_id == release.bundle_id:
        return snapshot.model
    bundle = read_bundle(services.bundles / release.bundle_id, trust=services.trust)
    return ServingModel.of(release, bundle, snapshot.catalogue)
