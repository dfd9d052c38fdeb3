"""What the loop is held against: the first model as it was, and what was popular in the last days."""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders import Recommender

DAY = 86_400


class Known:
    """What is known of everybody by now.

    Attributes:
        liked: Of each user the films that they like, each with when, in Unix seconds.
        met: Of each user the films that they met.
    """

    def __init__(self) -> None:
        self.liked: dict[str, dict[int, int]] = {}
        self.met: dict[str, set[int]] = {}

    def add(self, rows: Iterable[tuple[str, int, float, int]]) -> None:
        """Take in what happened: who, which film, how much it is liked, when."""
        for user, film, weight, at in rows:
            self.met.setdefault(user, set()).add(film)
            if weight > 0:
                self.liked.setdefault(user, {})[film] = at
            else:
                self.liked.get(user, {}).pop(film, None)


class Frozen:
    """A model that is never trained again; it answers by all that is known of a user at the time.

    Whoever it knows nothing of gets what was popular when it was trained.

    Args:
        model: The model, and which film each of its items is, ascending; ``None`` where there is none yet, and
            everybody gets what was popular.
        popular: The films that were liked most then, the best first.
    """

    def __init__(self, model: tuple[Recommender, NDArray[np.int64]] | None, popular: list[int]) -> None:
        self._model = model
        self._popular = popular

    def best(self, user: str, known: Known, k: int) -> list[int]:
        """Return the films that it recommends, the best first."""
        met = known.met.get(user, set())
        popular = [film for film in self._popular if film not in met][:k]
        if self._model is None:
            return popular
        model, movie_ids = self._model
        items, times = _items(movie_ids, known.liked.get(user, {}))
        if not len(items):
            return popular
        without, _ = _items(movie_ids, dict.fromkeys(met, 0))
        found = model.best(items, np.ones(len(items), np.float32), k, without=without.astype(np.int64), times=times)
        return [int(film) for film in movie_ids[found.items]]


def _items(movie_ids: NDArray[np.int64], films: dict[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return which items some films are, and when each was liked; without those that are none."""
    asked = np.fromiter(films, np.int64, len(films))
    places = np.searchsorted(movie_ids, asked)
    there = places < len(movie_ids)
    there[there] = movie_ids[places[there]] == asked[there]
    times = np.fromiter(films.values(), np.int64, len(films))
    return places[there].astype(np.int32), times[there]


class Recent:
    """Popularity of the last days; of equals what was liked more of all time.

    Args:
        days: How many.
    """

    def __init__(self, days: float) -> None:
        self._seconds = days * DAY
        self._window: deque[tuple[int, int]] = deque()
        self._lately: dict[int, int] = {}
        self._ever: dict[int, int] = {}
        self._order: list[int] | None = None

    def add(self, rows: Iterable[tuple[str, int, float, int]]) -> None:
        """Take in what happened, in the order of time."""
        for _, film, weight, at in rows:
            if weight > 0:
                self._window.append((at, film))
                self._lately[film] = self._lately.get(film, 0) + 1
                self._ever[film] = self._ever.get(film, 0) + 1
            while self._window and self._window[0][0] <= at - self._seconds:
                _, old = self._window.popleft()
                self._lately[old] -= 1
        self._order = None

    def best(self, user: str, known: Known, k: int) -> list[int]:
        """Return the most popular films that a user has not met."""
        if self._order is None:
            self._order = sorted(self._ever, key=lambda film: (-self._lately.get(film, 0), -self._ever[film], film))
        met, found = known.met.get(user, set()), list[int]()
        for film in self._order:
            if film not in met:
                found.append(film)
                if len(found) == k:
                    break
        return found

    def of_all_time(self) -> list[int]:
        """Return all films, those that were liked most of all time first."""
        return sorted(self._ever, key=lambda film: (-self._ever[film], film))
