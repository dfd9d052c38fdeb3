"""An event as the log keeps it: its row, and its envelope."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from movie_mlops.core import clock
from movie_mlops.core.cloud_events import DATA_TYPE, SCHEMA, SPEC_VERSION, TYPE_PREFIX
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.core.tracing import TraceParent
from movie_mlops.state import METADATA, Insertion, gained

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
    gained("traceparent", String(55)),
    sqlite_autoincrement=True,
)

LOGS: Final = Table(
    "event_logs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
)
"""One row: the name of this log, made up once, so that a place in it is never taken for a place in another log."""

ERASED: Final = "movie_mlops.erased"
"""The type of what is left of an event whose user was erased: its offset, so that no reader's place moves."""

INTO: Final = Insertion(
    "events",
    same=("source", "recorded_at", "traceparent"),
    own=("event_id", "type", "subject", "time", "data"),
    key="event_id",
)
"""Records events, where none has their ids; see :func:`to_columns`."""

_TYPES: Final = {kind: TYPE_PREFIX + kind.value for kind in Kind}
_KINDS: Final = {name: kind for kind, name in _TYPES.items()}


class StoredEvent(NamedTuple):
    """An event as the log holds it; a tuple, for many are made at once.

    Attributes:
        offset: Its place in the log; grows, with gaps allowed.
        interaction: What happened.
        recorded_at: When it was recorded (aware UTC).
        traceparent: Under which request, as a place in its trace, where that had one.
    """

    offset: int
    interaction: Interaction
    recorded_at: datetime
    traceparent: TraceParent | None = None


def envelope(event: StoredEvent) -> dict[str, Any]:
    """Return an event as a CloudEvents 1.0 envelope in the JSON format.

    Args:
        event: A recorded event.

    Returns:
        The envelope; ``sequence`` is the offset, padded so that it sorts as text, and ``traceparent`` (CloudEvents'
        extension for distributed tracing) is there where the event was recorded under a trace.
    """
    said = event.interaction
    assert said.event_time is not None
    told = {
        "specversion": SPEC_VERSION,
        "id": said.event_id,
        "type": _TYPES[said.kind],
        "source": said.source,
        "subject": said.user_id,
        "time": clock.to_iso(said.event_time),
        "datacontenttype": DATA_TYPE,
        "dataschema": SCHEMA,
        "recordedtime": clock.to_iso(event.recorded_at),
        "sequence": f"{event.offset:020d}",
        "data": {"movie_id": said.movie_id, "value": said.value},
    }
    return told if event.traceparent is None else {**told, "traceparent": event.traceparent.write()}


def to_columns(interactions: Sequence[Interaction]) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
    """Return interactions as the columns that :data:`INTO` calls their own.

    Args:
        interactions: What happened, each with its time.
    """
    event_ids, user_ids, movie_ids, kinds, values, moments, _ = zip(*interactions, strict=True)
    data = [
        f'{{"movie_id": {movie_id}, "value": {"null" if value is None else _number(value)}}}'
        for movie_id, value in zip(movie_ids, values, strict=True)
    ]
    return list(event_ids), list(map(_TYPES.__getitem__, kinds)), list(user_ids), _written(moments), data


def _number(value: float) -> str:
    # As json.dumps writes it, in a tenth of the time; anything but a float is left to that.
    return repr(value) if type(value) is float else json.dumps(value)


def _written(moments: Sequence[datetime]) -> list[str]:
    """Return times as :func:`movie_mlops.core.clock.to_iso` writes each, in a tenth of the time."""
    in_utc = [moment if moment.tzinfo is UTC else moment.astimezone(UTC) for moment in moments]
    written: list[str] = orjson.loads(orjson.dumps(in_utc, option=orjson.OPT_UTC_Z))
    return written


@lru_cache(16)
def _moment(text: str) -> datetime:
    # All events of a commit have one.
    return datetime.fromisoformat(text)


COLUMNS: Final = '"offset", event_id, type, source, subject, time, data, recorded_at, traceparent'
"""The columns that :func:`from_row` takes, in their order."""


def from_row(row: Sequence[Any]) -> StoredEvent:
    """Return what a row of :data:`EVENTS` says, its columns in the order of :data:`COLUMNS`."""
    return from_rows([row])[0]


def from_rows(rows: Sequence[Sequence[Any]]) -> list[StoredEvent]:
    """Return what rows say; see :func:`from_row`."""
    if not rows:
        return []
    offsets, event_ids, kinds, sources, subjects, times, said, recorded_at, places = zip(*rows, strict=True)
    data = orjson.loads(f"[{','.join(said)}]")
    columns = (
        event_ids,
        subjects,
        [each["movie_id"] for each in data],
        map(_KINDS.__getitem__, kinds),
        [each["value"] for each in data],
        map(datetime.fromisoformat, times),
        sources,
    )
    interactions = map(Interaction._make, zip(*columns, strict=True))
    parents = (None if place is None else TraceParent.read(place) for place in places)
    return list(map(StoredEvent, offsets, interactions, map(_moment, recorded_at), parents))
