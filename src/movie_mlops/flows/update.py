"""The champion brought up to date instead of trained anew: what came since goes in, and the rest stays as it is."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.evaluation import Feedback
from movie_mlops.flows.config import Recipe
from movie_mlops.flows.errors import FlowError, NothingReleasedError
from movie_mlops.flows.features import known_feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.train import Trained, learned_sha256
from movie_mlops.lake import INTERACTIONS
from movie_mlops.recommenders import Change, create, updated
from movie_mlops.release import Bundle, read_bundle

_TRAIN_ANEW: Final = "Train it anew with: movie-mlops run"


def bring_up(platform: Platform, feedback: pl.DataFrame, recipe: Recipe) -> tuple[Trained, str]:
    """Return the champion with what came since, and which bundle it was.

    Args:
        platform: The stores.
        feedback: What is known of users and films now.
        recipe: What is to be made: the champion's own.

    Raises:
        NothingReleasedError: Nothing serves.
        FlowError: The champion is made otherwise, or the lake has not any more what it was trained on.
        UpdateError: Its kind cannot be brought up to date, or so much has changed that training is the quicker way.
        BundleError: The champion is not what was written.
    """
    champion = platform.ledger.champion()
    if champion is None:
        raise NothingReleasedError(
            f"Nothing of {platform.workspace.dataset} is released yet.", next_step="Run 'movie-mlops run' first."
        )
    bundle = read_bundle(platform.workspace.models / champion.bundle_id, trust=platform.keys.trust)
    wanted = create(recipe.model, recipe.params)
    if bundle.manifest.model != recipe.model or wanted.params != bundle.recommender.params:
        raise FlowError(
            f"{champion.bundle_id} is not made by the recipe '{recipe.name}', so that it cannot be brought up to it.",
            next_step=_TRAIN_ANEW,
        )
    before, now = _learned_from(platform, bundle), Feedback.of(feedback)
    change, movie_ids = aligned(before, now, bundle.movie_ids)
    model = updated(bundle.recommender, change)
    matrix, times = now.training()
    trained_on = {
        "users": matrix.shape[0],
        "films": matrix.shape[1],
        "positives": matrix.nnz,
        "sha256": learned_sha256(now, matrix, times),
    }
    return Trained(model, movie_ids, trained_on), champion.bundle_id


def aligned(before: Feedback, now: Feedback, movie_ids: NDArray[np.int64]) -> tuple[Change, NDArray[np.int64]]:
    """Return what was known and what is known over the same users and films, and which film each column is.

    Args:
        before: What was known.
        now: What is known.
        movie_ids: Which film each item of the model is, ascending.
    """
    films = np.union1d(np.union1d(movie_ids, now.movie_ids), before.movie_ids)
    users = {user: row for row, user in enumerate(sorted({*before.user_ids, *now.user_ids}))}
    shape = (len(users), len(films))
    matrices = [_over(one, users, films, shape) for one in (before, now)]
    return Change(matrices[0], matrices[1], np.searchsorted(films, movie_ids).astype(np.int64)), films


def _over(
    known: Feedback, users: Mapping[str, int], films: NDArray[np.int64], shape: tuple[int, int]
) -> sparse.csr_array[Any, tuple[int, int]]:
    rows = np.array([users[user] for user in known.user_ids], np.int64)
    columns, liked = np.searchsorted(films, known.movie_ids), known.positive
    places = (rows[known.users[liked]], columns[known.items[liked]])
    return sparse.csr_array((known.weights[liked], places), shape=shape)


def _learned_from(platform: Platform, bundle: Bundle) -> Feedback:
    """Return what a bundle was trained on, to the number.

    Raises:
        FlowError: The lake has not any more what it had: rows were erased, or its kind was learned from otherwise.
        LakeError: That version is gone.
    """
    facts: Mapping[str, Any] = bundle.manifest.facts
    version = facts.get("lake_versions", {}).get(INTERACTIONS)
    found = Feedback.of(known_feedback(platform.lake, platform.config.feedback, version=version))
    if learned_sha256(found, *found.training()) != facts.get("trained_on", {}).get("sha256"):
        raise FlowError(
            f"What {bundle.bundle_id} was trained on is not there any more as it was: what is new cannot be told.",
            next_step=_TRAIN_ANEW,
        )
    return found
