"""Feature rows, as serving reads them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import polars as pl
from sqlalchemy import Connection

from movie_mlops.core import clock
from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.core.nouns import Interaction
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.fold import Fold, Value
from movie_mlops.features.measures import UNKNOWN_FILM
from movie_mlops.features.online.materialise import FILMS, STATES_OF, Cut, Prepared, prepare, states_of, write
from movie_mlops.features.online.record import OnlineStore, Record
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.features.online.through import WriteThrough, film_of
from movie_mlops.state import Database

Condition = Literal["fresh", "stale", "unknown", "outdated", "corrupt"]
"""What became of a row: only a fresh one has values."""

Key = str | int | tuple[str, int]
"""A user, a film, or both."""

_ORIGINS: Final = "SELECT view, digest, versions, position, arrived, materialised_at FROM online_origins"


class Row(NamedTuple):
    """One row of a view, as it is served.

    Attributes:
        view: Which view.
        key: Whose row.
        names: The features, in order.
        values: Their values; ``None`` unless the row is fresh.
        condition: ``fresh``; ``unknown``: nobody met it, or nothing is materialised yet; ``stale``: it was written
            longer ago than the view's time-to-live; ``outdated``: by another definition; ``corrupt``: it is damaged.
        moment: The time as of which the values are, in microseconds since 1970.
        written: When it was written, in microseconds since 1970.
        stamp: The place in the event log up to which it holds everything.
    """

    view: str
    key: Key
    names: tuple[str, ...]
    values: tuple[Value, ...] | None
    condition: Condition
    moment: int | None = None
    written: int | None = None
    stamp: int = 0

    @property
    def at(self) -> datetime | None:
        """The time as of which the values are."""
        return None if self.moment is None else clock.from_microseconds(self.moment)

    @property
    def written_at(self) -> datetime | None:
        """When it was written."""
        return None if self.written is None else clock.from_microseconds(self.written)

    def to_dict(self) -> dict[str, Value]:
        """Return feature name to value; nothing unless the row is fresh."""
        return {} if self.values is None else dict(zip(self.names, self.values, strict=True))


class OnlineFeatures:
    """The rows of every view; the record is the state database.

    Args:
        database: Where they are kept.
        views: Which.
        config: What counts as liking.
        store: Where they are read; the record itself when not given.
    """

    def __init__(
        self, database: Database, views: Views, config: FeedbackConfig, store: OnlineStore | None = None
    ) -> None:
        self.views = views
        self._database = database
        self._config = config
        self.store = store or Record(database)
        self._formats = {view.name: RowFormat(view) for view in views}
        self._folds = {view.name: Fold(view, config) for view in views}
        self._states = {view.name: states_of(view) for view in views}
        self._marks = [(view, view.digest()) for view in views]
        self._through = WriteThrough(views, config)

    def read(self, reference: str, key: Key) -> Row:
        """Return one row; see :meth:`read_many`."""
        return self.read_many(reference, [key])[0]

    def read_many(self, reference: str, keys: Sequence[Key]) -> list[Row]:
        """Return the rows of keys, in their order.

        Args:
            reference: A view, such as ``user_features``, or one feature of it, such as ``user_features:streak_days``.
            keys: Users as text, films as numbers, or (user, film), as the view's entity asks.

        Raises:
            UnknownFeatureError: There is no such view or feature; the nearest is named.
            FeatureError: A key is of another entity.
            StateError: The record cannot be asked.
        """
        name, _, feature = reference.partition(":")
        view = self.views[name]
        texts = _texts(view, keys)
        rows = self._matched(view, keys) if len(view.entity.keys) > 1 else self._stored(view, keys, texts)
        if not feature:
            return rows
        place = view.names.index(view.feature(feature).name)
        return [_only(row, place) for row in rows]

    def origin(self) -> dict[str, Any] | None:
        """Return what the store was made from: versions of the lake's tables, and the place in the log that they had.

        ``None`` before the first materialising, and where another definition of a view was.
        """
        found = {view: rest for view, *rest in self._database.fetch(_ORIGINS)}
        if any(found.get(view.name, [""])[0] != mark for view, mark in self._marks):
            return None
        _, versions, position, arrived, materialised_at = next(iter(found.values()))
        times = {"arrived": arrived, "materialised_at": materialised_at}
        return {"versions": json.loads(versions), "position": position, **times}

    def prepare(
        self,
        cut: Cut,
        *,
        touched: tuple[set[str], set[int]] | None = None,
        tables: Mapping[str, pl.DataFrame] | None = None,
    ) -> Prepared | None:
        """Compute what the store is to hold; see :func:`~movie_mlops.features.online.materialise.prepare`."""
        return prepare(cut, self.views, self._config, touched=touched, tables=tables)

    def write(self, connection: Connection, prepared: Prepared) -> None:
        """Write what was prepared, histories too, within the caller's transaction."""
        write(connection, prepared, self.views)

    def apply(self, connection: Connection, interactions: Sequence[Interaction], *, position: int) -> None:
        """Fold events in, within the caller's transaction, before their words go into the histories.

        Args:
            connection: A connection of :meth:`movie_mlops.state.Database.write`.
            interactions: What happened, none of it folded before.
            position: The place in the event log of the last of them.
        """
        self._through.apply(connection, interactions, position=position, now=clock.now())

    def publish(self, interactions: Sequence[Interaction]) -> None:
        """Make the committed rows of events what is read; called before they are acknowledged."""
        for view in self.views:
            if len(view.entity.keys) == 1:
                keys = [each.user_id if view.entity.folds == USER_ID else str(each.movie_id) for each in interactions]
                self.store.publish(view.name, list(dict.fromkeys(keys)))

    def _stored(self, view: FeatureView, keys: Sequence[Key], texts: Sequence[str]) -> list[Row]:
        """Return the rows of keys, all of them unpacked at once."""
        name, names = view.name, view.names
        oldest = clock.microseconds(clock.now()) - view.time_to_live // timedelta(microseconds=1)
        stored = self.store.read_many(name, texts)
        found = iter(self._formats[name].unpack_all([row.packed for row in stored if row is not None]))
        rows = []
        for key, row in zip(keys, stored, strict=True):
            if row is None:
                rows.append(Row(name, key, names, None, "unknown"))
                continue
            said, (stamp, written, _) = next(found), row
            if isinstance(said, str) or written < oldest:
                condition: Condition = said if isinstance(said, str) else "stale"
                rows.append(Row(name, key, names, None, condition, None, written, stamp))
            else:
                rows.append(Row(name, key, names, said[1], "fresh", said[0], written, stamp))
        self._count(name, rows)
        return rows

    def _count(self, view: str, rows: Sequence[Row]) -> None:
        """Count the rows without values, by why they have none."""
        for condition, many in Counter([row.condition for row in rows]).items():
            if condition != "fresh":
                self.store.counts.add(view, condition, many)

    def _matched(self, view: FeatureView, keys: Sequence[Key]) -> list[Row]:
        """Return rows of users and films together: what is known of the user, read about the film, as of now."""
        pairs = [key for key in keys if isinstance(key, tuple)]
        users = list(dict.fromkeys(user for user, _ in pairs))
        movies = list(dict.fromkeys(str(movie) for _, movie in pairs))
        fold, now = self._folds[view.name], clock.now()
        moment = clock.microseconds(now)
        found = self._database.fetch(STATES_OF.format(",".join("?" * len(users))), (self._states[view.name], *users))
        states = {key: fold.unpack(state.encode()) for key, state in found}
        films = dict(zip(movies, self.store.read_many(FILMS, movies), strict=True))
        rows = []
        for user, movie in pairs:
            stored = films[str(movie)]
            if user not in states:
                self.store.counts.add(view.name, "unknown")
                rows.append(Row(view.name, (user, movie), view.names, None, "unknown"))
                continue
            film = UNKNOWN_FILM if stored is None else film_of(stored)
            values = tuple(fold.values(states[user], now, film).values())
            rows.append(Row(view.name, (user, movie), view.names, values, "fresh", moment, moment))
        return rows


def _only(row: Row, place: int) -> Row:
    return row._replace(names=(row.names[place],), values=None if row.values is None else (row.values[place],))


def _texts(view: FeatureView, keys: Sequence[Key]) -> list[str]:
    """Return keys as the store knows them.

    Raises:
        FeatureError: One is of another entity.
    """
    kinds = tuple(str if name == USER_ID else int for name in view.entity.key_names)
    if len(kinds) == 1:
        wrong = [key for key in keys if type(key) is not kinds[0]]
    else:
        wrong = [key for key in keys if not isinstance(key, tuple) or tuple(map(type, key)) != kinds]
    if wrong:
        shown = {USER_ID: "a user id as text", MOVIE_ID: "a film's number"}
        raise FeatureError(
            f"The view {view.name!r} is about a {view.entity.name}; {wrong[0]!r} is none.",
            next_step=f"Give {' and '.join(shown[name] for name in view.entity.key_names)}.",
        )
    return list(map(str, keys))
