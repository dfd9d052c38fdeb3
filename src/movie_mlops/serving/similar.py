"""More like this: the films that the released model finds most like one film, and what the two have in common."""

import numpy as np

from movie_mlops.recommenders import strongest
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.errors import NotSupportedError
from movie_mlops.serving.model import ServingModel
from movie_mlops.serving.reasons import Because
from movie_mlops.serving.recommend import Pick
from movie_mlops.serving.wishes import Filters, and_


def like(
    catalogue: Catalogue, model: ServingModel, film: Film, *, k: int, filters: Filters, without: set[int]
) -> list[Pick]:
    """Return the ``k`` films that are most like one film; none where the model knows nothing like it.

    Raises:
        NotSupportedError: The model does not compare films.
    """
    if not model.recommender.capabilities.similar:
        raise NotSupportedError(
            f"The released model ({model.release.model}) does not compare films.",
            next_step="Release a model that does, such as edlae.",
        )
    item = model.items.get(film.movie_id)
    if item is None:
        return []
    similarities = model.recommender.similarities(item)
    ranked = np.where(model.allowed(filters.mask(catalogue)), similarities, np.float32(0))
    ranked[[other for movie_id in without if (other := model.items.get(movie_id)) is not None]] = 0
    best = strongest(ranked, k)
    best = best[ranked[best] > 0]
    others = [catalogue.films[position] for position in model.positions[best].tolist()]
    scores = ranked[best].tolist()
    return [
        Pick(other, score, (Because(film, 1.0),), why=in_common(film, other))
        for other, score in zip(others, scores, strict=True)
    ]


def why_not(catalogue: Catalogue, model: ServingModel, film: Film, filters: Filters) -> str:
    """Say why no film is like one film."""
    mask = filters.mask(catalogue)
    if model.items.get(film.movie_id) is None or mask is None:
        return f"The released model knows nothing like {film.title}."
    for words, passing in filters.parts(catalogue):
        if not passing.any():
            return f"No film {words}."
    return f"Nothing that the released model finds like {film.title} passes the filters and exclusions."


def in_common(film: Film, other: Film) -> str:
    """Say in a sentence what makes two films alike: who made them, what they are, when; else who likes them."""
    directors = [name for name in film.directors if name in other.directors]
    genres = [genre for genre in film.genres if genre in other.genres]
    parts = [f"by {and_(directors)}" if directors else "", and_(genres) if genres else ""]
    if film.year is not None and film.year == other.year:
        parts.append(f"from {film.year}")
    said = "; ".join(part for part in parts if part)
    return f"Like {film.title}: {said or 'liked by the same people'}"
