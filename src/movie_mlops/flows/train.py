"""Step 4: the candidate's recipe, trained on everything that is known, becomes a bundle."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import Feedback
from movie_mlops.flows.config import Recipe
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.provenance import code_commit, package_versions
from movie_mlops.flows.steps import Result
from movie_mlops.recommenders import create
from movie_mlops.release import key_id, write_bundle


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
    known = Feedback.of(feedback)
    matrix, times = known.training()
    model = create(recipe.model, recipe.params)
    model.fit(matrix, times=times, progress=progress)
    signer = platform.keys.signer()
    bundle = write_bundle(
        platform.workspace.models,
        model=model,
        movie_ids=known.movie_ids,
        facts={
            **facts,
            "recipe": recipe.name,
            "seed": getattr(model.params, "seed", None),
            "code_commit": code_commit(),
            "packages": package_versions(),
        },
        signer=signer,
    )
    return {
        "bundle_id": bundle.bundle_id,
        "users": matrix.shape[0],
        "films": matrix.shape[1],
        "positives": matrix.nnz,
        "signed_by": key_id(signer.public_key),
        "new_key": None if signer.made is None else str(signer.made),
    }
