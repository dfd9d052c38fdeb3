"""The lines to clients: those that bring a request too slowly, or take an answer too slowly, do not stay.

uvicorn waits for the rest of a request for ever, and reads a head of any length. Each such client costs memory and one
of the process's descriptors, and needs next to nothing itself (R. Hansen, "Slowloris HTTP DoS", 2009).
"""

import asyncio
import logging
import resource
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_LOG: Final = logging.getLogger("movie_mlops.serving")
_BEGINNING: Final = b"HTTP/1.1 "
_SPARE: Final = 128
"""Descriptors that lines leave for files, stores and libraries."""

Reason = Literal["slow", "long", "many", "stuck", "crowd"]
"""Why a line was ended: its request came too slowly, its head was too long, too many requests came at once, its answer
was not taken, or there were too many lines."""


@dataclass(frozen=True)
class LineLimits:
    """What is borne of a client.

    Attributes:
        arrival_seconds: How long a request may take from its first byte to its last, and a connection to the first.
        taking_seconds: How long a client may leave the answer that waits for it.
        head_bytes: The longest head of a request, its address included; the pieces that begin and end it come on top.
        ahead: How many requests may come before the first of them is answered.
        most: Lines at once; ``None`` for as many as the process has descriptors for, less some for its other work.
    """

    arrival_seconds: float = 10.0
    taking_seconds: float = 30.0
    head_bytes: int = 65_536
    ahead: int = 100
    most: int | None = None

    def room(self) -> int:
        """Return how many lines there may be."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(descriptors - _SPARE, 1)
        return most if self.most is None else min(self.most, most)


class Outlet(asyncio.Transport):
    """Takes what is written after the client has gone, which uvloop's own transport holds to be a mistake.

    uvicorn writes an answer's head and its body one after the other. What begins an answer is held back until what
    follows comes, in the same turn of the loop as a rule: to send a second time costs more than to read the request.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head: bytes | bytearray | memoryview = b""
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, as long as there is somebody to write to."""
        if self._head:
            head, self._head = self._head, b""
            self._send(b"".join((head, data)))
        elif data[: len(_BEGINNING)] == _BEGINNING:
            self._head = data
            # Nothing may follow, or much later: an answer without a body, or one that is made piece by piece.
            self._loop.call_soon(self._let_go)
        else:
            self._send(data)

    def close(self) -> None:
        """Close when all is sent."""
        self._let_go()
        self._transport.close()

    def _let_go(self) -> None:
        if self._head:
            self.write(b"")

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class Line(HttpToolsProtocol):
    """One line, which can be looked at.

    Args:
        limits: What is borne.
        lines: Holds this one too from now until it ends.
        refused: Told why it was ended, where its client is at fault.
        settings: What uvicorn gives.
    """

    def __init__(
        self, limits: LineLimits, lines: "set[Line]", refused: Callable[[Reason], None], **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._limits = limits
        self._lines = lines
        self._refused = refused
        self._told = False
        lines.add(self)
        self._arriving: float | None = None
        self._stuck: float | None = None
        self._begun = False
        self._in_head = False
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.transport = Outlet(transport, self.loop)
        self._arriving = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        self._lines.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has grown too long."""
        self._begun = False
        super().data_received(data)
        # A piece may hold many requests; where in it the last one began is not known.
        if self._in_head and not self._begun:
            self._head += len(data)
            if self._head > self._limits.head_bytes and not self._ended():
                self._tell("long")
                self._refuse(431, f"The head of the request is longer than {self._limits.head_bytes:,} bytes.")

    def on_message_begin(self) -> None:
        """Note when a request began to arrive.

        Raises:
            ValueError: Too many came before it, which uvicorn would all keep. What it is told of ends the line.
        """
        if len(self.pipeline) >= self._limits.ahead:
            self._tell("many")
            self.transport.close()
            message = "too many requests at once"
            raise ValueError(message)
        super().on_message_begin()
        self._begun, self._in_head, self._head = True, True, 0
        self._arriving = self.loop.time()

    def on_headers_complete(self) -> None:
        """Note that the head is here.

        Raises:
            ValueError: It names no host, or several (RFC 9112, 3.2): whoever stands before us may have read another
                one. What uvicorn is told of so ends the line with 400.
        """
        self._in_head = False
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            message = "not one host"
            raise ValueError(message)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request is here."""
        self._arriving = None
        super().on_message_complete()

    def look(self, now: float) -> None:
        """End the line where its client is too slow.

        Args:
            now: The loop's time.
        """
        transport: asyncio.Transport | None = self.transport
        if transport is None:
            return
        if self.flow.read_paused and self._arriving is not None:
            # It is we who do not read on: the client sent more than we have answered.
            self._arriving = now
        if self._arriving is not None and now - self._arriving > self._limits.arrival_seconds and not self._ended():
            seconds = self._limits.arrival_seconds
            self._tell("slow")
            self._refuse(408, f"The request did not arrive whole within {seconds:g} s. Send it again.")
        # A line that was closed stays until its last answer is taken.
        if not (self.flow.write_paused or transport.is_closing()):
            self._stuck = None
        elif self._stuck is None:
            self._stuck = now
        elif now - self._stuck > self._limits.taking_seconds:
            self._tell("stuck")
            _LOG.info("a client did not take its answer within %g s", self._limits.taking_seconds)
            transport.abort()

    def _ended(self) -> bool:
        """Return whether the line is not there yet, or not any more."""
        transport: asyncio.Transport | None = self.transport
        return transport is None or transport.is_closing()

    def _is_answering(self) -> bool:
        """Return whether the client is in the middle of an answer, into which no other may be written."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _tell(self, reason: Reason) -> None:
        """Tell why the line is ended; the first reason alone, for who is too slow may not take the answer either."""
        if not self._told:
            self._told = True
            self._refused(reason)

    def _refuse(self, status: int, detail: str) -> None:
        _LOG.info("a line was ended with %d", status)
        if not self._is_answering():
            self.transport.write(refusal(status, detail))
        self.transport.close()


def refusal(status: int, detail: str) -> bytes:
    """Return a whole answer for whoever gets no further than the line."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": None}
    body = orjson.dumps(document)
    more = "Retry-After: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"{more}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
