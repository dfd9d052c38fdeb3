"""A release in memory, ready to answer; made off the request path and never changed."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders import Recommender
from movie_mlops.release import Bundle, Release
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.errors import ReleaseUnusableError

if TYPE_CHECKING:
    from movie_mlops.serving.traffic import Traffic


@dataclass(frozen=True, slots=True)
class ServingModel:
    """A released model, and how its items and the catalogue's films map to each other.

    Attributes:
        release: The row of the ledger that it serves for.
        dataset: The data set that it was trained on, where the bundle says so.
        recommender: The model.
        movie_ids: int64[n_items], the film of each item.
        positions: int64[n_items], the catalogue position of each item; -1 where the catalogue lacks the film.
        listed: bool[n_items], whether the catalogue has the film of each item.
        unlisted: int64[n], the items whose film it lacks.
        items: The item of each film id.
        traits: The traits of people that it reads, in its order; nothing where it reads none.
    """

    release: Release
    dataset: str | None
    recommender: Recommender
    movie_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    listed: NDArray[np.bool_]
    unlisted: NDArray[np.int64]
    items: dict[int, int]
    traits: tuple[str, ...] = ()

    @classmethod
    def of(cls, release: Release, bundle: Bundle, catalogue: Catalogue) -> Self:
        """Join a bundle with the catalogue, and try it once.

        Raises:
            ReleaseUnusableError: It scores wrongly, or none of its films is in the catalogue.
        """
        positions = catalogue.positions(bundle.movie_ids)
        if not (positions >= 0).any():
            raise ReleaseUnusableError(
                f"None of the {bundle.movie_ids.size:,} films of the bundle {bundle.bundle_id!r} is in the catalogue.",
                next_step="Serve the data set that it was trained on, or train again with 'movie-mlops run'.",
            )
        _try(bundle)
        dataset, traits = (bundle.manifest.facts.get(name) for name in ("dataset", "traits"))
        return cls(
            release=release,
            dataset=dataset if isinstance(dataset, str) else None,
            recommender=bundle.recommender,
            movie_ids=bundle.movie_ids,
            positions=positions,
            listed=positions >= 0,
            unlisted=np.flatnonzero(positions < 0),
            items={movie_id: item for item, movie_id in enumerate(bundle.movie_ids.tolist())},
            traits=tuple(map(str, traits)) if isinstance(traits, list) else (),
        )

    def known(self, movie_ids: Iterable[int]) -> NDArray[np.bool_]:
        """Return which of the films the model has."""
        return np.array([movie_id in self.items for movie_id in movie_ids], dtype=np.bool_)

    def allowed(self, films: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Return which items may be answered: those in the catalogue and, of ``films`` (by position), those allowed.

        It may be the model's own array: not to be written to.
        """
        if films is None:
            return self.listed
        allowed: NDArray[np.bool_] = self.listed & films[self.positions]
        return allowed

    def document(self) -> dict[str, Any]:
        """Return the release in the API's shape."""
        release = self.release
        return {
            "release_id": release.release_id,
            "bundle_id": release.bundle_id,
            "model": release.model,
            "dataset": self.dataset,
        }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one request sees from its start to its end, whatever is released meanwhile.

    Attributes:
        catalogue: The films.
        model: The released model; ``None`` while none could be loaded.
        traffic: Who is answered otherwise; ``None`` while nothing is rolled out.
        answers: What was answered with it lately, in order of use; only :class:`~movie_mlops.serving.repeats.Repeats`
            touches it.
    """

    catalogue: Catalogue
    model: ServingModel | None
    traffic: "Traffic | None" = None
    answers: OrderedDict[Any, Any] = field(default_factory=OrderedDict, compare=False, repr=False)


def _try(bundle: Bundle) -> None:
    item = np.zeros(1, dtype=np.int32)
    # What the first request would have to prepare is prepared by it too.
    bundle.recommender.best(item, np.ones(1, dtype=np.float32), 2)
    scores = bundle.recommender.score_one(item, np.ones(1, dtype=np.float32))
    if scores.shape != bundle.movie_ids.shape or not np.isfinite(scores).all():
        raise ReleaseUnusableError(
            f"The bundle {bundle.bundle_id!r} gives scores that are no finite numbers, one for each film.",
            next_step="Train again with 'movie-mlops run', or roll back to another release.",
        )
