"""Step 4: the candidate's recipe, trained on everything that is known, becomes a bundle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import Feedback
from movie_mlops.flows.config import Recipe
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.provenance import code_commit, code_sha256, machine, package_versions
from movie_mlops.flows.steps import Result
from movie_mlops.recommenders import Recommender, create
from movie_mlops.release import key_id, write_bundle


@dataclass(frozen=True)
class Trained:
    """A fitted model and what it was fitted on.

    Attributes:
        model: Fitted.
        movie_ids: int64[films]; which film each item is.
        trained_on: How many users, films and positives there were, and the SHA-256 of the very numbers.
    """

    model: Recommender
    movie_ids: NDArray[np.int64]
    trained_on: dict[str, Any]


def fit(feedback: pl.DataFrame, model: str, params: Mapping[str, Any], progress: Progress) -> Trained:
    """Fit a model on all positives.

    Args:
        feedback: What is known of users and films.
        model: Name of the recommender.
        params: Its parameters.
        progress: Who listens.
    """
    known = Feedback.of(feedback)
    matrix, times = known.training()
    made = create(model, params)
    made.fit(matrix, times=times, progress=progress)
    users, films = matrix.shape
    trained_on = {"users": users, "films": films, "positives": matrix.nnz, "sha256": _sha256(known, matrix, times)}
    return Trained(made, known.movie_ids, trained_on)


def train(
    platform: Platform, feedback: pl.DataFrame, recipe: Recipe, *, facts: Mapping[str, Any], progress: Progress
) -> Result:
    """Fit the recipe on all positives and write its bundle, signed; the key is made on first need.

    Args:
        platform: The stores.
        feedback: What is known of users and films.
        recipe: What to make.
        facts: Data versions and evaluation, for the manifest.
        progress: Who listens.
    """
    trained = fit(feedback, recipe.model, recipe.params, progress)
    params = trained.model.params
    seeded = hasattr(params, "seed")
    signer = platform.keys.signer()
    bundle = write_bundle(
        platform.workspace.models,
        model=trained.model,
        movie_ids=trained.movie_ids,
        facts={
            **facts,
            "recipe": recipe.name,
            **platform.config.model_dump(mode="json", include={"feedback"}),
            "trained_on": trained.trained_on,
            "seed": getattr(params, "seed", None),
            # A seed that is null could have been forgotten: this says that there is nothing to seed.
            "randomness": "seeded" if seeded else "none",
            "threads": {"blas": getattr(params, "threads", 1)},
            "code_commit": code_commit(),
            "code_sha256": code_sha256(),
            "packages": package_versions(),
            "machine": machine(),
        },
        signer=signer,
    )
    counts = {name: trained.trained_on[name] for name in ("users", "films", "positives")}
    return {
        "bundle_id": bundle.bundle_id,
        **counts,
        "signed_by": key_id(signer.public_key),
        "new_key": None if signer.made is None else str(signer.made),
    }


def _sha256(known: Feedback, matrix: sparse.csr_matrix, times: NDArray[np.int64] | None) -> str:
    """Return the SHA-256 of what a model is fitted on; user ids shape no model and take no part."""
    sha256 = hashlib.sha256()
    for array, dtype in (
        (known.movie_ids, "<i8"),
        (matrix.indptr, "<i8"),
        (matrix.indices, "<i4"),
        (matrix.data, "<f4"),
        (np.zeros(0) if times is None else times, "<i8"),
    ):
        sha256.update(f"{dtype}{array.shape}".encode())
        sha256.update(np.ascontiguousarray(array, dtype=dtype).data)
    return sha256.hexdigest()
