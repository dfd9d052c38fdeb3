"""What the online store knows of one person and of films, handed to a model that reads it."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.features import FeatureError, OnlineFeatures, Row
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.state import StateError

_LOG: Final = logging.getLogger("movie_mlops.serving.looking_up")


@dataclass(frozen=True, slots=True)
class OfOne:
    """Looks features up in the online store for one person; see `movie_mlops.recommenders.AnswerFeatures`.

    What the store does not know, or no longer serves, is not known: it is counted there, and nothing is made up.

    Attributes:
        store: The rows.
        user_id: Who; ``None`` for somebody without an account, of whom the store knows nothing.
        movie_ids: The film of each item.
        names: Which features.
        known: What was looked up already, by item: while reasons are sought the same films are asked about again.
    """

    store: OnlineFeatures
    user_id: str | None
    movie_ids: NDArray[np.int64]
    names: tuple[str, ...]
    known: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def of(self, people: NDArray[np.int64], films: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what is known of the person, whatever row they stand in, and films."""
        del people
        asked = np.unique(films)
        new = [item for item in asked.tolist() if item not in self.known]
        if new:
            self.known.update(zip(new, self._looked_up(self.movie_ids[new].tolist()), strict=True))
        told = np.stack([self.known[item] for item in asked.tolist()])
        found: NDArray[np.float32] = told[np.searchsorted(asked, films)]
        return found

    def _looked_up(self, films: Sequence[int]) -> NDArray[np.float32]:
        told = np.full((len(films), len(self.names)), np.nan, np.float32)
        views: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            views.setdefault(name.partition(":")[0], []).append(place)
        for view, places in views.items():
            rows = self._rows(view, films)
            for place in places:
                told[:, place] = _values(rows, self.names[place].partition(":")[2], len(films))
        return told

    def _rows(self, view: str, films: Sequence[int]) -> list[Row]:
        """Return the rows of a view: one alone where it is about the person, none where nobody is known."""
        keys = self.store.views[view].entity.key_names
        if USER_ID in keys and self.user_id is None:
            return []
        user = str(self.user_id)
        try:
            if keys == (USER_ID,):
                return self.store.read_many(view, [user])
            return self.store.read_many(view, films if keys == (MOVIE_ID,) else [(user, film) for film in films])
        except (FeatureError, StateError) as error:
            # The list is made all the same, from what the model itself knows.
            _LOG.error("the rows of %s cannot be read: %s", view, error)
            return []


def informed(store: OnlineFeatures | None, snapshot: Snapshot, user_id: str | None) -> Snapshot:
    """Return a snapshot whose model answers with what the store knows of somebody; the same where it reads nothing.

    Args:
        store: The rows; ``None`` where there are none.
        snapshot: What the request sees.
        user_id: Who asks; ``None`` for somebody without an account.
    """
    model = snapshot.model
    if store is None or model is None or not model.recommender.store_features:
        return snapshot
    known = OfOne(store, user_id, model.movie_ids, model.recommender.store_features)
    asked: ServingModel = replace(model, recommender=model.recommender.asked_with(known, alone=True))
    # Rows change without the history: what was worked out from them is not kept for later.
    return replace(snapshot, model=asked, answers=OrderedDict())


def _values(rows: Sequence[Row], name: str, size: int) -> NDArray[np.float32]:
    """Return one feature of rows, of which one alone stands for all; NaN where it is not known."""
    known = [None if row.values is None else row.values[row.names.index(name)] for row in rows]
    values = np.array([float(value) if isinstance(value, int | float) else np.nan for value in known], np.float32)
    return np.broadcast_to(values if len(values) else np.float32(np.nan), (size,))
