"""The event log records once, in order, and refuses what cannot be."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction
from movie_mlops.events import Appended, EventConflictError, EventError, EventLog, envelope
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import day, did, table

NOW = datetime(2025, 6, 1, 12, 0, 0, 250, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def histories(state_url: str) -> Iterator[Histories]:
    database = Database(StateConfig(state_url))
    yield Histories(database)
    database.close()


@pytest.fixture
def log(histories: Histories) -> EventLog:
    return EventLog(histories._database, histories, FeedbackConfig())


def test_an_event_is_recorded_with_its_effect(log: EventLog, histories: Histories) -> None:
    """What was appended can be read back as it was, and is in the user's history."""
    said = [did("a", 1, "rating", 4.5, at=1), did("b", 2, "view", at=2)]
    assert log.append(said) == Appended(accepted=2, duplicates=0)
    stored = log.read(0, 10)
    assert [event.interaction for event in stored] == said
    assert [event.offset for event in stored] == [1, 2]
    assert {event.recorded_at for event in stored} == {NOW}
    assert histories.read("a").weights.tolist() == [1.0]
    assert (log.count(), log.last_offset()) == (2, 2)


def test_an_empty_log_says_so(log: EventLog) -> None:
    """Before the first event there is nothing to count, and an empty batch changes nothing."""
    assert log.append([]) == Appended(accepted=0, duplicates=0)
    assert (log.count(), log.last_offset(), log.read(0, 10)) == (0, 0, [])


def test_reading_goes_on_where_it_stopped(log: EventLog) -> None:
    """A reader that keeps its last offset sees every event once."""
    log.append([did("a", film, "like", at=1) for film in range(5)])
    first = log.read(0, 3)
    rest = log.read(first[-1].offset, 3)
    assert [event.interaction.movie_id for event in first + rest] == [0, 1, 2, 3, 4]
    assert log.read(rest[-1].offset, 3) == []


def test_the_same_event_twice_is_one_event(log: EventLog) -> None:
    """A repetition is counted as a duplicate, whether in one batch or a later one."""
    event = did("a", 1, "like", at=1)
    assert log.append([event, event]) == Appended(accepted=1, duplicates=1)
    assert log.append([event, did("a", 2, "like", at=1)]) == Appended(accepted=1, duplicates=1)
    assert log.count() == 2


def test_a_repetition_without_time_is_no_conflict(
    log: EventLog, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event without a time happened when it was first recorded; sending it again later changes nothing."""
    event = did("a", 1, "like", event_id="x")
    log.append([event])
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    assert log.append([event]) == Appended(accepted=0, duplicates=1)
    assert [stored.interaction.event_time for stored in log.read(0, 9)] == [NOW]
    assert histories.read("a").times.tolist() == [int(NOW.timestamp())]


def test_of_two_words_without_time_the_later_in_the_batch_counts(log: EventLog, histories: Histories) -> None:
    """Words that were sent together keep their order."""
    log.append([did("a", 1, "dislike"), did("a", 1, "like"), did("a", 2, "like"), did("a", 2, "dislike")])
    assert histories.read("a").movie_ids.tolist() == [1, 2]
    assert histories.read("a").weights.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "change",
    [{"movie_id": 2}, {"user_id": "b"}, {"value": 3.0}, {"event_time": day(2)}, {"source": "elsewhere"}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("batches", [1, 2])
def test_an_id_that_is_taken_is_refused(log: EventLog, change: dict[str, Any], batches: int) -> None:
    """An id with another content is a conflict that names the id, and nothing of its batch is recorded."""
    first = did("a", 1, "rating", 4.0, at=1, event_id="taken")
    other = first._replace(**change)
    if batches == 2:
        log.append([first])
    with pytest.raises(EventConflictError, match="'taken'") as caught:
        log.append([did("a", 3, "like", at=1), other] if batches == 2 else [first, other])
    assert caught.value.event_id == "taken"
    assert log.count() == batches - 1


GOOD = did("a", 1, "rating", 4.0, at=1)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (GOOD._replace(event_id=""), "event_id"),
        (GOOD._replace(event_id="x" * 257), "event_id"),
        (GOOD._replace(user_id=""), "user_id"),
        (GOOD._replace(user_id="a\x00b"), "user_id"),
        (GOOD._replace(user_id="\ud800"), "user_id"),
        (GOOD._replace(source="a\nb"), "source"),
        (GOOD._replace(movie_id=-1), "movie_id"),
        (GOOD._replace(movie_id=2**63), "movie_id"),
        (GOOD._replace(value=None), "value"),
        (GOOD._replace(value=5.5), "value"),
        (GOOD._replace(value=0.0), "value"),
        (GOOD._replace(value=math.nan), "value"),
        (did("a", 1, "watch", 1.5, at=1), "value"),
        (did("a", 1, "like", 1.0, at=1), "value"),
        (GOOD._replace(event_time=NOW + timedelta(minutes=5, seconds=1)), "event_time"),
        (GOOD._replace(event_time=NOW.replace(tzinfo=None)), "event_time"),
        (GOOD._replace(event_time=datetime(1969, 12, 31, tzinfo=UTC)), "event_time"),
    ],
)
def test_a_bad_event_is_refused_by_field_and_place(log: EventLog, bad: Interaction, field: str) -> None:
    """The error names the field and which event of the batch it is; nothing of the batch is recorded."""
    with pytest.raises(EventError, match=field) as caught:
        log.append([did("a", 9, "like", at=1), bad])
    assert (caught.value.field, caught.value.position) == (field, 1)
    str(caught.value).encode()
    assert log.count() == 0


def test_a_clock_that_is_a_little_fast_is_forgiven(log: EventLog) -> None:
    """Five minutes into the future is still accepted, in any time zone."""
    ahead = (NOW + timedelta(minutes=5)).astimezone(timezone(timedelta(hours=9)))
    assert log.append([GOOD._replace(event_time=ahead)]).accepted == 1
    assert log.read(0, 1)[0].interaction.event_time == NOW + timedelta(minutes=5)


def test_an_envelope_is_a_cloud_event(log: EventLog) -> None:
    """A recorded event is written as CloudEvents 1.0 JSON."""
    log.append([did("a", 1, "rating", 4.5, at=1, event_id="e-1")])
    assert envelope(log.read(0, 1)[0]) == {
        "specversion": "1.0",
        "id": "e-1",
        "type": "movie_mlops.interaction.rating",
        "source": "test",
        "subject": "a",
        "time": "2024-01-02T00:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:movie-mlops:schema:interaction:1",
        "recordedtime": "2025-06-01T12:00:00.000250Z",
        "sequence": "00000000000000000001",
        "data": {"movie_id": 1, "value": 4.5},
    }


def test_materialising_keeps_what_the_lake_has_not_got(log: EventLog, histories: Histories) -> None:
    """Histories built anew hold the lake's words and the log's, whatever part of the log the lake has."""
    lake = table([did("a", 1, "like", at=1), did("b", 1, "like", at=1)])
    log.append([did("a", 1, "dislike", at=2), did("c", 3, "like", at=2)])
    for after in (0, 1):
        assert log.materialise(lake, after=after) == 3
        assert histories.read("c").movie_ids.tolist() == [3]
    assert histories.read("a").weights.tolist() == [1.0]
    log.materialise(lake)
    assert histories.read("a").weights.tolist() == [0.0]
