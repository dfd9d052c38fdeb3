"""Feature rows, as serving reads them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection

from movie_mlops.core import clock
from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.core.nouns import Interaction
from movie_mlops.features.config import FeedbackConfig, MemoryConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.online.materialise import AS_MUCH_AS_FITS, Cut, Prepared, prepare, write
from movie_mlops.features.online.pairs import Pairs
from movie_mlops.features.online.record import OnlineStore, Record
from movie_mlops.features.online.rows import Condition, Key, Row, RowFormat
from movie_mlops.features.online.through import WriteThrough
from movie_mlops.state import Database

_ORIGINS: Final = "SELECT view, digest, versions, position, arrived, materialised_at FROM online_origins"


class OnlineFeatures:
    """The rows of every view; the record is the state database.

    Args:
        database: Where they are kept.
        views: Which.
        config: What counts as liking.
        store: Where they are read; the record itself when not given.
        memory: How much is held at once while everything is made anew.
    """

    def __init__(
        self,
        database: Database,
        views: Views,
        config: FeedbackConfig,
        store: OnlineStore | None = None,
        *,
        memory: MemoryConfig = AS_MUCH_AS_FITS,
    ) -> None:
        self.views = views
        self._memory = memory
        self._database = database
        self._config = config
        self.store = store or Record(database)
        self._formats = {view.name: RowFormat(view) for view in views}
        self._pairs = Pairs(database, self.store, views, config)
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
        rows = self._pairs.read(view, keys) if len(view.entity.keys) > 1 else self._stored(view, keys, texts)
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
        tables: Mapping[str, pl.LazyFrame] | None = None,
    ) -> Prepared | None:
        """Compute what the store is to hold; see :func:`~movie_mlops.features.online.materialise.prepare`."""
        return prepare(cut, self.views, self._config, touched=touched, tables=tables, memory=self._memory)

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
