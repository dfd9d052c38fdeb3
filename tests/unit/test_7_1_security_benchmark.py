"""The benchmark of access."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import IngestBenchConfig, Plan, SecurityBenchConfig, StageConfig, bench_security


def test_a_load_shows_keys_in_turn() -> None:
    """Each request carries the line that is its turn; without any it is what it was."""
    plan = Plan("h", 1, ("/a",), 1.0, headers=("x: 1", "x: 2"))
    assert plan.request(1) == b"GET /a HTTP/1.1\r\nhost: h\r\nx: 2\r\n\r\n"
    assert Plan("h", 1, ("/a",), 1.0).request(0) == b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n"
    posted = Plan("h", 1, ("/a",), 1.0, headers=("x: 1",), bodies=(b"{}",)).request(0)
    assert posted.startswith(b"POST /a HTTP/1.1\r\nhost: h\r\nx: 1\r\ncontent-type")


@pytest.mark.long
def test_each_way_of_showing_who_asks_is_measured(tmp_path: Path) -> None:
    """One server answers openly, with a key, a token and new ones, none is refused; loads are timed; all is said."""
    out = tmp_path / "security.json"
    stage = StageConfig(films=200, users=50, factors=8)
    ingest = IngestBenchConfig(rows=2_000, films=200, bad_rows=5, runs=1)
    config = SecurityBenchConfig(stage=stage, rounds=1, seconds=0.2, warm_up_seconds=0.1, tokens=5, ingest=ingest)
    found = bench_security(config, out, command="a test")
    assert json.loads(out.read_text()) == found
    assert [one["name"] for one in found["scenarios"]] == ["open", "key", "token", "new-token"]
    assert all(one["requests"] and not one["errors"] and not one["unanswered"] for one in found["scenarios"])
    assert [target["at_most"] for target in found["targets"]] == [0.2, 0.2, 1.2, 1.2]
    loads = found["ingest"]["contenders"]
    assert {name: one["rows"] for name, one in loads.items()} == {
        f"movie-mlops{how}": 1_995 for how in ("", "-pseudonyms", "-described", "-sealed")
    }
    for place, dearer, plain in (
        (2, "movie-mlops-pseudonyms", "movie-mlops"),
        (3, "movie-mlops-sealed", "movie-mlops-described"),
    ):
        ratio = loads[dearer]["seconds"] / loads[plain]["seconds"]
        assert found["targets"][place]["measured"] == pytest.approx(ratio, abs=0.05)
