"""Too much to do: what would wait too long is refused at once, so that what is admitted is answered in time.

Requests that have arrived stand in line in two places, and neither has an end by itself. The event loop reads all that
has arrived in one turn and answers one after the other; whoever is far behind has waited for everybody before. Routes
that need a thread wait for a free one. Both are bounded here. A refusal costs a small part of an answer, so most of
what the server can do stays with those whom it admits.
"""

import asyncio
import time
from typing import Final

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.problems import problem

ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Who watches the server must hear from it now more than ever; a process that is ended for being busy helps nobody."""
_RETRY_SECONDS: Final = 1
_FEW: Final = 16
"""A turn of no more requests is late for another reason, such as a machine that did something else: none is refused."""


class Shedding:
    """Pure ASGI, because every request pays for it.

    Args:
        app: What is behind it.
        metrics: Where refusals are counted.
        longest_wait_seconds: How long a request may have waited for others of its turn.
        most_waiting: How many requests may wait for a thread.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, longest_wait_seconds: float, most_waiting: int) -> None:
        self._app = app
        self._metrics = metrics
        self._longest_wait_seconds = longest_wait_seconds
        self._most_waiting = most_waiting
        self._turn: float | None = None
        self._in_turn = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: CapacityLimiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse to."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS and self._is_too_much():
            self._metrics.shed()
            refusal = problem(
                503,
                "The server has more to do than it can do in time. Send the request again in a moment.",
                code="overloaded",
                instance=scope["path"],
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_too_much(self) -> bool:
        now = time.perf_counter()
        if self._turn is None:
            self._begin_turn(now)
        assert self._turn is not None
        self._in_turn += 1
        if self._in_turn > _FEW and now - self._turn > self._longest_wait_seconds:
            return True
        # While a thread is free nobody waits for one; to ask for all figures takes longer.
        threads = self._threads
        return threads.available_tokens <= 0 and threads.statistics().tasks_waiting >= self._most_waiting

    def _begin_turn(self, now: float) -> None:
        """Note the first request of a turn: the loop calls back when it begins the next one."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._threads = loop, anyio.to_thread.current_default_thread_limiter()
        self._turn, self._in_turn = now, 0
        loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turn = None
