"""The record of what is served: rows in SQL, each under a view and a key, with its place in the event log."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, func, select

from movie_mlops.core import clock
from movie_mlops.features.online.counts import Counts
from movie_mlops.state import METADATA, Database, fetch_rows, run_for_each

ROWS: Final = Table(
    "online_rows",
    METADATA,
    Column("view", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("stamp", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

_ONE: Final = "SELECT stamp, written_at, packed FROM online_rows WHERE view = ? AND key = ?"
_MANY: Final = "SELECT key, stamp, written_at, packed FROM online_rows WHERE view = ? AND key IN ({})"
_PUT: Final = (
    "INSERT INTO online_rows (view, key, stamp, written_at, packed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (view, key)"
    " DO UPDATE SET stamp = excluded.stamp, written_at = excluded.written_at, packed = excluded.packed"
)
_KEYS_AT_ONCE: Final = 500
_LOCKED_AT_ONCE: Final = 5_000


class Stored(NamedTuple):
    """A row as a store gives it.

    Attributes:
        stamp: The place in the event log up to which it holds everything of its key; it only grows.
        written_at: When it was written, in microseconds since 1970.
        packed: The row.
    """

    stamp: int
    written_at: int
    packed: bytes


class OnlineStore(Protocol):
    """Where serving reads rows: the record itself, or something faster in front of it."""

    counts: Counts

    @property
    def degraded(self) -> str | None:
        """Why reads are slower than they should be, in a sentence; ``None`` while all is well."""
        ...

    def read_many(self, view: str, keys: Sequence[str]) -> list[Stored | None]:
        """Return the row of each key, ``None`` where there is none; what was acknowledged before the call is in it."""
        ...

    def publish(self, view: str, keys: Sequence[str]) -> None:
        """Make the committed rows of keys what is read; called before their change is acknowledged."""
        ...


class Record:
    """The store in SQL. It is right whatever else is down; everything else is made from it.

    Args:
        database: Where it is.
    """

    degraded: str | None = None

    def __init__(self, database: Database) -> None:
        self.database = database
        self.counts = Counts("sql")

    def read_many(self, view: str, keys: Sequence[str]) -> list[Stored | None]:
        """Return the row of each key; see :class:`OnlineStore`.

        Raises:
            StateError: The database refuses.
        """
        self.counts.add(view, "read", len(keys))
        if len(keys) == 1:
            row = self.database.fetch(_ONE, (view, keys[0]))
            return [Stored(*row[0]) if row else None]
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            for key, *rest in self.database.fetch(_MANY.format(marks), (view, *some)):
                found[key] = Stored(*rest)
        return [found.get(key) for key in keys]

    def publish(self, view: str, keys: Sequence[str]) -> None:
        """Do nothing: what is committed is what is read."""

    def forget(self, view: str, keys: Sequence[str]) -> int:  # noqa: ARG002 - the record forgets with its rows
        """Do nothing, and return that no copy went: what is removed from the record is gone."""
        return 0

    def count(self, view: str) -> int:
        """Return how many rows a view has."""
        with self.database.read() as connection:
            return counted(connection, view)


def locked(connection: Connection, view: str, keys: Sequence[str]) -> dict[str, Stored]:
    """Return rows that the transaction may change; where rows can be locked, two writers of one take turns."""
    # SQLite has one writer: the transaction has locked everything already.
    lock = "" if connection.dialect.name == "sqlite" else " FOR UPDATE"
    found: dict[str, Stored] = {}
    for some in chunks(keys):
        sql = _MANY.format(",".join("?" * len(some))) + lock
        for key, *rest in fetch_rows(connection, sql, (view, *some)):
            found[key] = Stored(*rest)
    return found


def put(connection: Connection, view: str, rows: Iterable[tuple[str, int, bytes]]) -> None:
    """Write rows of (key, stamp, packed) in the caller's transaction, over what was there."""
    now = clock.microseconds(clock.now())
    run_for_each(connection, _PUT, ((view, key, stamp, now, packed) for key, stamp, packed in rows))


def replace(
    connection: Connection, view: str, rows: Iterable[tuple[str, int, bytes]], *, keys: Sequence[str] | None = None
) -> None:
    """Write rows of a view in the caller's transaction and forget the others of these keys, or of all keys."""
    if keys is None:
        connection.execute(delete(ROWS).where(ROWS.c.view == view))
    for some in chunks(keys or []):
        connection.execute(delete(ROWS).where(ROWS.c.view == view, ROWS.c.key.in_(some)))
    put(connection, view, rows)


def chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield keys, as many at a time as one statement takes."""
    for start in range(0, len(keys), _LOCKED_AT_ONCE):
        yield keys[start : start + _LOCKED_AT_ONCE]


def counted(connection: Connection, view: str) -> int:
    """Return how many rows a view has."""
    return connection.execute(select(func.count()).select_from(ROWS).where(ROWS.c.view == view)).scalar_one()
