"""The event log: what users say happened, recorded once, in order, together with its effect on their histories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from uuid import uuid4

import polars as pl
from sqlalchemy import Connection, bindparam, func, insert, select

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction
from movie_mlops.core.tracing import CURRENT, span
from movie_mlops.events.config import EventConfig
from movie_mlops.events.contract import check
from movie_mlops.events.errors import ErasedUserError, EventConflictError, NoConsentError
from movie_mlops.events.stored import ERASED, EVENTS, LOGS, StoredEvent, from_row, to_row
from movie_mlops.features import FeedbackConfig, Histories, OnlineFeatures, Prepared
from movie_mlops.security.people import People, Purpose
from movie_mlops.state import Database, fetch_rows, run_for_each

_INSERT: Final = (
    "INSERT INTO events (event_id, type, source, subject, time, data, recorded_at, traceparent)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_LAST: Final = 'SELECT max("offset") FROM events'
_RECORDED: Final = "SELECT event_id FROM events WHERE event_id IN ({})"
_STORED: Final = select(EVENTS).where(EVENTS.c.event_id.in_(bindparam("ids", expanding=True)))
_PAGE: Final = (
    select(EVENTS)
    .where(EVENTS.c.offset > bindparam("after"), EVENTS.c.type != ERASED)
    .order_by(EVENTS.c.offset)
    .limit(bindparam("count"))
)
_IDS_AT_ONCE: Final = 5_000
_PAGE_SIZE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch.

    Attributes:
        accepted: Events that are new, and now recorded.
        duplicates: Events that were recorded before, or stand in the batch twice.
    """

    accepted: int
    duplicates: int


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
        now = clock.now()
        batch: dict[str, Interaction] = {}
        for position, interaction in enumerate(interactions):
            check(interaction, position=position, now=now, config=self._config)
            first = batch.setdefault(interaction.event_id, interaction)
            if first is not interaction:
                _check_same(first, interaction)
        if not batch:
            return Appended(accepted=0, duplicates=0)
        with span("events append", "producer") as appending:
            accepted = self._record(batch, now)
            appended = Appended(accepted, len(interactions) - accepted)
            if appending is not None:
                appending.tell({"movie_mlops.accepted": accepted, "movie_mlops.duplicates": appended.duplicates})
        return appended

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Return the next events of the log.

        Args:
            after: The last offset that the reader has; 0 for the beginning.
            limit: How many at most.

        Returns:
            The events in the order of their offsets.
        """
        with self._database.read() as connection:
            return _page(connection, after, limit)

    def of_user(self, user_id: str, *, until: datetime) -> list[StoredEvent]:
        """Return what a user did, as far as it was recorded by a time, in the order of the offsets."""
        statement = select(EVENTS).where(EVENTS.c.subject == user_id).order_by(EVENTS.c.offset)
        with self._database.read() as connection:
            events = [from_row(row) for row in connection.execute(statement)]
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
            return _last_offset(connection)

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

    def write(self, prepared: Prepared, *, last_offset: int | None = None) -> int | None:
        """Write histories and feature rows that were computed from the lake, and fold in the events that it has not.

        Args:
            prepared: What :meth:`OnlineFeatures.prepare` computed.
            last_offset: The newest event when it was; something that was appended since makes it too old. ``None``
                where everything was computed: then any later event is folded in.

        Returns:
            How many users have a history; ``None`` where it was too old, and nothing was written.

        Raises:
            FeatureError: A history cannot be read.
        """
        assert self._features is not None
        with self._database.write() as connection:
            if last_offset is not None and _last_offset(connection) != last_offset:
                return None
            self._features.write(connection, prepared)
            for events, offset in _pages(connection, prepared.cut.position):
                known = prepared.has([event.event_id for event in events])
                self._apply(connection, [event for event in events if event.event_id not in known], offset)
        return self._histories.count()

    def _record(self, batch: dict[str, Interaction], now: datetime) -> int:
        """Record what is new of a batch, and make it what is read; return how much that is."""
        under = CURRENT.get()
        place = None if under is None else under.place.write()
        with self._database.write() as connection:
            self._refuse_others(connection, list(batch.values()))
            known = _known(connection, batch)
            new = _dated([event for event_id, event in batch.items() if event_id not in known], now)
            if new:
                recorded_at = clock.to_iso(now)
                rows = [(*to_row(event, recorded_at).values(), place) for event in new]
                run_for_each(connection, _INSERT, rows)
                self._apply(connection, new, _last_offset(connection))
        # A repetition too: whoever sends an event again may do so because nobody could tell of it the first time.
        with span("histories publish"):
            self._histories.publish(event.user_id for event in batch.values())
            if self._features is not None:
                self._features.publish(list(batch.values()))
        return len(new)

    def _refuse_others(self, connection: Connection, interactions: Sequence[Interaction]) -> None:
        """Let nothing in of somebody of whom nothing may be kept, within the caller's transaction.

        Raises:
            ErasedUserError: Something is of somebody who was erased.
            NoConsentError: Something is of somebody who does not permit it.
        """
        if self._people is None:
            return
        gone = self._people.left_out((each.user_id for each in interactions), Purpose.HISTORY, connection)
        for position, each in enumerate(interactions if gone.all else ()):
            if each.user_id in gone.unwilling:
                raise NoConsentError(
                    f"Event {position} is of somebody who does not permit that their history is kept; nothing of the"
                    " batch was recorded.",
                    next_step="Send the others without it, or ask them: movie-mlops security consent.",
                    field="user_id",
                    position=position,
                )
            if each.user_id in gone.erased:
                raise ErasedUserError(
                    f"Event {position} is of somebody whose data was erased; nothing of the batch was recorded.",
                    next_step="Send the others without it.",
                    field="user_id",
                    position=position,
                )

    def _apply(self, connection: Connection, events: list[Interaction], position: int) -> None:
        """Bring events into the online store, within the caller's transaction."""
        with span("histories apply"):
            # The folds ask the histories which words these events take the place of.
            if self._features is not None:
                self._features.apply(connection, events, position=position)
            self._histories.apply(connection, events, self._feedback, position=position)


def _known(connection: Connection, batch: dict[str, Interaction]) -> set[str]:
    """Return which ids of the batch are recorded, having made sure that they say the same."""
    ids: list[str] = list(batch)
    known: set[str] = set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        found = [event_id for (event_id,) in fetch_rows(connection, _RECORDED.format(",".join("?" * len(some))), some)]
        # Mostly none is recorded: then nothing has to be read.
        for row in connection.execute(_STORED, {"ids": found}) if found else ():
            _check_same(from_row(row).interaction, batch[row.event_id])
        known.update(found)
    return known


def _check_same(first: Interaction, again: Interaction) -> None:
    # The log dates an event that comes without a time, so that sending it again must not be a conflict.
    same_time = again if again.event_time is not None else replace(again, event_time=first.event_time)
    if same_time != first:
        raise EventConflictError(again.event_id)


def _dated(interactions: list[Interaction], now: datetime) -> list[Interaction]:
    # A microsecond apart, so that of two words in one batch the one that was sent later is the later one.
    return [
        event if event.event_time is not None else replace(event, event_time=now + timedelta(microseconds=place))
        for place, event in enumerate(interactions)
    ]


def _page(connection: Connection, after: int, limit: int) -> list[StoredEvent]:
    return [from_row(row) for row in connection.execute(_PAGE, {"after": after, "count": limit})]


def _pages(connection: Connection, after: int) -> Iterator[tuple[list[Interaction], int]]:
    """Yield the later events, many at a time, each time with the offset of the last."""
    while page := _page(connection, after, _PAGE_SIZE):
        after = page[-1].offset
        yield [event.interaction for event in page], after


def _last_offset(connection: Connection) -> int:
    [(last,)] = fetch_rows(connection, _LAST)
    return last or 0
