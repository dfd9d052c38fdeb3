"""The event log: what users say happened, recorded once, in order, together with its effect on their histories."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import uuid4

import polars as pl
from sqlalchemy import Connection, func, insert, select

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.nouns import Interaction
from movie_mlops.core.tracing import CURRENT, span
from movie_mlops.events.config import EventConfig
from movie_mlops.events.places import ONLINE, begin, move, place_of
from movie_mlops.events.reading import last_offset, page_of
from movie_mlops.events.recording import Appended, Batch, batches_of, record
from movie_mlops.events.stored import ERASED, EVENTS, LOGS, StoredEvent, from_rows
from movie_mlops.features import FeedbackConfig, Histories, OnlineFeatures, Prepared
from movie_mlops.security.people import People
from movie_mlops.state import Database

_ERASED: Final = f"""
SELECT "offset" FROM events WHERE "offset" > ? AND "offset" <= ? AND type = '{ERASED}'
"""  # noqa: S608 - a word of ours
_PAGE_SIZE: Final = 10_000


class EventLog:
    """The record of what users did since the log began.

    Args:
        database: Where events and histories are kept.
        histories: The online store that each event goes to in the same transaction.
        feedback: What counts as liking.
        config: What events are accepted.
        features: The feature rows that each event goes into as well, in the same transaction.
        people: Whose events are refused; nobody's where it is left out.
    """

    def __init__(
        self,
        database: Database,
        histories: Histories,
        feedback: FeedbackConfig,
        config: EventConfig | None = None,
        *,
        features: OnlineFeatures | None = None,
        people: People | None = None,
    ) -> None:
        self._database = database
        self._histories = histories
        self._feedback = feedback
        self._config = config or EventConfig()
        self._features = features
        self._people = people
        self._workers_began = False

    @property
    def publishes(self) -> bool:
        """Whether something carries copies of histories and rows that are to be renewed after a commit."""
        return self._histories.carried

    @cached_property
    def name(self) -> str:
        """The name of this log, the same for every process; a state database that is made anew has another log."""
        with self._database.write() as connection:
            found = connection.execute(select(LOGS.c.name)).scalar_one_or_none()
            if found is None:
                found = uuid4().hex
                connection.execute(insert(LOGS).values(id=1, name=found))
        return str(found)

    def append(self, interactions: Sequence[Interaction]) -> Appended:
        """Record a batch, all or nothing; when it returns, the events are on disk and in the users' histories.

        Args:
            interactions: What happened. Without an ``event_time`` it happened now.

        Returns:
            How many were new.

        Raises:
            EventError: An event says something that cannot be.
            EventConflictError: An event has an earlier one's id and another content. Leaving out ``event_time`` in a
                repetition is no other content.
            ErasedUserError: One of the users was erased.
            NoConsentError: One of them does not permit that it is kept.
            FeatureError: A stored history cannot be read.
        """
        outcome = self.append_all([interactions])[0]
        if isinstance(outcome, MovieMlopsError):
            raise outcome
        return outcome

    def append_all(
        self, batches: Sequence[Sequence[Interaction]], places: Sequence[str | None] | None = None
    ) -> list[Appended | MovieMlopsError]:
        """Record many batches in one commit, each all or nothing by itself; when it returns, they are on disk.

        Args:
            batches: What happened, by whoever wants to have it recorded.
            places: For each, under which request, as a place in its trace; by default the one that is worked on.

        Returns:
            For each batch what became of it: how many were new, or why it is refused; see :meth:`append`.

        Raises:
            FeatureError: A stored history cannot be read; nothing was recorded.
            StateError: The database refuses; nothing was recorded.
        """
        now = clock.now()
        here = _place()
        if places is None:
            places = [here] * len(batches)
        given = batches_of(batches, places, now=now, config=self._config)
        if any(batch.error is None and batch.interactions for batch in given):
            with span("events append", "producer") as appending:
                if appending is not None:
                    # This span is a part of the request that it is worked on under; others keep their own.
                    own = appending.place.write()
                    for batch in given:
                        batch.place = own if batch.place == here else batch.place
                self._record(given, now)
                if appending is not None:
                    done = [batch.outcome for batch in given if batch.error is None]
                    told = {"accepted": sum(each.accepted for each in done if isinstance(each, Appended))}
                    told["duplicates"] = sum(each.duplicates for each in done if isinstance(each, Appended))
                    appending.tell({f"movie_mlops.{name}": number for name, number in told.items()})
        return [batch.outcome for batch in given]

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Return the next events of the log.

        Args:
            after: The last offset that the reader has; 0 for the beginning.
            limit: How many at most.

        Returns:
            The events in the order of their offsets.
        """
        with self._database.read() as connection:
            return page_of(connection, after, limit)

    def erased_since(self, after: int, upto: int) -> list[int]:
        """Return the places between two where an event was that is erased."""
        return [offset for (offset,) in self._database.fetch(_ERASED, (after, upto))]

    def of_user(self, user_id: str, *, until: datetime) -> list[StoredEvent]:
        """Return what a user did, as far as it was recorded by a time, in the order of the offsets."""
        statement = select(EVENTS).where(EVENTS.c.subject == user_id).order_by(EVENTS.c.offset)
        with self._database.read() as connection:
            events = from_rows(connection.execute(statement).all())
        return [event for event in events if event.recorded_at <= until]

    def count(self) -> int:
        """Return how many events are recorded; those that were erased do not count."""
        with self._database.read() as connection:
            return connection.execute(
                select(func.count()).select_from(EVENTS).where(EVENTS.c.type != ERASED)
            ).scalar_one()

    def last_offset(self) -> int:
        """Return the offset of the newest event, be it erased; 0 while there is none."""
        with self._database.read() as connection:
            return last_offset(connection)

    def materialise(self, interactions: pl.LazyFrame, *, after: int = 0) -> int:
        """Build every history anew from the lake and this log, losing nothing that is appended meanwhile.

        Args:
            interactions: Rows of the lake's table ``interactions``.
            after: The lake has every event up to this offset, so that only the later ones are applied to it; 0 is
                always right, and slower the longer the log.

        Returns:
            How many users have a history.

        Raises:
            FeatureError: A history cannot be read.
        """

        def later(connection: Connection) -> Iterator[list[Interaction]]:
            for events, offset in _pages(connection, after):
                self._histories.apply(connection, events, self._feedback, position=offset)
            yield from ()

        return self._histories.replace_all(interactions, self._feedback, position=after, later=later)

    def write(self, prepared: Prepared, *, last: int | None = None) -> int | None:
        """Write histories and feature rows that were computed from the lake, and fold in the events that it has not.

        Args:
            prepared: What :meth:`OnlineFeatures.prepare` computed.
            last: The newest event when it was; something that was appended since makes it too old. ``None``
                where everything was computed: then any later event is folded in.

        Returns:
            How many users have a history; ``None`` where it was too old, and nothing was written.

        Raises:
            FeatureError: A history cannot be read.
        """
        assert self._features is not None
        with self._database.write() as connection:
            newest = last_offset(connection)
            if last is not None and newest != last:
                return None
            self._features.write(connection, prepared)
            for events, offset in _pages(connection, prepared.cut.position):
                known = prepared.has([event.event_id for event in events])
                self.apply(connection, [event for event in events if event.event_id not in known], offset)
            move(connection, ONLINE, newest)
        return self._histories.count()

    def _record(self, batches: Sequence[Batch], now: datetime) -> None:
        """Record what is new of batches, and make it what is read."""
        at_once = self._config.effects == "at-once"
        with self._database.write() as connection:
            begun = self._begun(connection, at_once=at_once)
            new = record(connection, batches, now, self._people)
            if new and at_once and begun:
                self._catch_up(connection)
            elif new and at_once:
                self.apply(connection, new, last_offset(connection))
        if at_once:
            # A repetition too: whoever sends an event again may do so because nobody could tell of it the first time.
            self.publish([each for batch in batches if batch.error is None for each in batch.interactions])

    def _begun(self, connection: Connection, *, at_once: bool) -> bool:
        """Return whether workers see, or once saw, to effects; when they begin they have all that was before."""
        if not self._workers_began:
            self._workers_began = place_of(connection, ONLINE) is not None
            if not self._workers_began and not at_once:
                begin(connection, ONLINE, last_offset(connection))
        return self._workers_began

    def _catch_up(self, connection: Connection) -> None:
        """Make the effect of what is new, and of what workers had left when they no longer had to see to it."""
        place = place_of(connection, ONLINE)
        for events, offset in _pages(connection, place[0] if place else 0):
            self.apply(connection, events, offset)
            move(connection, ONLINE, offset)

    def publish(self, interactions: Sequence[Interaction]) -> None:
        """Make the committed effect of events what is read."""
        with span("histories publish"):
            self._histories.publish(each.user_id for each in interactions)
            if self._features is not None:
                self._features.publish(interactions)

    def apply(self, connection: Connection, events: Sequence[Interaction], position: int) -> None:
        """Bring events into the online store, within the caller's transaction."""
        with span("histories apply"):
            # The folds ask the histories which words these events take the place of.
            if self._features is not None:
                self._features.apply(connection, events, position=position)
            self._histories.apply(connection, events, self._feedback, position=position)


def _place() -> str | None:
    """Return the place in a trace that is worked on, as text."""
    under = CURRENT.get()
    return None if under is None else under.place.write()


def _pages(connection: Connection, after: int) -> Iterator[tuple[list[Interaction], int]]:
    """Yield the later events, many at a time, each time with the offset of the last."""
    while page := page_of(connection, after, _PAGE_SIZE):
        after = page[-1].offset
        yield [event.interaction for event in page], after
