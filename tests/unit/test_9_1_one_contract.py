"""The API that takes events and the log that keeps them hold them to one contract."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.events import EventConfig, EventError
from movie_mlops.events.contract import check
from movie_mlops.serving.shapes import EventIn

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        (None, {}),
        (None, {"kind": "watch", "value": 0.0}),
        (None, {"kind": "watch"}),
        (None, {"kind": "rating", "value": 0.5}),
        (None, {"user_id": "김/철수 1"}),
        (None, {"event_time": NOON + timedelta(minutes=5)}),
        (None, {"movie_id": 2**63 - 1}),
        ("value", {"kind": "rating"}),
        ("value", {"kind": "rating", "value": 0.4}),
        ("value", {"kind": "rating", "value": 5.1}),
        ("value", {"kind": "watch", "value": 1.1}),
        ("value", {"kind": "like", "value": 1.0}),
        ("user_id", {"user_id": ""}),
        ("user_id", {"user_id": "a" * 257}),
        ("user_id", {"user_id": "a\n"}),
        ("event_id", {"event_id": "a\u200bb"}),
        ("event_time", {"event_time": NOON + timedelta(minutes=6)}),
        ("event_time", {"event_time": datetime(1969, 12, 31, tzinfo=UTC)}),
        ("movie_id", {"movie_id": -1}),
    ],
)
def test_the_api_and_the_log_agree(monkeypatch: pytest.MonkeyPatch, field: str | None, changes: dict[str, Any]) -> None:
    """Whatever one of the two refuses, the other refuses as well, for the same field."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    event = {"event_id": "e", "user_id": "ann", "movie_id": 1, "kind": "like", "event_time": NOON, **changes}
    kind = Kind(event["kind"])
    interaction = Interaction(**{"value": None, **event, "kind": kind, "source": "api"})
    body = {**event, "event_time": event["event_time"].isoformat()}
    if field is None:
        check(interaction, position=0, now=NOON, config=EventConfig())
        assert EventIn(**body).kind == kind
        return
    with pytest.raises(EventError) as refused:
        check(interaction, position=0, now=NOON, config=EventConfig())
    assert refused.value.field == field
    with pytest.raises(ValidationError, match=field):
        EventIn(**body)
