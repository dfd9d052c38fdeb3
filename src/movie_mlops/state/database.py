"""One engine for every table of state, the same code on SQLite and PostgreSQL."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from movie_mlops.state.config import StateConfig
from movie_mlops.state.driver import fetch_rows
from movie_mlops.state.errors import StateError
from movie_mlops.state.quick import QuickReader

METADATA = MetaData()
"""Rooms declare their tables on it; a :class:`Database` makes those that are missing."""


class Database:
    """The state database; safe to share between threads.

    Args:
        config: Where it is. The folder of a SQLite file is made when missing.

    Raises:
        StateError: The database cannot be opened.
    """

    def __init__(self, config: StateConfig) -> None:
        url = make_url(config.url)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url)
        on_disk = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
        self._quick = QuickReader(str(url.database), config.busy_timeout_seconds) if on_disk else None
        if url.get_backend_name() == "sqlite":
            _make_sqlite_durable(self._engine, config.busy_timeout_seconds)
        # Under the write lock from the start: two processes that open a new database at once must not race.
        with self.write() as connection:
            METADATA.create_all(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start; leaving commits, an exception rolls back.

        Raises:
            StateError: The database refuses; nothing was written.
        """
        with self._refusals(), self._engine.connect() as connection:
            connection.info["write"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info.pop("write", None)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads, on one snapshot.

        Raises:
            StateError: The database refuses.
        """
        with self._refusals(), self._engine.connect() as connection:
            yield connection

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT as the driver gives them, on the newest snapshot; for reads that must be quick.

        Args:
            sql: The statement, with ``?`` for each parameter and no other question mark.
            parameters: One for each.

        Raises:
            StateError: The database refuses.
        """
        if self._quick is None:
            with self.read() as connection:
                return fetch_rows(connection, sql, parameters)
        try:
            return self._quick.fetch(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise self._refused(error) from error

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Say in a sentence that the database itself refuses; a broken constraint stays what it is."""
        try:
            yield
        except DatabaseError as error:
            if type(error) not in {DatabaseError, OperationalError}:
                raise
            raise self._refused(error.orig) from error

    def _refused(self, why: object) -> StateError:
        return StateError(
            f"The state database {self._engine.url.render_as_string(hide_password=True)} cannot be used ({why}).",
            next_step="Check that its folder can be written and that the disk is not full; a damaged file can be"
            " put back from a back-up.",
        )

    def close(self) -> None:
        """Close every connection."""
        if self._quick is not None:
            self._quick.close()
        self._engine.dispose()


def _switch_to_wal(cursor: sqlite3.Cursor, busy_timeout_seconds: float) -> None:
    """Turn on the write-ahead log; SQLite's own time-out does not cover this switch, so it is tried until then."""
    deadline = time.monotonic() + busy_timeout_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _make_sqlite_durable(engine: Engine, busy_timeout_seconds: float) -> None:
    """Turn on WAL, full syncing and foreign keys, and let SQLAlchemy own the transactions."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_seconds * 1000)}")
        _switch_to_wal(cursor, busy_timeout_seconds)
        # An acknowledged write survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A writer takes the lock at once: a read that turns into a write could not wait for another writer.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN")
