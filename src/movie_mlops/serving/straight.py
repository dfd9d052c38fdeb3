"""The best films straight from the model, where nothing but filters and what was seen has a say in a list.

Most lists are such. A model may know its best films without a score for each (see `Recommender.best`), and then a list
costs a part of what it does otherwise; it is the same list.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.serving.catalogue import Film
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.rules import Ruling
from movie_mlops.serving.scoring import Told, tell
from movie_mlops.serving.wishes import Wish


@dataclass(frozen=True, slots=True)
class Straight:
    """The best films, the best first.

    Attributes:
        model: Whose.
        told: What it was told of the history.
        contributions: What each film of the history carries of each score, where that was asked for and is known.
        items: Its items.
        films: The same in the catalogue.
        scores: Their scores.
    """

    model: ServingModel
    told: Told
    contributions: NDArray[np.float32] | None
    items: list[int]
    films: list[Film]
    scores: list[float]


def straight(
    snapshot: Snapshot, history: History, wish: Wish, ruling: Ruling | None, traits: NDArray[np.float32] | None = None
) -> Straight | None:
    """Return the ``wish.k`` best films; ``None`` where that is not all there is to a list, or it would need a note."""
    model = snapshot.model
    if model is None or not (wish.straight and model.recommender.capabilities.personalised):
        return None
    if ruling is not None and not ruling.plain:
        return None
    told = tell(model, history, traits)
    if told.why is not None:
        return None
    left_out = _left_out(model, told, history, wish)
    passing = wish.filters.mask(snapshot.catalogue)
    if ruling is not None and ruling.allowed is not None:
        passing = ruling.allowed if passing is None else passing & ruling.allowed
    among = None if passing is None else model.allowed(passing)
    if among is None:
        if model.unlisted.size:
            left_out = np.concatenate((left_out, model.unlisted))
    elif np.count_nonzero(among) < wish.k:
        return None
    best = model.recommender.best(
        told.items,
        told.weights,
        wish.k,
        without=left_out,
        among=among,
        times=told.times,
        traits=told.traits,
        explain=wish.explain and model.recommender.capabilities.explains,
    )
    # Of a short list it has to be said why it is one, and what a model gives all the same score it does not know.
    if len(best.items) < wish.k or best.scores[0] == best.scores[-1]:
        return None
    films = snapshot.catalogue.films
    listed = [films[position] for position in model.positions[best.items].tolist()]
    return Straight(model, told, best.contributions, best.items.tolist(), listed, best.scores.tolist())


def _left_out(model: ServingModel, told: Told, history: History, wish: Wish) -> NDArray[np.int64]:
    """Return the items that may not come."""
    consumed = history.consumed
    if wish.exclude_seen and not wish.exclude and len(told.items) == len(history) and consumed.all():
        return told.items.astype(np.int64)
    without = list(wish.exclude)
    if wish.exclude_seen:
        without += history.movie_ids[consumed].tolist()
    items = model.items
    return np.array([items[movie_id] for movie_id in without if movie_id in items], np.int64)
