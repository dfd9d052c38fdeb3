"""The state in a file: nothing to install, safe between processes of one machine."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from movie_mlops.state.config import StateConfig
from movie_mlops.state.driver import as_sqlalchemy
from movie_mlops.state.errors import StateError

_PAGES_OF_LOG: Final = 8_192
"""So many pages of four KiB the write-ahead log holds before they are carried into the file."""
_CACHE_KIB: Final = 16_384
"""What a connection that writes keeps of the file, at most."""


class SqliteBackend:
    """A SQLite file in WAL mode, or a database in memory.

    Args:
        url: Its address. The folder of the file is made when missing.
        config: The time-out.
    """

    quick_errors: tuple[type[Exception], ...] = (sqlite3.DatabaseError,)
    next_step = (
        "Check that its folder can be written and that the disk is not full; a damaged file can be put back from a"
        " back-up."
    )

    def __init__(self, url: URL, config: StateConfig) -> None:
        on_disk = url.database not in {None, "", ":memory:"}
        if on_disk:
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url)
        self._quick = QuickReader(str(url.database), config.busy_timeout_seconds) if on_disk else None
        _make_durable(self._engine, config.busy_timeout_seconds)

    def name(self) -> str:
        """Return its address."""
        return self._engine.url.render_as_string()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the file's write lock from its start."""
        with self._engine.connect() as connection:
            connection.info["write"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info.pop("write", None)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction on one snapshot."""
        with self._engine.connect() as connection:
            yield connection

    def fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT."""
        if self._quick is not None:
            return self._quick.fetch(sql, parameters)
        with self.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, tuple(parameters))]

    def make_place(self, connection: Connection) -> None:
        """Do nothing: tables are in the file itself."""

    def refuses(self, error: DBAPIError) -> bool:
        """Return whether the file is in trouble; a broken constraint or a wrong statement is none of its."""
        return type(error) in {DatabaseError, OperationalError}

    def scrub(self, tables: Sequence[str]) -> None:  # noqa: ARG002 - a file is written anew as a whole
        """Write the file anew without its free pages, and empty the log.

        Raises:
            StateError: Somebody reads an old snapshot, so that the log still holds what was.
        """
        with self._engine.connect() as connection:
            raw = connection.connection.cursor()
            raw.execute("PRAGMA secure_delete = ON")
            raw.execute("VACUUM")
            blocked = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            raw.execute("PRAGMA secure_delete = OFF")
            raw.close()
        if blocked:
            raise StateError(
                f"The log of {self.name()} cannot be emptied, for somebody reads what was before.",
                next_step="Run the command again in a moment.",
            )

    def close(self) -> None:
        """Close every connection."""
        if self._quick is not None:
            self._quick.close()
        self._engine.dispose()


class QuickReader:
    """Reads that take microseconds: a connection of each thread's own, kept open, and SQL straight to the driver.

    Every statement is a transaction of its own, so that it sees whatever was committed before it began; a connection
    that stayed in a transaction would go on seeing the snapshot of its first read.

    Args:
        path: The file, which others write.
        busy_timeout_seconds: How long a read waits where the log is being recovered.
    """

    def __init__(self, path: str, busy_timeout_seconds: float) -> None:
        self._path = path
        self._timeout = busy_timeout_seconds
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT.

        Raises:
            sqlite3.Error: The database refuses.
        """
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self._open()
        return connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close every thread's connection; a later read opens a new one."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._mine = threading.local()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        connection.execute("PRAGMA query_only = ON")
        with self._lock:
            self._all.append(connection)
        return connection


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


def _make_durable(engine: Engine, busy_timeout_seconds: float) -> None:
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
        # Ids of chance touch pages all over an index: what many commits change is carried into the file once.
        cursor.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_OF_LOG}")
        cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A writer takes the lock at once: a read that turns into a write could not wait for another writer.
        statement = "BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN"
        try:
            connection.connection.cursor().execute(statement)
        except sqlite3.Error as error:
            raise as_sqlalchemy(connection, statement, error) from error
