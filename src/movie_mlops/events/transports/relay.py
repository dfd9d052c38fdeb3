"""The relay: from the log to a transport, in order, whatever is killed when.

The log is the outbox: an event is in it, committed, before anybody can hear of it. What the transport has last is the
relay's place, so that nothing has to be kept in step; what it lost is sent again, and consumers know what they have.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.log import EventLog
from movie_mlops.events.transports.port import Carries, Message

_LOG: Final = logging.getLogger("movie_mlops.events.relay")
_PAUSES: Final = (0.05, 0.2, 1.0, 5.0)


class Relay:
    """Sends events on; several at once get in nobody's way.

    Args:
        log: The record.
        transport: Where to.
        consumed: Returns the place up to which every consumer has the log; ``None`` where there is no consumer.
        at_once: How many are sent together.
        most_waiting: So many that no consumer has yet are in the transport at most: the rest waits in the log.
        kept: So many that every consumer has stay in the transport, for others who listen.
    """

    def __init__(
        self,
        log: EventLog,
        transport: Carries,
        consumed: Callable[[], int | None],
        *,
        at_once: int = 1000,
        most_waiting: int = 100_000,
        kept: int = 100_000,
    ) -> None:
        self._log = log
        self._transport = transport
        self._consumed = consumed
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._kept = kept
        self._trimmed = 0

    def turn(self) -> int:
        """Send what the transport has not got yet, as much as goes at once; return how many events that is.

        Raises:
            MovieMlopsError: The transport or the database is away; a later turn goes on.
        """
        has = self._transport.last()
        place = self._consumed()
        consumed = has if place is None else place
        # What would be trimmed at once need not be sent again to a transport that lost it.
        start = has if self._transport.keeps_all else max(has, consumed - self._kept)
        if start - consumed >= self._most_waiting:
            return 0
        events = self._log.read(start, self._at_once)
        if not events or not self._transport.send([Message.of(event) for event in events], after=has):
            return 0
        # What was erased between reading and sending must not stay there.
        gone = self._log.erased_since(start, events[-1].offset)
        if gone:
            self._transport.forget(gone)
        if not self._transport.keeps_all and consumed - self._kept > self._trimmed:
            self._trimmed = consumed - self._kept
            self._transport.trim(self._trimmed)
        return len(events)

    def work(
        self,
        stop: threading.Event,
        *,
        look_seconds: float = 0.005,
        on_error: Callable[[MovieMlopsError], None] = lambda _error: None,
    ) -> None:
        """Take turns until ``stop`` is set."""
        failures, seen, asked = 0, -1, 0.0
        while not stop.is_set():
            try:
                last = self._log.last_offset()
                # Where nothing is new in the log the transport is asked now and then alone, for what it may have lost.
                if last != seen or time.monotonic() - asked > 1.0:
                    asked = time.monotonic()
                    if self.turn():
                        failures = 0
                        continue
                    seen = last
                failures = 0
            except MovieMlopsError as error:
                _LOG.error("a turn of the relay failed: %s", error)
                on_error(error)
                failures += 1
            stop.wait(_PAUSES[min(failures, len(_PAUSES)) - 1] if failures else look_seconds)
