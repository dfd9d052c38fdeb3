"""The event log: what users say happened, recorded once, in order, together with its effect on their histories."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
)

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.events.config import EventConfig
from movie_mlops.events.contract import check
from movie_mlops.events.errors import EventConflictError
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import METADATA, Database

EVENTS: Final = Table(
    "events",
    METADATA,
    # Offsets only grow, and none is given twice, so that a reader can go on from the last one that it saw.
    Column("offset", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("time", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("recorded_at", String, nullable=False),
    sqlite_autoincrement=True,
)

_TYPE_PREFIX: Final = "movie_mlops.interaction."
_STORED: Final = select(EVENTS).where(EVENTS.c.event_id.in_(bindparam("ids", expanding=True)))
_PAGE: Final = (
    select(EVENTS).where(EVENTS.c.offset > bindparam("after")).order_by(EVENTS.c.offset).limit(bindparam("count"))
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


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the log holds it.

    Attributes:
        offset: Its place in the log; grows, with gaps allowed.
        interaction: What happened.
        recorded_at: When it was recorded (aware UTC).
    """

    offset: int
    interaction: Interaction
    recorded_at: datetime


class EventLog:
    """The record of what users did since the log began.

    Args:
        database: Where events and histories are kept.
        histories: The online store that each event goes to in the same transaction.
        feedback: What counts as liking.
        config: What events are accepted.
    """

    def __init__(
        self,
        database: Database,
        histories: Histories,
        feedback: FeedbackConfig,
        config: EventConfig | None = None,
    ) -> None:
        self._database = database
        self._histories = histories
        self._feedback = feedback
        self._config = config or EventConfig()

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
        with self._database.write() as connection:
            known = _known(connection, batch)
            new = _dated([event for event_id, event in batch.items() if event_id not in known], now)
            if new:
                recorded_at = clock.to_iso(now)
                connection.execute(insert(EVENTS), [_to_row(interaction, recorded_at) for interaction in new])
                self._histories.apply(connection, new, self._feedback)
        return Appended(accepted=len(new), duplicates=len(interactions) - len(new))

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

    def count(self) -> int:
        """Return how many events are recorded."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(EVENTS)).scalar_one()

    def last_offset(self) -> int:
        """Return the offset of the newest event; 0 while there is none."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(EVENTS.c.offset))).scalar() or 0

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
            offset = after
            while page := _page(connection, offset, _PAGE_SIZE):
                yield [event.interaction for event in page]
                offset = page[-1].offset

        return self._histories.replace_all(interactions, self._feedback, later=later)


def envelope(event: StoredEvent) -> dict[str, Any]:
    """Return an event as a CloudEvents 1.0 envelope in the JSON format.

    Args:
        event: A recorded event.

    Returns:
        The envelope; ``sequence`` is the offset, padded so that it sorts as text.
    """
    row = _to_row(event.interaction, clock.to_iso(event.recorded_at))
    return {
        "specversion": "1.0",
        "id": row["event_id"],
        "type": row["type"],
        "source": row["source"],
        "subject": row["subject"],
        "time": row["time"],
        "datacontenttype": "application/json",
        "recordedtime": row["recorded_at"],
        "sequence": f"{event.offset:020d}",
        "data": json.loads(row["data"]),
    }


def _known(connection: Connection, batch: dict[str, Interaction]) -> set[str]:
    """Return which ids of the batch are recorded, having made sure that they say the same."""
    ids, known = list(batch), set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        for row in connection.execute(_STORED, {"ids": ids[start : start + _IDS_AT_ONCE]}):
            _check_same(_from_row(row).interaction, batch[row.event_id])
            known.add(row.event_id)
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
    return [_from_row(row) for row in connection.execute(_PAGE, {"after": after, "count": limit})]


def _to_row(interaction: Interaction, recorded_at: str) -> dict[str, str]:
    assert interaction.event_time is not None
    return {
        "event_id": interaction.event_id,
        "type": _TYPE_PREFIX + interaction.kind.value,
        "source": interaction.source,
        "subject": interaction.user_id,
        "time": clock.to_iso(interaction.event_time),
        "data": json.dumps({"movie_id": interaction.movie_id, "value": interaction.value}),
        "recorded_at": recorded_at,
    }


def _from_row(row: Row[Any]) -> StoredEvent:
    data = json.loads(row.data)
    return StoredEvent(
        offset=row.offset,
        interaction=Interaction(
            event_id=row.event_id,
            user_id=row.subject,
            movie_id=data["movie_id"],
            kind=Kind(row.type.removeprefix(_TYPE_PREFIX)),
            value=data["value"],
            event_time=datetime.fromisoformat(row.time),
            source=row.source,
        ),
        recorded_at=datetime.fromisoformat(row.recorded_at),
    )
