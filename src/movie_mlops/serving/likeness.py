"""How much alike films are, from 0 to 1: by the released model where it compares films, else by their facts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.catalogue import Film
from movie_mlops.serving.scoring import Scored

_GENRES, _DIRECTORS, _YEARS = 0.6, 0.3, 0.1
_SAME_TIME = 5
"""Films so many years apart are of the same time."""


class Likeness:
    """Compares films with the films of a pool.

    Args:
        scored: The candidates.
        films: The films of the pool.
    """

    def __init__(self, scored: Scored, films: Sequence[Film]) -> None:
        self._scored = scored
        self._films = films
        model = scored.model
        self._model = model if model is not None and model.recommender.capabilities.similar else None
        if self._model is not None:
            places = [self._model.items.get(film.movie_id, -1) for film in films]
            self._places = np.array(places, dtype=np.int64)

    def to(self, film: Film) -> NDArray[np.float32]:
        """Return how much each film of the pool is like ``film``: 1 for what is most like it of all films.

        The model compares where it knows something like the film; else facts do.
        """
        model = self._model
        item = None if model is None else model.items.get(film.movie_id)
        if model is not None and item is not None:
            similarities = model.recommender.similarities(item)
            most = float(similarities.max())
            if most > 0:
                alike: NDArray[np.float32] = np.clip(similarities[self._places] / np.float32(most), 0, 1)
                alike[self._places == item] = 1
                alike[self._places < 0] = 0
                return alike
        return np.array([by_facts(film, other) for other in self._films], dtype=np.float32)


def by_facts(one: Film, other: Film) -> float:
    """Return how much of their genres, directors and time two films share, from 0 to 1."""
    if one.movie_id == other.movie_id:
        return 1.0
    genres, others = set(one.genres), set(other.genres)
    shared = len(genres & others) / len(genres | others) if genres and others else 0.0
    directed = not set(one.directors).isdisjoint(other.directors)
    near = one.year is not None and other.year is not None and abs(one.year - other.year) <= _SAME_TIME
    return _GENRES * shared + _DIRECTORS * directed + _YEARS * near
