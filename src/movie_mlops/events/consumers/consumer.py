"""A consumer: it goes through the log in order, and its place moves in the transaction that makes the effect.

Whatever a transport does (twice, too late, out of order, lost) and whenever a process dies, the effect of each event is
made once and in the order of the log: a delivery only says that there is something up to some place, and whoever gets
the write lock first takes everything up to there.
"""

import logging
import threading
from dataclasses import dataclass
from typing import Final

from movie_mlops.events.consumers.dead_letters import bury
from movie_mlops.events.consumers.effect import Effect
from movie_mlops.events.places import begin, move, note_published, place_of
from movie_mlops.events.reading import last_offset, page_of
from movie_mlops.events.stored import StoredEvent
from movie_mlops.state import Database, StateError

_LOG: Final = logging.getLogger("movie_mlops.events.consumers")


@dataclass(frozen=True)
class ConsumerConfig:
    """How a consumer works.

    Attributes:
        at_once: How many events one transaction takes at most.
        attempts: How often an event that fails is tried before it becomes a dead letter.
        back_off_seconds: How long it is left alone after its first failure; doubled for each that follows.
    """

    at_once: int = 1000
    attempts: int = 4
    back_off_seconds: float = 0.02


@dataclass
class _Failing:
    offset: int = 0
    attempts: int = 0


class Consumer:
    """One effect, kept up with the log. Several at once, in any processes, share the work.

    Args:
        database: Where the log, the effect and the place are kept.
        effect: What is made of it.
        config: How.
    """

    def __init__(self, database: Database, effect: Effect, config: ConsumerConfig | None = None) -> None:
        self._database = database
        self.effect = effect
        self._config = config or ConsumerConfig()
        self._failing = _Failing()

    def advance(self, upto: int, *, stop: threading.Event | None = None) -> int:
        """Make the effect of every event up to a place, as far as it is not made yet.

        An event that fails again and again becomes a dead letter, and the others go on.

        Args:
            upto: The place in the log.
            stop: Ends the work after the transaction that has begun.

        Returns:
            How many events had their effect made here.

        Raises:
            StateError: The database refuses; nothing is half-done, and a later call goes on.
        """
        stop = stop or threading.Event()
        self._publish_rest()
        made, size = 0, self._config.at_once
        while not stop.is_set():
            try:
                events = self._step(upto, size)
            except StateError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the event does, others must go on
                # In order, so that the half with the event that fails is found: in the end it stands alone.
                if size == 1:
                    self._fail(error, stop)
                size = max(1, size // 2)
                continue
            if events is None:
                break
            made += len(events)
            self._publish(events)
            if events[-1].offset >= upto:
                break
            size = min(self._config.at_once, 2 * size)
        return made

    def _step(self, upto: int, size: int) -> list[StoredEvent] | None:
        """Make the effect of the next events; ``None`` where the consumer is there already."""
        with self._database.write() as connection:
            place = place_of(connection, self.effect.name)
            if place is None:
                # Nobody left anything to workers yet: what there is was dealt with where it came in.
                start = last_offset(connection) if self.effect.begins_at_end else 0
                begin(connection, self.effect.name, start)
            at = place[0] if place else start
            if at >= upto:
                return None
            events = page_of(connection, at, size)
            if not events:
                # The rest was erased, or is not of this log.
                move(connection, self.effect.name, min(upto, last_offset(connection)))
                return None
            self.effect.apply(connection, events, position=events[-1].offset)
            move(connection, self.effect.name, events[-1].offset)
        return events

    def _fail(self, error: Exception, stop: threading.Event) -> None:
        """Wait before the next event is tried again, or give it up."""
        with self._database.read() as connection:
            place = place_of(connection, self.effect.name)
            events = page_of(connection, 0 if place is None else place[0], 1)
        if not events:
            return
        offset, failing = events[0].offset, self._failing
        failing.attempts = failing.attempts + 1 if failing.offset == offset else 1
        failing.offset = offset
        if failing.attempts < self._config.attempts:
            stop.wait(self._config.back_off_seconds * 2 ** (failing.attempts - 1))
            return
        with self._database.write() as connection:
            now = place_of(connection, self.effect.name)
            # Somebody else may have given it up, or had success, meanwhile.
            if (now[0] if now else 0) < offset:
                bury(connection, self.effect.name, events[0], error, failing.attempts)
                begin(connection, self.effect.name, 0)
                move(connection, self.effect.name, offset)
        _LOG.error("event %d became a dead letter of %s: %s", offset, self.effect.name, type(error).__name__)

    def _publish_rest(self) -> None:
        """Publish what somebody made who was killed before they could."""
        if not self.effect.publishes:
            return
        with self._database.read() as connection:
            place = place_of(connection, self.effect.name)
        position, published = place or (0, 0)
        while published < position:
            with self._database.read() as connection:
                events = page_of(connection, published, self._config.at_once)
            events = [event for event in events if event.offset <= position]
            if not events:
                published = position
            self._publish(events, position if not events else None)
            published = events[-1].offset if events else published

    def _publish(self, events: list[StoredEvent], upto: int | None = None) -> None:
        if not self.effect.publishes:
            return
        if events:
            self.effect.publish(events)
            upto = events[-1].offset
        if upto is not None:
            with self._database.write() as connection:
                note_published(connection, self.effect.name, upto)
