"""The load generator: requests that are due at fixed times, whatever the server does.

A generator that sends the next request when the last one is answered waits politely while the server stalls: the
requests that people would have sent meanwhile are never sent, and a stall of two seconds is one slow sample among
thousands. Gil Tene calls this coordinated omission. Here (open loop) every request has a time at which it is due, and
its latency counts from that time, also where it could only be sent later because every connection was waiting.

Blocking sockets in threads, not an event loop: the timers of event loops are rounded to a millisecond, which is as
long as what is measured.
"""

import itertools
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import SILENT, Progress

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY: Final = re.compile(rb"\r\nretry-after: *[0-9]", re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_CHUNK: Final = 1 << 18
_LOOK_SECONDS: Final = 0.2
_IDLE_SECONDS: Final = 2.0
"""A server may close a connection that was silent for long; one that was is closed here before it is used again."""
_AT_ONCE_SECONDS: Final = 0.001
"""Within this time of its last answer a connection is used again without a look at whether it was closed meanwhile."""


@dataclass(frozen=True)
class Plan:
    """A load.

    Attributes:
        host: Whom to ask.
        port: At which port.
        paths: What to ask for, in turn.
        seconds: For how long requests are due.
        rate: Requests a second, evenly spaced (open loop); ``None``: each connection asks again as soon as it is
            answered (closed loop).
        connections: How many connections there are.
        markers: What every good answer's body holds.
        patience_seconds: How long after the last request was due answers are waited for.
        bodies: What is sent in turn, in JSON; without any nothing is, and things are asked for with GET.
        may_refuse: Whether the server may say that it has too much to do: 503 with ``Retry-After``.
        requests: After so many requests it is over; ``None``: when the time is up.
        first: With which of the paths, bodies and headers it begins.
        headers: What stands in turn as one more line in the head of a request; without any none does.
        due: When each request is due, in seconds from the start, ascending; instead of ``rate`` and ``requests``.
        script: Each request as it goes over the line, one for each of ``due``; instead of ``paths`` and all that
            belongs to them.
        good: Which statuses are good answers.
    """

    host: str
    port: int
    paths: tuple[str, ...]
    seconds: float
    rate: float | None = None
    connections: int = 1
    markers: tuple[bytes, ...] = ()
    patience_seconds: float = 10.0
    bodies: tuple[bytes, ...] = ()
    may_refuse: bool = False
    requests: int | None = None
    first: int = 0
    headers: tuple[str, ...] = ()
    due: tuple[float, ...] | None = None
    script: tuple[bytes, ...] | None = None
    good: tuple[int, ...] = (HTTPStatus.OK,)

    def due_at(self, ticket: int) -> float | None:
        """Return when a request is due, in seconds from the start; ``None``: as soon as there is a connection."""
        if self.due is not None:
            return self.due[ticket] if ticket < len(self.due) else self.seconds
        return None if self.rate is None else ticket / self.rate

    def request(self, ticket: int) -> bytes:
        """Return the bytes of a request."""
        if self.script is not None:
            return self.script[ticket]
        turn = self.first + ticket
        path = self.paths[turn % len(self.paths)]
        more = f"{self.headers[turn % len(self.headers)]}\r\n" if self.headers else ""
        if not self.bodies:
            return f"GET {path} HTTP/1.1\r\nhost: {self.host}\r\n{more}\r\n".encode()
        body = self.bodies[turn % len(self.bodies)]
        head = f"POST {path} HTTP/1.1\r\nhost: {self.host}\r\n{more}content-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Outcome:
    """What became of the requests that were due.

    Attributes:
        latency_ms: For every request, from when it was due to its answer; for one that was never answered, to when
            the generator gave up, so that it is as slow as can be told. Refusals are apart.
        service_ms: For every request that was sent, from when it really was.
        errors: How many were answered wrongly or cut off, by what was wrong.
        unanswered: How many had no answer when the generator gave up, sent or not.
        seconds: From the first due time to the last answer.
        refused_ms: For every request that was refused because the server had too much to do, from when it was due.
        due_seconds: When each request of ``latency_ms`` was due, from the start.
        refused_seconds: When each of ``refused_ms`` was.
    """

    latency_ms: NDArray[np.float64]
    service_ms: NDArray[np.float64]
    errors: dict[str, int]
    unanswered: int
    seconds: float
    refused_ms: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    due_seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    refused_seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def requests(self) -> int:
        """How many requests were due and not refused."""
        return len(self.latency_ms)


def drive_apart(plan: Plan, progress: Progress = SILENT, title: str = "Load") -> Outcome:
    """Run the load in a process of its own, so that nothing here delays a request."""
    # Forked from one that has imported this and does nothing else: what is imported once serves every load.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with (
        ProcessPoolExecutor(1, mp_context=context) as pool,
        progress.task(title, total=plan.seconds, unit="s") as advance,
    ):
        running = pool.submit(drive, plan)
        while not running.done():
            with suppress(TimeoutError):
                running.result(timeout=_LOOK_SECONDS)
            advance(_LOOK_SECONDS)
        return running.result()


def drive(plan: Plan) -> Outcome:
    """Run the load here; meant for a process that does nothing else."""
    begin = time.perf_counter()
    # The counter is shared: whichever connection is free takes the request that is due next.
    tickets = itertools.count()
    clients = [_Client(plan, begin, tickets) for _ in range(plan.connections)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _joined([client.tally for client in clients], begin)


class _WrongAnswerError(Exception):
    """The answer is not what it should be."""


class _RefusedError(Exception):
    """The server has too much to do, and says when to ask again."""


@dataclass
class _Tally:
    """What one connection saw, in seconds."""

    latencies: list[float] = field(default_factory=list)
    services: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    refused: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    refused_due: list[float] = field(default_factory=list)
    unanswered: int = 0
    last: float = 0.0


class _Client:
    """One connection and the requests that it takes."""

    def __init__(self, plan: Plan, begin: float, tickets: Iterator[int]) -> None:
        self._plan = plan
        self._begin = begin
        self._tickets = tickets
        self._give_up = begin + plan.seconds + plan.patience_seconds
        self._line: socket.socket | None = None
        self.tally = _Tally(last=begin)

    def run(self) -> None:
        """Send what is due until nothing more is."""
        end = self._begin + self._plan.seconds
        most = sys.maxsize if self._plan.requests is None else self._plan.requests
        for ticket in self._tickets:
            now, at = time.perf_counter(), self._plan.due_at(ticket)
            due = now if at is None else self._begin + at
            if due >= end or ticket >= most:
                break
            # Also a sleep of no time hands the core to somebody else.
            if due > now:
                time.sleep(due - now)
            self._ask(self._plan.request(ticket), due)
        self._hang_up()

    def _ask(self, request: bytes, due: float) -> None:
        tally, sent = self.tally, time.perf_counter()
        try:
            _check(*self._answer(request), self._plan)
        except _RefusedError:
            tally.last = time.perf_counter()
            tally.refused.append(tally.last - due)
            tally.refused_due.append(due - self._begin)
            return
        except _WrongAnswerError as error:
            tally.errors[str(error)] += 1
        except TimeoutError:
            tally.unanswered += 1
            self._hang_up()
        except OSError as error:
            tally.errors[error.strerror or type(error).__name__] += 1
            self._hang_up()
        answered = time.perf_counter()
        tally.latencies.append(answered - due)
        tally.due.append(due - self._begin)
        if sent < self._give_up:
            tally.services.append(answered - sent)
        tally.last = answered

    def _answer(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send one request; return the status, the head and the body."""
        line = self._connected()
        line.sendall(request)
        data = bytearray()
        while (head_end := data.find(b"\r\n\r\n")) < 0:
            data += _more(line)
        head = bytes(data[:head_end])
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if status is None or length is None:
            self._hang_up()
            raise _WrongAnswerError("an answer that is not HTTP/1.1 with a length")
        begin, size = head_end + 4, int(length[1])
        while len(data) < begin + size:
            data += _more(line)
        if _CLOSE.search(head):
            self._hang_up()
        return int(status[1]), head, bytes(data[begin : begin + size])

    def _connected(self) -> socket.socket:
        now = time.perf_counter()
        if now >= self._give_up:
            raise TimeoutError
        idle = now - self.tally.last
        if idle > _IDLE_SECONDS or (idle > _AT_ONCE_SECONDS and self._line is not None and _is_closed(self._line)):
            self._hang_up()
        if self._line is None:
            self._line = socket.create_connection((self._plan.host, self._plan.port), timeout=self._give_up - now)
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line.settimeout(self._give_up - now)
        return self._line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _is_closed(line: socket.socket) -> bool:
    """Return whether the server has closed a connection that nobody was using, as it may at any time."""
    line.setblocking(False)
    try:
        return not line.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _more(line: socket.socket) -> bytes:
    chunk = line.recv(_CHUNK)
    if not chunk:
        raise ConnectionResetError(0, "connection closed by the server")
    return chunk


def _check(status: int, head: bytes, body: bytes, plan: Plan) -> None:
    if plan.may_refuse and status == HTTPStatus.SERVICE_UNAVAILABLE and _RETRY.search(head):
        raise _RefusedError
    if status not in plan.good:
        raise _WrongAnswerError(f"status {status}")
    for marker in plan.markers:
        if marker not in body:
            raise _WrongAnswerError(f"an answer without {marker.decode()}")


def _joined(tallies: Sequence[_Tally], begin: float) -> Outcome:
    errors: Counter[str] = sum((tally.errors for tally in tallies), Counter())
    return Outcome(
        latency_ms=_milliseconds(tally.latencies for tally in tallies),
        service_ms=_milliseconds(tally.services for tally in tallies),
        errors=dict(sorted(errors.items())),
        unanswered=sum(tally.unanswered for tally in tallies),
        seconds=max(tally.last for tally in tallies) - begin,
        refused_ms=_milliseconds(tally.refused for tally in tallies),
        due_seconds=_milliseconds(tally.due for tally in tallies) / 1000,
        refused_seconds=_milliseconds(tally.refused_due for tally in tallies) / 1000,
    )


def _milliseconds(parts: Iterable[list[float]]) -> NDArray[np.float64]:
    return np.fromiter(itertools.chain.from_iterable(parts), np.float64) * 1000
