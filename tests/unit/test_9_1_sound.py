"""Events are read at a glance, and what is read so is what the shapes of the API would have read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from movie_mlops.core import clock
from movie_mlops.core.contract import CLOCK_SKEW
from movie_mlops.serving.shapes import MOST_EVENTS, EventIn
from movie_mlops.serving.sound import read_body, read_sound

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
names = st.sampled_from(["ann", "김 1", "a" * 256, "a" * 257, "", "a\n", "\ud800", 5, None, True])
times = st.sampled_from(
    [
        None,
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:05:00.000000+00:00",
        "2026-01-31T12:05:00.000001Z",
        "2026-01-31T23:00:00.5+11:30",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31t12:00:00z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:00+24:00",
        "1769860800",
        1769860800,
        "yesterday",
    ]
)
events = st.fixed_dictionaries(
    {
        "user_id": names,
        "movie_id": st.sampled_from([0, 1, 2**63 - 1, 2**63, -1, 1.0, "1", True, None]),
        "kind": st.sampled_from(["like", "rating", "watch", "withdraw", "liked", "", None, 1, ["like"]]),
    },
    optional={
        "event_id": names,
        "value": st.sampled_from([None, 0, 0.4, 0.5, 1, 4.5, 5, 5.5, "4", True, float("nan"), float("inf")]),
        "event_time": times,
        "colour": st.none(),
    },
)


@settings(max_examples=500, deadline=None)
@given(events)
def test_a_glance_and_the_shapes_agree(said: dict[str, Any]) -> None:
    """Whatever is read at a glance the shapes read as the same; what they refuse is never sound."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        quick = read_sound(said, "api", NOW + CLOCK_SKEW)
        try:
            slow = EventIn.model_validate(said)
        except ValidationError:
            assert quick is None
            return
    if quick is not None:
        assert quick == slow.model_copy(update={"event_id": quick.event_id}).interaction("api")
        assert said.get("event_id") in {None, quick.event_id}


@settings(max_examples=200, deadline=None)
@given(st.lists(events, max_size=3), st.booleans(), st.sampled_from(["", " ", "\n"]))
def test_a_body_and_its_events_are_read_as_the_same(said: list[dict[str, Any]], one: bool, before: str) -> None:
    """A body that is read at a glance has the events that each would be alone; an odd one leaves all to the shapes."""
    body = before + json.dumps(said[0] if one and said else {"events": said})
    latest = NOW + CLOCK_SKEW
    quick = read_body(body.encode(), "api", latest)
    each = [read_sound(event, "api", latest) for event in (said[:1] if one and said else said)]
    if quick is None:
        assert before or not each or None in each
        return
    many, read = quick
    assert many is not (one and bool(said))
    for event, found, alone in zip(said, read, each, strict=False):
        assert alone is not None
        assert found == (alone if event.get("event_id") else alone._replace(event_id=found.event_id))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"events": []}', b'{"events": {}}', b'{"events": [{"user_id": "a"}], "more": 1}'],
)
def test_a_body_of_another_form_is_left_to_the_shapes(body: bytes) -> None:
    """What is no event and no batch of events is not read at a glance; nor is a batch that is too long."""
    assert read_body(body, "api", NOW) is None
    event = {"user_id": "ann", "movie_id": 1, "kind": "like"}
    assert read_body(json.dumps({"events": [event] * MOST_EVENTS}).encode(), "api", NOW) is not None
    assert read_body(json.dumps({"events": [event] * (MOST_EVENTS + 1)}).encode(), "api", NOW) is None


@pytest.mark.parametrize("field", ["user_id", "event_id"])
@pytest.mark.parametrize("name", ["a\n", "a\x00", "\u202e"])
def test_one_name_that_cannot_be_printed_leaves_all_to_the_shapes(field: str, name: str) -> None:
    """Among names that can be, one that cannot is noticed."""
    good = {"user_id": "ann", "event_id": "e", "movie_id": 1, "kind": "like"}
    assert read_body(json.dumps({"events": [good, good]}).encode(), "api", NOW) is not None
    assert read_body(json.dumps({"events": [good, {**good, field: name}, good]}).encode(), "api", NOW) is None


def test_a_time_is_one_time_to_its_last_digit() -> None:
    """More digits than a clock has are rounded in one way, whoever reads them."""
    said = {"user_id": "ann", "movie_id": 1, "kind": "like", "event_time": "2026-01-30T12:00:00.123456789Z"}
    quick = read_sound(said, "api", NOW)
    assert quick is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        assert EventIn.model_validate(said).event_time == quick.event_time


def test_what_is_usual_is_read_at_a_glance() -> None:
    """Every kind, with and without value, id and time, needs no model."""
    moment = (NOW - timedelta(days=1)).isoformat()
    for kind, value in (
        ("like", None),
        ("rating", 4.5),
        ("rating", 4),
        ("watch", None),
        ("watch", 0.5),
        ("view", None),
    ):
        for more in ({}, {"event_id": "e", "event_time": moment}, {"event_id": None, "event_time": None}):
            said = {"user_id": "ann", "movie_id": 1, "kind": kind, "value": value, **more}
            assert read_sound(said, "api", NOW) is not None
