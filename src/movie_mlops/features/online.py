"""The online store: each user's history, one read away, current to the last event."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, LargeBinary, String, Table, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.feedback import CODE_COLUMN, CONSUMED, KIND_CODES, latest_words, weigh
from movie_mlops.features.words import UNKNOWN_TIME, WORD, add, pack, unpack
from movie_mlops.state import METADATA, Database

HISTORIES: Final = Table(
    "histories",
    METADATA,
    Column(USER_ID, String, primary_key=True),
    Column("words", LargeBinary, nullable=False),
)

_READ: Final = select(HISTORIES.c.words).where(HISTORIES.c.user_id == bindparam("user"))
# Where rows can be locked, two writers of one user's history take turns.
_READ_MANY: Final = (
    select(HISTORIES.c.user_id, HISTORIES.c.words)
    .where(HISTORIES.c.user_id.in_(bindparam("users", expanding=True)))
    .with_for_update()
)
_USERS_AT_ONCE: Final = 5_000
_KINDS: Final = tuple(KIND_CODES)
_CONSUMED: Final = np.array([kind in CONSUMED for kind in _KINDS])


@dataclass(frozen=True, slots=True)
class History:
    """What one user met, in order of time, the oldest first; one entry per film.

    Attributes:
        movie_ids: int64[n], the films.
        weights: float32[n], above 0 for a positive, 0 for seen but not liked.
        times: int64[n], Unix seconds; -1 where unknown.
        values: float32[n], stars or watched fraction of each word; NaN where it has none.
        codes: uint8[n], the kind of each word; see :attr:`kinds`.
    """

    movie_ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    values: NDArray[np.float32]
    codes: NDArray[np.uint8]

    @classmethod
    def of(cls, words: Iterable[tuple[int, Kind, float | None]], config: FeedbackConfig) -> Self:
        """Return the history of somebody who has no account: undated words on films; of two on one the last counts.

        Args:
            words: Film, kind and value of each.
            config: What counts as liking.
        """
        latest = {movie_id: (kind, value) for movie_id, kind, value in words}
        n = len(latest)
        return cls(
            movie_ids=np.fromiter(latest, np.int64, n),
            weights=np.fromiter((weigh(*word, config) for word in latest.values()), np.float32, n),
            times=np.full(n, -1, np.int64),
            values=np.array([np.nan if value is None else value for _, value in latest.values()], np.float32),
            codes=np.fromiter((KIND_CODES[kind] for kind, _ in latest.values()), np.uint8, n),
        )

    @property
    def kinds(self) -> list[Kind]:
        """What the user did with each film: the word that counts."""
        return [_KINDS[code] for code in self.codes.tolist()]

    @property
    def consumed(self) -> NDArray[np.bool_]:
        """bool[n], which films the user is done with; those that were only looked at may be recommended again."""
        return _CONSUMED[self.codes]

    def __len__(self) -> int:
        return len(self.movie_ids)


class Histories:
    """The histories of all users, kept in the state database.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, user_id: str) -> History:
        """Return a user's history, empty for somebody unknown; it holds every event acknowledged before the call.

        Args:
            user_id: Whose.

        Returns:
            The history.

        Raises:
            FeatureError: What is stored cannot be read.
        """
        with self._database.read() as connection:
            packed = connection.execute(_READ, {"user": user_id}).scalar()
        return _history(np.empty(0, WORD) if packed is None else unpack(packed, user_id))

    def count(self) -> int:
        """Return how many users have a history."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(HISTORIES)).scalar_one()

    def replace_all(
        self,
        interactions: pl.LazyFrame,
        config: FeedbackConfig,
        *,
        later: Callable[[Connection], Iterable[Sequence[Interaction]]] | None = None,
    ) -> int:
        """Build every history anew from the lake, in one transaction: readers see the old ones until it ends.

        Args:
            interactions: Rows of the table ``interactions``.
            config: What counts as liking.
            later: Called inside the transaction; gives, in batches, the events that the lake may not have yet, so
                that what was acknowledged while the lake was read is not lost. Events that it has do no harm.

        Returns:
            How many users have a history.

        Raises:
            FeatureError: A history cannot be read back.
        """
        rows = list(_rows(latest_words(interactions, config)))
        with self._database.write() as connection:
            connection.execute(delete(HISTORIES))
            if rows:
                connection.execute(insert(HISTORIES), rows)
            for events in later(connection) if later else ():
                self.apply(connection, events, config)
            return connection.execute(select(func.count()).select_from(HISTORIES)).scalar_one()

    def apply(self, connection: Connection, interactions: Sequence[Interaction], config: FeedbackConfig) -> None:
        """Add new interactions to their users' histories, within the caller's transaction.

        Any order and any grouping of the same interactions gives the same histories, and so does a repetition.

        Args:
            connection: A connection of :meth:`movie_mlops.state.Database.write`.
            interactions: What happened.
            config: What counts as liking.

        Raises:
            FeatureError: A stored history cannot be read.
        """
        by_user: dict[str, list[Interaction]] = {}
        for interaction in interactions:
            by_user.setdefault(interaction.user_id, []).append(interaction)
        everyone = list(by_user)
        for start in range(0, len(everyone), _USERS_AT_ONCE):
            users = everyone[start : start + _USERS_AT_ONCE]
            stored = {row.user_id: row.words for row in connection.execute(_READ_MANY, {"users": users})}
            changed: list[dict[str, str | bytes]] = [
                {USER_ID: user, "words": add(stored.get(user), by_user[user], config, user)} for user in users
            ]
            _upsert(connection, changed)


def _history(words: NDArray[np.void]) -> History:
    times = words["time"] // 1_000_000
    times[words["time"] == UNKNOWN_TIME] = -1
    return History(
        movie_ids=np.ascontiguousarray(words["movie_id"], np.int64),
        weights=np.ascontiguousarray(words["weight"], np.float32),
        times=times,
        values=np.ascontiguousarray(words["value"], np.float32),
        codes=np.ascontiguousarray(words["kind"], np.uint8),
    )


def _rows(words: pl.DataFrame) -> Iterator[dict[str, str | bytes]]:
    """Yield a row of :data:`HISTORIES` for each user in ``words``."""
    ordered = words.sort(USER_ID, EVENT_TIME, MOVIE_ID, nulls_last=False)
    records = np.zeros(ordered.height, WORD)
    records["movie_id"] = ordered[MOVIE_ID].to_numpy()
    records["time"] = ordered[EVENT_TIME].to_physical().fill_null(UNKNOWN_TIME).to_numpy()
    records["arrival"] = ordered[INGESTED_AT].to_physical().to_numpy()
    records["weight"] = ordered[WEIGHT].to_numpy()
    records["value"] = ordered[VALUE].fill_null(float("nan")).to_numpy()
    records["kind"] = ordered[CODE_COLUMN].to_numpy()
    start = 0
    for user, length in ordered[USER_ID].rle().struct.unnest().select("value", "len").iter_rows():
        yield {USER_ID: user, "words": pack(records[start : start + length])}
        start += length


def _upsert(connection: Connection, rows: list[dict[str, str | bytes]]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(HISTORIES)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[USER_ID], set_={"words": statement.excluded.words}),
        rows,
    )
