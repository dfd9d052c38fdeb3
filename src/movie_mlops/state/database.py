"""One door to every table of state, the same code on SQLite and PostgreSQL."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from movie_mlops.state.backend import Backend
from movie_mlops.state.config import StateConfig
from movie_mlops.state.errors import StateError
from movie_mlops.state.growing import add_gained

METADATA = MetaData()
"""Rooms declare their tables on it; a :class:`Database` makes those that are missing."""


class Database:
    """The state database; safe to share between threads.

    Args:
        config: Where it is. The folder of a SQLite file, or the schema on PostgreSQL, is made when missing.

    Raises:
        StateError: The database cannot be opened.
    """

    def __init__(self, config: StateConfig) -> None:
        self._backend = _backend(config)
        # A server has few connections: those of a database that nobody holds any more are given back.
        weakref.finalize(self, self._backend.close).atexit = False
        # Under the write lock from the start: two processes that open a new database at once must not race.
        with self.write() as connection:
            self._backend.make_place(connection)
            METADATA.create_all(connection)
            add_gained(connection, METADATA)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start; leaving commits, an exception rolls back.

        Raises:
            StateError: The database refuses; nothing was written.
        """
        with self._refusals(), self._backend.write() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads, on one snapshot.

        Raises:
            StateError: The database refuses.
        """
        with self._refusals(), self._backend.read() as connection:
            yield connection

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT as the driver gives them, on the newest snapshot; for reads that must be quick.

        Args:
            sql: The statement, with ``?`` for each parameter and no other question mark.
            parameters: One for each.

        Raises:
            StateError: The database refuses.
        """
        try:
            return self._backend.fetch(sql, parameters)
        except self._backend.quick_errors as error:
            raise self._refused(error) from error

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Say in a sentence that the database itself refuses; a broken constraint stays what it is."""
        try:
            yield
        except PoolTimeoutError as error:
            raise self._refused("all connections are busy") from error
        except DBAPIError as error:
            if not self._backend.refuses(error):
                raise
            raise self._refused(error.orig) from error

    def _refused(self, why: object) -> StateError:
        # Drivers write several lines, of which the first says what it is.
        reason = str(why).strip().partition("\n")[0]
        return StateError(
            f"The state database {self._backend.name()} cannot be used ({reason}).", next_step=self._backend.next_step
        )

    def scrub(self, tables: Sequence[str]) -> None:
        """Have nothing left on disk of rows that were removed or changed: free pages, the write-ahead log.

        On SQLite the whole file is written anew and the log emptied; on PostgreSQL these tables are. What a server of
        PostgreSQL keeps besides (its own log for recovery, replicas, base back-ups) goes as it is recycled.

        Args:
            tables: Which tables lost rows.

        Raises:
            StateError: The database refuses, or somebody reads an old snapshot all the time; it may be tried again.
        """
        with self._refusals():
            self._backend.scrub(tables)

    def close(self) -> None:
        """Close every connection."""
        self._backend.close()


def _backend(config: StateConfig) -> Backend:
    url = config.address()
    if url.get_backend_name() == "sqlite":
        from movie_mlops.state.sqlite import SqliteBackend  # noqa: PLC0415 - each kind only where it is used

        return SqliteBackend(url, config)
    try:
        from movie_mlops.state.postgres import PostgresBackend  # noqa: PLC0415 - its driver may not be installed
    except ImportError as error:
        raise StateError(
            f"PostgreSQL's driver psycopg cannot be loaded ({str(error).partition(chr(10))[0]}).",
            next_step="Install it with: pip install 'movie-mlops[postgres]'",
        ) from error
    return PostgresBackend(url, config)
