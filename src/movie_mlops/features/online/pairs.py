"""Rows about a user and a film together: made where they are asked for, of what is known of both, as of now."""

from collections.abc import Sequence
from typing import NamedTuple

from movie_mlops.core import clock
from movie_mlops.features.closeness import Closeness
from movie_mlops.features.co_watch import NO_NEIGHBOURS, NOTHING_BESIDE, Beside, CoWatch, Neighbours
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.fold import Fold, FoldState, Value
from movie_mlops.features.measures import UNKNOWN_FILM, Film
from movie_mlops.features.online.histories import HISTORIES
from movie_mlops.features.online.materialise import FILMS, STATES_OF, states_of
from movie_mlops.features.online.neighbours import PERIOD, neighbours_of, unpack
from movie_mlops.features.online.record import OnlineStore
from movie_mlops.features.online.rows import Condition, Key, Row, Unread
from movie_mlops.features.online.through import film_of, seen_of
from movie_mlops.features.words import Record
from movie_mlops.features.words import unpack as unpack_words
from movie_mlops.state import Database


class _About(NamedTuple):
    """What is known of the film of a row.

    Attributes:
        film: Its facts.
        beside: What is near it.
        condition: Whether that can be served.
    """

    film: Film = UNKNOWN_FILM
    beside: Beside = NOTHING_BESIDE
    condition: Condition = "fresh"


class Pairs:
    """The views about a user and a film.

    Args:
        database: Where the states of folds are.
        store: Where rows are read.
        views: Which.
        config: What counts as liking.
    """

    def __init__(self, database: Database, store: OnlineStore, views: Views, config: FeedbackConfig) -> None:
        self._database = database
        self._store = store
        self._folds = {view.name: (Fold(view, config), states_of(view)) for view in views}

    def read(self, view: FeatureView, keys: Sequence[Key]) -> list[Row]:
        """Return the row of each pair, in their order."""
        pairs = [key for key in keys if isinstance(key, tuple)]
        users = list(dict.fromkeys(user for user, _ in pairs))
        movies = list(dict.fromkeys(movie for _, movie in pairs))
        now = clock.now()
        moment = clock.microseconds(now)
        if view.follows_everybody:
            states, films = self._of_histories(view, users), self._near(view, movies, moment)
        else:
            states, films = self._of_folds(view, users), self._facts(movies)
        fold, _ = self._folds[view.name]
        wanted: dict[str, list[int]] = {}
        for user, movie in dict.fromkeys(pairs):
            if user in states and films[movie].condition == "fresh":
                wanted.setdefault(user, []).append(movie)
        values: dict[Key, tuple[Value, ...]] = {}
        for user, mine in wanted.items():
            facts, besides = [films[movie].film for movie in mine], [films[movie].beside for movie in mine]
            found = fold.values_for_films(states[user], now, facts, besides)
            values |= {(user, movie): each for movie, each in zip(mine, found, strict=True)}
        rows = []
        for user, movie in pairs:
            condition: Condition = films[movie].condition if user in states else "unknown"
            if condition == "fresh":
                rows.append(Row(view.name, (user, movie), view.names, values[user, movie], "fresh", moment, moment))
            else:
                self._store.counts.add(view.name, condition)
                rows.append(Row(view.name, (user, movie), view.names, None, condition))
        return rows

    def _of_folds(self, view: FeatureView, users: Sequence[str]) -> dict[str, FoldState]:
        """Return the state of each user who has one."""
        fold, name = self._folds[view.name]
        found = self._database.fetch(STATES_OF.format(",".join("?" * len(users))), (name, *users))
        return {key: fold.unpack(state.encode()) for key, state in found}

    def _facts(self, movies: Sequence[int]) -> dict[int, _About]:
        stored = self._store.read_many(FILMS, list(map(str, movies)))
        return {
            movie: _About() if row is None else _About(film_of(row)) for movie, row in zip(movies, stored, strict=True)
        }

    def _of_histories(self, view: FeatureView, users: Sequence[str]) -> dict[str, FoldState]:
        """Return as much of each user's state as is read: the last words of the history are enough."""
        stored = self._store.read_many(HISTORIES, users)
        return {
            user: _last(view, unpack_words(row.packed, user).tolist())
            for user, row in zip(users, stored, strict=True)
            if row is not None
        }

    def _near(self, view: FeatureView, movies: Sequence[int], moment: int) -> dict[int, _About]:
        """Return the neighbours of films in the present period; stale where the store's are of another one."""
        stored = self._store.read_many(neighbours_of(view), [PERIOD, *map(str, movies)])
        said, *rows = [None if row is None else unpack(view, row.packed) for row in stored]
        period = _model(view).starts(moment)
        of_all: Condition = "unknown" if said is None else _condition(said, period)
        found = {}
        for movie, row in zip(movies, rows, strict=True):
            near = NO_NEIGHBOURS if row is None or isinstance(row, str) else row[1]
            found[movie] = _About(UNKNOWN_FILM, Beside(movie, near), of_all if row is None else _condition(row, period))
        return found


def _model(view: FeatureView) -> CoWatch:
    [part] = view.parts
    assert isinstance(part, Closeness)
    return part.model


def _condition(said: tuple[int, Neighbours] | Unread, period: int) -> Condition:
    return said if isinstance(said, str) else "fresh" if said[0] == period else "stale"


def _last(view: FeatureView, records: Sequence[Record]) -> FoldState:
    """Return what a user's words, the latest last, leave of the fold's state: as many as are read."""
    [part] = view.parts
    state, enough = part.empty(), _model(view).window
    for record in reversed(records):
        state = part.put(state, seen_of(record, UNKNOWN_FILM), 1)
        if len(state) == enough:
            break
    return FoldState([state])
