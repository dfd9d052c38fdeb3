"""Reads that take microseconds: a connection of each thread's own, kept open, and SQL straight to the driver."""

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any


class QuickReader:
    """Reads a SQLite file that others write.

    Every statement is a transaction of its own, so that it sees whatever was committed before it began; a connection
    that stayed in a transaction would go on seeing the snapshot of its first read.

    Args:
        path: The file.
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
