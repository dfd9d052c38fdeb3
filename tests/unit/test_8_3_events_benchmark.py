"""The benchmark of events."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import EventsBenchConfig, bench_events


@pytest.mark.long
def test_every_figure_of_events_is_measured_and_held_against_its_target(tmp_path: Path) -> None:
    """Each way in is measured beside SQLite alone, and each way on beside Redis alone; nothing else was answered."""
    out = tmp_path / "events.json"
    config = EventsBenchConfig(seconds=0.3, batch=50, users=20, films=30, consumed=300, seen=3)
    found = bench_events(config, out, command="a test")
    assert json.loads(out.read_text()) == found
    ways = {name for name in found["runs"] if "by-workers" in name or "at-once" in name}
    assert len(ways) == 4
    assert all(found["runs"][name]["errors"] == {} for name in ways)
    assert all(found["runs"][name]["events_per_second"] > 0 for name in ways)
    assert [skipped["name"] for skipped in found["skipped"]] in ([], ["redis"])
    assert len(found["targets"]) == 2 + 2 * ("seen" in found["runs"])
    assert len(found["ratios"]) == 2 + ("relay" in found["runs"])
