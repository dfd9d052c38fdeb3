"""Reads on PostgreSQL that take a round trip and no more: kept connections, autocommit, prepared statements."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

_BACK_OFF: Final = 4
"""How many times as long as a failure took nobody tries again."""


class NoAnswerError(psycopg.OperationalError):
    """The server took a question and did not answer in time."""


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits for an answer so long and no longer, whatever became of the server."""

    answer_timeout_seconds: float = 2.0

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer.

        Raises:
            NoAnswerError: There was none in time.
        """
        timeout = timeout or self.answer_timeout_seconds
        started = time.monotonic()
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError as error:
            # The driver's own word for it is private.
            if time.monotonic() - started >= timeout:
                raise NoAnswerError("it took a question and did not answer in time") from error
            raise


class QuickReader:
    """Connections that are lent for one statement each.

    Every statement is a transaction of its own, so that it sees whatever was committed before it began. There are as
    many connections as reads at one time, not as threads, and never more than ``most``: servers have few.

    Args:
        arguments: What libpq is told.
        most: How many connections at most.
        timeout_seconds: How long a read waits for a connection, and for its answer.
    """

    def __init__(self, arguments: Mapping[str, Any], *, most: int, timeout_seconds: float) -> None:
        self._arguments = arguments
        self._timeout = timeout_seconds
        self._seats = threading.BoundedSemaphore(most)
        self._idle: deque[_Connection] = deque()
        self._away_until = 0.0

    def fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT.

        Raises:
            psycopg.Error: The database refuses, or does not answer.
        """
        if not self._seats.acquire(timeout=self._timeout):
            raise NoAnswerError("all connections are busy")
        try:
            kept = self._kept()
            if kept is not None:
                try:
                    return self._run(kept, sql, parameters)
                except (NoAnswerError, psycopg.errors.QueryCanceled):
                    raise
                except psycopg.OperationalError:
                    # The server was stopped since: all that was kept ended with it. It may be back.
                    self.close()
            return self._run(self._open(), sql, parameters)
        finally:
            self._seats.release()

    def close(self) -> None:
        """Close what is kept; a later read opens a new connection."""
        while (kept := self._kept()) is not None:
            kept.close()

    def _kept(self) -> _Connection | None:
        try:
            # The one used last: its statements are prepared, and what a rush opened falls into disuse.
            return self._idle.pop()
        except IndexError:
            return None

    def _run(self, connection: _Connection, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        started = time.monotonic()
        try:
            rows = connection.execute(_marked(sql), parameters, binary=True).fetchall()
        except BaseException as error:
            connection.close()
            if isinstance(error, NoAnswerError):
                self._back_off(started)
            raise
        self._idle.append(connection)
        return rows

    def _open(self) -> _Connection:
        started = time.monotonic()
        if started < self._away_until:
            raise NoAnswerError("it did not answer a moment ago")
        try:
            connection = _Connection.connect(**self._arguments, autocommit=True, prepare_threshold=1)
        except psycopg.OperationalError:
            self._back_off(started)
            raise
        connection.answer_timeout_seconds = self._timeout
        return connection

    def _back_off(self, started: float) -> None:
        """Have nobody wait for a server that does not answer; one that refuses at once is asked again at once."""
        now = time.monotonic()
        self._away_until = now + _BACK_OFF * (now - started)


@lru_cache(256)
def _marked(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
