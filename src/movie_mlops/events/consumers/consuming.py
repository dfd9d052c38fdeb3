"""The loop of a worker that consumes: take what came, make every effect of it, say that it is done."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.consumers.consumer import Consumer
from movie_mlops.events.consumers.dead_letters import bury_strange
from movie_mlops.events.log import EventLog
from movie_mlops.events.transports.port import Delivery, Source
from movie_mlops.state import Database

_LOG: Final = logging.getLogger("movie_mlops.events.consumers")
_PAUSES: Final = (0.05, 0.2, 1.0, 5.0)
_SWEEP_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Done:
    """What one turn did.

    Attributes:
        deliveries: How many were taken.
        made: By consumer, how many events had their effect made here.
        strange: How many deliveries were no events of the log.
    """

    deliveries: int
    made: dict[str, int]
    strange: int


class Consuming:
    """Consumers behind one source.

    Args:
        database: Where everything is.
        log: The record.
        consumers: What is made of events.
        source: Says what there is.
        most: How many deliveries are taken at once: the rest waits where it is.
    """

    def __init__(
        self, database: Database, log: EventLog, consumers: Sequence[Consumer], source: Source, *, most: int = 1000
    ) -> None:
        self._database = database
        self._log = log
        self._consumers = consumers
        self._source = source
        self._most = most

    def turn(self, wait_seconds: float = 0.0, *, stop: threading.Event | None = None) -> Done:
        """Take what came and make its effect; it is said to be done only when that is committed.

        Raises:
            MovieMlopsError: The source or the database is away; what was taken comes again.
        """
        deliveries = self._source.take(self._most, wait_seconds)
        if not deliveries:
            return Done(0, {}, 0)
        last = self._log.last_offset()
        strange = [each for each in deliveries if each.offset is None or each.offset > last]
        self._bury(strange)
        upto = max((each.offset for each in deliveries if each.offset is not None and each.offset <= last), default=0)
        made = {each.effect.name: each.advance(upto, stop=stop) for each in self._consumers}
        if stop is None or not stop.is_set():
            self._source.done(deliveries)
        return Done(len(deliveries), made, len(strange))

    def sweep(self, *, stop: threading.Event | None = None) -> int:
        """Make the effect of whatever the log has, brought by a transport or not; return how many events that was."""
        last = self._log.last_offset()
        return sum(each.advance(last, stop=stop) for each in self._consumers)

    def work(
        self,
        stop: threading.Event,
        *,
        wait_seconds: float = 0.2,
        sweep_seconds: float = _SWEEP_SECONDS,
        on_error: Callable[[MovieMlopsError], None] = lambda _error: None,
    ) -> None:
        """Take turns until ``stop`` is set; the transaction that has begun is ended.

        A transport that is away, or lost what it had, delays effects by ``sweep_seconds`` at most: the log has them.
        """
        swept, failures = time.monotonic(), 0
        while not stop.is_set():
            try:
                self.turn(wait_seconds, stop=stop)
                failures = 0
            except MovieMlopsError as error:
                _LOG.error("a turn of the consumers failed: %s", error)
                on_error(error)
                failures += 1
                stop.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])
            if time.monotonic() - swept >= sweep_seconds:
                swept = time.monotonic()
                try:
                    self.sweep(stop=stop)
                except MovieMlopsError as error:
                    on_error(error)

    def _bury(self, strange: Sequence[Delivery]) -> None:
        if not strange:
            return
        with self._database.write() as connection:
            for each in strange:
                bury_strange(connection, "transport", each.body, each.fault or "It is of no event of this log.")
