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
    if not items or not model.recommender.capabilities.explains:
        return {}
    contributions = model.recommender.explain_many(
        told.items, told.weights, items, times=told.times, traits=told.traits
    )
    return strongest_reasons(catalogue, model, told, items, contributions, most=most)


def strongest_reasons(
    catalogue: Catalogue,
    model: ServingModel,
    told: Told,
    items: Sequence[int],
    contributions: NDArray[np.float32],
    *,
    most: int,
) -> dict[int, tuple[Because, ...]]:
    """Return, for each item, the films that contribute the most to it; see :func:`reasons_for`.

    Args:
        catalogue: The films.
        model: The released model.
        told: What it was told of the history.
        items: What is explained.
        contributions: float32[items, films of the history].
        most: How many films a reason names at most.
    """
    films = model.positions[told.items].tolist()
    # A film that carries less than nothing speaks for no other, and is not named.
    carried = np.where(told.weights > 0, np.maximum(contributions, 0), 0)
    totals = carried.sum(axis=1)
    shares = carried / np.where(totals > 0, totals, 1)[:, np.newaxis]
    rows = np.arange(len(items))
    orders = np.empty((len(items), min(most, len(films))), np.int64)
    parts = np.empty(orders.shape, shares.dtype)
    for place in range(orders.shape[1]):
        # Of equals the first; of a few films that is quicker than to sort them all.
        orders[:, place] = best = shares.argmax(axis=1)
        parts[:, place] = shares[rows, best]
        shares[rows, best] = -1
    return {
        item: tuple(
            Because(catalogue.films[films[place]], part)
            for place, part in zip(order, named, strict=True)
            if part >= _SMALLEST_SHARE and films[place] >= 0
        )
        for item, order, named in zip(items, orders.tolist(), parts.tolist(), strict=True)
    }


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
