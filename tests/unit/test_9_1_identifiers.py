"""Ids of events are in the order of time, and nobody else makes them up."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from movie_mlops.core import clock
from movie_mlops.core.identifiers import time_ordered_id

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_ids_are_uuids_of_version_7_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a UUID of version 7 that begins with its milliseconds; a later one is greater, and none comes twice."""
    made = []
    for milliseconds in range(50):
        monkeypatch.setattr(clock, "now", lambda at=NOW + timedelta(milliseconds=milliseconds): at)
        made.append([time_ordered_id() for _ in range(20)])
    told = [uuid.UUID(each) for some in made for each in some]
    assert {each.version for each in told} == {7}
    assert {each.variant for each in told} == {uuid.RFC_4122}
    assert all(max(before) < min(after) for before, after in itertools.pairwise(made))
    assert told[0].int >> 80 == round(NOW.timestamp() * 1000)
    assert len(set(told)) == len(told)
