"""Step 4: the candidate's recipe, trained on everything that is known, becomes a bundle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.memory import available_memory_bytes
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import Feedback
from movie_mlops.features import film_content, user_traits
from movie_mlops.flows.config import Recipe
from movie_mlops.flows.likes_features import training_features, views_of
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.provenance import (
    arrays_sha256,
    code_commit,
    code_sha256,
    machine,
    matrix_parts,
    package_versions,
)
from movie_mlops.flows.steps import Result
from movie_mlops.recommenders import Recommender, create
from movie_mlops.release import key_id, write_bundle

Table = Callable[[], pl.DataFrame]
"""Reads a table of the lake when it is first needed."""


@dataclass(frozen=True)
class Trained:
    """A fitted model and what it was fitted on.

    Attributes:
        model: Fitted.
        movie_ids: int64[films]; which film each item is.
        trained_on: How many users, films and positives there were, and the SHA-256 of the very numbers.
        traits: Which traits of users it knows, in the order in which it reads them.
        views: The views of the feature store that it reads, with their versions and digests.
    """

    model: Recommender
    movie_ids: NDArray[np.int64]
    trained_on: dict[str, Any]
    traits: tuple[str, ...] = ()
    views: Mapping[str, Any] = field(default_factory=dict)


def fit(
    feedback: pl.DataFrame,
    model: str,
    params: Mapping[str, Any],
    progress: Progress,
    *,
    movies: Table,
    users: Table | None = None,
    engine: Engine = HERE,
) -> Trained:
    """Fit a model on all positives.

    Args:
        feedback: What is known of users and films.
        model: Name of the recommender.
        params: Its parameters.
        progress: Who listens.
        movies: Gives one row for each film of the lake; asked only for a model that reads facts of films. One that
            scores films that nobody has met takes all of them as its items.
        users: Gives one row for each user of whom something is known; asked only for a model that reads traits.
        engine: Where what can be dealt out is done.
    """
    made = create(model, params)
    catalogue = movies() if made.capabilities.reads_content else None
    unmet = catalogue is not None and made.capabilities.scores_unseen
    known = Feedback.of(feedback, films=catalogue[MOVIE_ID].to_numpy() if catalogue is not None and unmet else None)
    matrix, times = known.training()
    content = None if catalogue is None else film_content(catalogue, known.movie_ids).matrix
    people = users() if users is not None and made.capabilities.reads_traits else None
    traits = None if people is None or people.is_empty() else user_traits(people, known.learners())
    who = None if traits is None else traits.matrix
    reads = made.capabilities.reads_features
    films = (movies() if catalogue is None else catalogue) if reads else None
    made.fit(
        matrix,
        times=times,
        content=content,
        traits=who,
        features=training_features(made, matrix, times, known.movie_ids, films),
        progress=progress,
        memory_limit_bytes=available_memory_bytes(),
        engine=engine,
    )
    sha256 = learned_sha256(known, matrix, times, [facts for facts in (content, who) if facts is not None])
    trained_on = {"users": matrix.shape[0], "films": matrix.shape[1], "positives": matrix.nnz, "sha256": sha256}
    told = () if traits is None else traits.names
    return Trained(made, known.movie_ids, trained_on, told, views_of(made.store_features))


def train(
    platform: Platform,
    feedback: pl.DataFrame,
    recipe: Recipe,
    *,
    movies: Table,
    users: Table,
    facts: Mapping[str, Any],
    progress: Progress,
    reference: Callable[[], bytes | None] = lambda: None,
    brought_up: tuple[Trained, str] | None = None,
) -> Result:
    """Fit the recipe on all positives and write its bundle, signed; the key is made on first need.

    Args:
        platform: The stores.
        feedback: What is known of users and films.
        recipe: What to make.
        movies: Gives one row for each film of the lake, where the recipe asks.
        users: Likewise of the users.
        facts: Data versions and evaluation, for the manifest.
        progress: Who listens.
        reference: Gives what the data looked like, for the bundle to remember; by default nothing.
        brought_up: A bundle with what came since, and its id: it is written, and nothing is trained.
    """
    trained, former = brought_up or (
        fit(feedback, recipe.model, recipe.params, progress, movies=movies, users=users, engine=platform.engine),
        None,
    )
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
            **({"updated_from": former} if former is not None else {}),
            **platform.config.model_dump(mode="json", include={"feedback"}),
            "trained_on": trained.trained_on,
            **({"traits": list(trained.traits)} if trained.traits else {}),
            **({"views_read": dict(trained.views)} if trained.views else {}),
            "seed": getattr(params, "seed", None),
            # A seed that is null could have been forgotten: this says that there is nothing to seed.
            "randomness": "seeded" if seeded else "none",
            "threads": {"blas": getattr(params, "threads", 1)},
            "code_commit": code_commit(),
            "code_sha256": code_sha256(),
            "packages": package_versions(trained.model.capabilities.libraries),
            "machine": machine(),
        },
        reference=reference(),
        signer=signer,
    )
    counts = {name: trained.trained_on[name] for name in ("users", "films", "positives")}
    return {
        "bundle_id": bundle.bundle_id,
        **counts,
        "signed_by": key_id(signer.public_key),
        "new_key": None if signer.made is None else str(signer.made),
    }


def learned_sha256(
    known: Feedback,
    matrix: sparse.csr_matrix,
    times: NDArray[np.int64] | None,
    facts: Sequence[sparse.csr_matrix] = (),
) -> str:
    """Return the SHA-256 of what a model is fitted on; user ids shape no model and take no part."""
    told = (part for one in facts for part in matrix_parts(one))
    stamps = np.zeros(0) if times is None else times
    return arrays_sha256(((known.movie_ids, "<i8"), *matrix_parts(matrix), (stamps, "<i8"), *told))
