"""Running the app: one address, one process, and an end that drops nothing."""

import asyncio
import contextlib
import errno
import functools
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from movie_mlops.core.memory import keep_what_is_here
from movie_mlops.serving.errors import PortInUseError
from movie_mlops.serving.lines import Line, LineLimits, Reason, refusal

_LARGEST_PORT = 65_535
_SWITCH_SECONDS = 0.0005
_LAST_WORD_SECONDS = 1.0
"""How long a connection that nobody is using may still bring a request once the server has begun to end."""
_LOOK_SECONDS = 0.02
_TURNS = 3
_TICKS = 10


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes any free one.

    Raises:
        PortInUseError: Somebody has the address, or it is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is in use" if taken else f"cannot be used ({error})"
        free = port + 1 if 0 < port < _LARGEST_PORT else 8000
        raise PortInUseError(
            f"The address {host}:{port} {why}.", next_step=f"Choose another port, for example --port {free}."
        ) from error
    return bound


def address(bound: socket.socket, *, encrypted: bool = False) -> str:
    """Return the URL at which a browser on this machine reaches the socket."""
    scheme = "https" if encrypted else "http"
    host, port = bound.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - these are recognised, not bound
        host = "localhost"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Server(uvicorn.Server):
    """A server that tells when it answers.

    On SIGINT or SIGTERM it takes no new connection, answers what has arrived and what those who are connected still
    ask within a second, tells each that it was the last answer, writes what waits, and ends.

    Args:
        app: What answers. Lines that end before it are told to its state's ``refused``, which :func:`create_app` sets.
        on_ready: Called once the first request can be answered.
        log_level: Of the server's own messages.
        limits: What is borne of a client.
        tls: What connections are encrypted with; without it, none is.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        on_ready: Callable[[], None] | None = None,
        log_level: str = "warning",
        limits: LineLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        limits = limits or LineLimits()
        lines: set[Line] = set()
        refused: Callable[[Reason], None] = getattr(app.state, "refused", _count_nowhere)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=cast("type[asyncio.Protocol]", functools.partial(Line, limits, lines, refused)),
                ws="none",
                access_log=False,
                server_header=False,
                log_level=log_level,
                timeout_graceful_shutdown=30,
            )
        )
        self._on_ready = on_ready
        self._room = limits.room()
        self._tls = tls
        self._arrival_seconds = limits.arrival_seconds
        self._lines = lines
        self._refused = refused
        self._doors: list[socket.socket] = []
        self._arriving: set[asyncio.Task[object]] = set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what a signal handler is given
        """Begin the end; a second Ctrl-C waits for nobody.

        The signal is not raised again at the end, as uvicorn would: a server that was asked to end and did ends with
        exit code 0.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then tell."""
        # Who connects and never gets as far as to speak TLS is told of to nobody by the loop: only here is it noticed.
        await super().startup(sockets=sockets if self._tls is None else [])
        for bound in sockets or []:
            if self._tls is not None:
                bound.setblocking(False)
                bound.listen(self.config.backlog)
            self._open(bound)
        if self.started and self._on_ready is not None:
            self._on_ready()

    def _open(self, bound: socket.socket) -> None:
        """Let in, each turn of the loop, all who have connected.

        The loop by itself lets in one a turn. A turn is as long as the answers of all who are in: where many ask at
        once, whoever connects would wait for one turn after the other, out of sight of what refuses the rest.
        """
        loop = asyncio.get_running_loop()
        made = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        # As uvicorn makes them.
        protocol = functools.partial(
            made, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        # Beside the loop, which watches the other descriptor.
        door = bound.dup()

        def let_in() -> None:
            while True:
                try:
                    line, _ = door.accept()
                except OSError:
                    # Nobody else is there, or whoever was has gone again.
                    return
                if len(self._lines) >= self._room:
                    self._refused("crowd")
                    _turn_away(line, told=self._tls is None)
                    continue
                # Made at once, so that it counts before the next is let in.
                begun = protocol()
                task = loop.create_task(self._connect(begun, line))
                self._arriving.add(task)
                task.add_done_callback(self._arriving.discard)

        loop.add_reader(door, let_in)
        self._doors.append(door)

    async def _connect(self, begun: asyncio.Protocol, line: socket.socket) -> None:
        """Give a line its protocol, encrypted where that is wanted; one that does not get so far counts no more."""
        made = functools.partial(_same, begun)
        loop = asyncio.get_running_loop()
        if self._tls is None:
            await loop.connect_accepted_socket(made, line)
            return
        try:
            await loop.connect_accepted_socket(
                made, line, ssl=self._tls, ssl_handshake_timeout=self._arrival_seconds, ssl_shutdown_timeout=1.0
            )
        except OSError:
            # It speaks no TLS, too old a one, or nothing at all: nothing is owed to it.
            self._lines.discard(cast("Line", begun))
            line.close()

    async def on_tick(self, counter: int) -> bool:
        """Look once a second for clients that are too slow; uvicorn calls ten times a second."""
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            for line in tuple(self._lines):
                line.look(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without dropping what somebody has sent.

        uvicorn closes every connection that is not in the middle of an answer, also one whose next request has
        arrived and was not read yet, and the listening socket with whoever has connected and was not let in yet.
        """
        # Nobody new gets in line while those in line are let in; without this some would stand there at the end.
        for bound in sockets or []:
            bound.listen(0)
        await _catch_up()
        for door in self._doors:
            asyncio.get_running_loop().remove_reader(door)
            door.close()
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        loop = asyncio.get_running_loop()
        end = loop.time() + _LAST_WORD_SECONDS
        while self.server_state.connections and not self.force_exit and loop.time() < end:  # noqa: ASYNC110 - uvicorn's own set tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        await _catch_up()
        await super().shutdown(sockets)


def _same(begun: asyncio.Protocol) -> asyncio.Protocol:
    return begun


def _count_nowhere(_: Reason) -> None:
    """Take the place of metrics, for an app that has none."""


def _turn_away(line: socket.socket, *, told: bool) -> None:
    """Tell whoever connects that there are too many already, as far as that can be told without waiting."""
    line.setblocking(False)
    if told:
        with contextlib.suppress(OSError):
            line.send(refusal(503, "The server has more connections than it can keep. Connect again in a moment."))
    line.close()


async def _catch_up() -> None:
    """Let the loop read what has arrived, so that who waits to be let in or has sent a request is known."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def serve(
    app: FastAPI,
    bound: socket.socket,
    *,
    on_ready: Callable[[], None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Answer on ``bound`` until SIGINT or SIGTERM; meant for a process that does nothing else.

    Args:
        app: What answers.
        bound: From :func:`bind`.
        on_ready: Called once the first request can be answered.
        tls: From :func:`tls_context`; without it, nothing is encrypted here.
    """

    def ready() -> None:
        # Otherwise everything would be looked at each time that a release is loaded, and requests held up meanwhile.
        keep_what_is_here()
        if on_ready is not None:
            on_ready()

    # While another thread loads a release, a request gets its turn after half a millisecond instead of five.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # An answer is one small system and one product that the memory, not the processor, holds up: waking BLAS's other
    # threads takes longer than they save, and while they spin the request beside this one waits for a core.
    with threadpool_limits(limits=1, user_api="blas"):
        Server(app, on_ready=ready, tls=tls).run(sockets=[bound])
