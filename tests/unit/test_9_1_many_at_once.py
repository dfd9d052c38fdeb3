"""Many events are looked at, written and read together, and what comes of it is what came of one at a time."""

import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from movie_mlops.core import clock
from movie_mlops.core.identifiers import time_ordered_ids
from movie_mlops.core.nouns import Interaction
from movie_mlops.events import Appended, EventConfig, EventConflictError, EventError, EventLog
from movie_mlops.events.contract import are_sound, check
from movie_mlops.events.stored import INTO, to_columns
from movie_mlops.events.transports.port import read_message
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig, insert_texts
from tests.fixtures.stage_2.interactions import did

NOW = datetime(2025, 6, 1, 12, 0, 0, 250, tzinfo=UTC)
PLACES = (
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01",
)
ODD = ("ann", "김 '1'", '"}],[{', "a,b", "?1 %s {0}", "\\x00", "💾" * 256, "é", "e\u0301", "null", "0")


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database, Histories(database), FeedbackConfig(), EventConfig(effects="by-workers"))


def test_columns_say_what_each_event_would() -> None:
    """Times are written as the clock writes them, values as JSON writes them."""
    times = [NOW, NOW.replace(microsecond=0), NOW.astimezone(timezone(timedelta(hours=9, minutes=30)))]
    values = [4.5, 4, 0.1 + 0.2, 1e-7, None]
    said = [
        did("a", 2**63 - 1, "rating" if value else "like", value)._replace(event_time=moment)
        for moment, value in itertools.product(times, values)
    ]
    ids, kinds, users, written, data = to_columns(said)
    assert written == [clock.to_iso(each.event_time) for each in said if each.event_time]
    assert data == [json.dumps({"movie_id": each.movie_id, "value": each.value}) for each in said]
    assert kinds == [f"movie_mlops.interaction.{each.kind}" for each in said]
    assert (ids, users) == ([each.event_id for each in said], ["a"] * len(said))


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 300])
def test_rows_are_inserted_in_order_whatever_they_say(database: Database, count: int) -> None:
    """However many there are, each is there once, under the next place, to its last character."""
    names = [f"{number} {ODD[number % len(ODD)]}" for number in range(count)]
    own = (names, ["t"] * count, names, ["2025"] * count, ["{}"] * count)
    with database.write() as connection:
        assert insert_texts(connection, INTO, ("s", "r", None), own) == count
        assert insert_texts(connection, INTO, ("other", "r", None), own) == 0
    rows = database.fetch('SELECT "offset", event_id, subject, source, traceparent FROM events ORDER BY "offset"')
    assert [row[1:] for row in rows] == [(name, name, "s", None) for name in names]


def test_a_batch_of_odd_names_is_the_same_as_one_at_a_time(log: EventLog) -> None:
    """Names of every kind, times left out, sources and places that change within a commit, are read back as sent."""
    said = [
        did(name, turn, "rating", 4.0, at=1, event_id=f"{turn} {name}"[:256])._replace(source=source)
        for turn, (source, name) in enumerate(itertools.product(("api", "shop", "api"), ODD))
    ]
    third = len(said) // 3
    batches = [said[:third], said[third : third + 1], said[third + 1 :]]
    assert log.append_all(batches, [*PLACES, None]) == [Appended(len(batch), 0) for batch in batches]
    stored = log.read(0, 999)
    assert [event.interaction for event in stored] == said
    told = [event.traceparent.write() if event.traceparent else None for event in stored]
    assert told == [PLACES[0]] * third + [PLACES[1]] + [None] * (len(said) - third - 1)


def test_what_is_partly_known_is_recorded_for_the_rest(log: EventLog) -> None:
    """Of a large batch with events that are recorded, or come twice in it, each is recorded once, in order."""
    said = [did("a", number, "like", at=1, event_id=f"e{number}") for number in range(300)]
    log.append(said[100:200:7])
    known = len(said[100:200:7])
    assert log.append([*said, said[5], said[150]]) == Appended(300 - known, known + 2)
    expected = said[100:200:7] + [each for each in said if each not in said[100:200:7]]
    assert [event.interaction for event in log.read(0, 999)] == expected
    with pytest.raises(EventConflictError, match="'e7'"):
        log.append([did("a", 999, "like", at=1), said[7]._replace(movie_id=8)])
    assert log.count() == 300


GOOD = did("a", 1, "rating", 4.0, at=1)
BAD = [
    {"event_id": ""},
    {"event_id": "x" * 257},
    {"user_id": "a\x00b"},
    {"user_id": "\ud800"},
    {"source": ""},
    {"source": "a\nb"},
    {"movie_id": -1},
    {"movie_id": 2**63},
    {"value": None},
    {"value": 0.4},
    {"value": float("nan")},
    {"event_time": NOW + timedelta(minutes=5, microseconds=1)},
    {"event_time": NOW.replace(tzinfo=None)},
    {"event_time": datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)},
]


@pytest.mark.parametrize("change", BAD, ids=str)
@pytest.mark.parametrize("place", [0, 2])
def test_one_look_finds_what_a_look_at_each_finds(change: dict[str, object], place: int) -> None:
    """Whatever is wrong with one of many is noticed, wherever it stands; without it all are sound."""
    others = [GOOD, did("김", 0, "like"), did("b", 2**63 - 1, "watch", 1.0, at=2)]
    config, bad = EventConfig(), Interaction(**{**GOOD._asdict(), **change})
    assert are_sound(others, now=NOW, config=config)
    assert not are_sound([*others[:place], bad, *others[place:]], now=NOW, config=config)
    with pytest.raises(EventError, match=next(iter(change))):
        check(bad, position=place, now=NOW, config=config)


def test_ids_made_together_are_as_those_made_alone() -> None:
    """Each is a UUID of version 7 of its own."""
    made = [uuid.UUID(each) for each in time_ordered_ids(500)]
    assert len(set(made)) == 500
    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert time_ordered_ids(0) == []


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        ({}, 7),
        ({"sequence": "0"}, None),
        ({"sequence": "x"}, None),
        ({"sequence": None}, None),
        ({"specversion": "2.0"}, None),
        ({"data": {}}, None),
        ({"data": {"movie_id": "1"}}, None),
        ({"data": 1}, None),
    ],
)
def test_a_message_is_an_event_or_strange(change: dict[str, object], offset: int | None) -> None:
    """What a transport brought is of an event where its envelope says so; else it says what is wrong."""
    said = {"specversion": "1.0", "sequence": "0000007", "data": {"movie_id": 1, "value": None}, "more": [1], **change}
    found = read_message(b"t", json.dumps(said).encode())
    assert (found.token, found.offset, found.fault is None) == (b"t", offset, offset is not None)
    assert read_message(b"t", b'{"sequence": "\xff"}').fault
    assert read_message(b"t", b"").fault
