"""Why a film is recommended: which films of a history speak for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.model import ServingModel
from movie_mlops.serving.scoring import Told, tell

_SMALLEST_SHARE: Final = 0.05
"""A film that carries less of a score than this is not named as its reason."""


@dataclass(frozen=True, slots=True)
class Because:
    """A film of the history that carries a share (0 to 1) of what speaks for a recommended film."""

    film: Film
    share: float


def reasons_for(
    catalogue: Catalogue, model: ServingModel, told: Told, items: Sequence[int], *, most: int
) -> dict[int, tuple[Because, ...]]:
    """Return, for each item, the films of a history that speak the most for it.

    Args:
        catalogue: The films.
        model: The released model.
        told: What it was told of the history.
        items: What is explained.
        most: How many films a reason names at most.

    Returns:
        Nothing where the model does not explain, or nothing was liked.
    """
    liked = told.weights > 0
    if not items or not model.recommender.capabilities.explains:
        return {}
    films = [catalogue.get(movie_id) for movie_id in model.movie_ids[told.items[liked]].tolist()]
    shares = model.recommender.explain_many(told.items, told.weights, items, times=told.times)[:, liked]
    return {item: _strongest(films, row, most) for item, row in zip(items, shares, strict=True)}


def explain_again(
    catalogue: Catalogue, model: ServingModel, history: History, movie_ids: Sequence[int], *, reasons: int
) -> list[tuple[float | None, tuple[Because, ...]]]:
    """Return what a model says of films for a history: each one's score, and what speaks for it.

    Args:
        catalogue: The films.
        model: The released model.
        history: What was met.
        movie_ids: The films.
        reasons: How many films a reason names at most.

    Returns:
        For each film its score, ``None`` where the model draws nothing from the history or lacks the film.
    """
    told = tell(model, history)
    targets = [model.items.get(movie_id) for movie_id in movie_ids]
    known = [target for target in targets if target is not None]
    if told.why is not None or not known:
        return [(None, ()) for _ in movie_ids]
    scores = model.recommender.score_one(told.items, told.weights, times=told.times)
    speaks = reasons_for(catalogue, model, told, known, most=reasons)
    return [(None, ()) if target is None else (float(scores[target]), speaks.get(target, ())) for target in targets]


def _strongest(films: Sequence[Film | None], contributions: NDArray[np.float32], most: int) -> tuple[Because, ...]:
    """Return the films that speak the most for a film; their shares are of all that speaks for it."""
    total = float(contributions[contributions > 0].sum())
    if total <= 0:
        return ()
    order = np.argsort(-contributions, kind="stable")[:most].tolist()
    shares = [(films[place], float(contributions[place]) / total) for place in order]
    return tuple(Because(film, share) for film, share in shares if film is not None and share >= _SMALLEST_SHARE)
