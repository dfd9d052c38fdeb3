"""A load test on real servers: what is written down, a freeze that shows, a server of somebody else left as it was."""

import json
from pathlib import Path

import httpx
import pytest

from movie_mlops.bench import BenchError, LoadBenchConfig, bench_load
from movie_mlops.cli.main import main
from tests.fixtures.stage_5.platform import Platform


def test_a_server_that_runs_is_asked_and_told_nothing(tmp_path: Path) -> None:
    """Lists, similar films and searches by chance; every one answered; the log of its events is as it was."""
    platform = Platform(tmp_path / "home")
    platform.promote(platform.train())
    before = platform.events.count()
    with platform.served() as url:
        address = httpx.URL(url)
        assert address.port is not None
        config = LoadBenchConfig(
            rate=40.0, seconds=2.0, connections=4, users=20, films=60, host=address.host, port=address.port
        )
        found = bench_load(config, tmp_path / "load.json")
    assert (found["errors"], found["unanswered"]) == ({}, 0)
    assert found["requests"] + found["refused"] == found["due"] > 40
    assert found["setup"]["server"] == "given"
    assert found["memory_mb"] is None
    assert platform.events.count() == before
    assert json.loads((tmp_path / "load.json").read_text()) == found
    assert (tmp_path / found["histogram"]).read_text().rstrip().splitlines()[-1].startswith("#[Buckets")
    assert (tmp_path / found["plot"]).read_text().startswith("<svg")


def test_nobody_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody listens, or an address is none, it is one sentence and nothing is written."""
    with pytest.raises(BenchError, match="does not list its films"):
        bench_load(LoadBenchConfig(host="127.0.0.1", port=9), tmp_path / "load.json")
    for url in ("https://127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000/v1"):
        assert main(["bench", "load", "--url", url, "--home", str(tmp_path)]) == 1
        assert "is no address of a server" in capsys.readouterr().err
    assert not (tmp_path / "load.json").exists()


@pytest.mark.long
def test_a_server_that_is_stopped_for_two_seconds_shows(tmp_path: Path) -> None:
    """Promise P30: SIGSTOP in the middle of a load on the real server; who was due meanwhile waited, and is in the p99.

    At 40 requests a second about 80 are due in those two seconds, a fifth of all: the 90th percentile is slow, and the
    seconds of the freeze stand out by when their requests were due.
    """
    config = LoadBenchConfig(
        rate=40.0, seconds=10.0, connections=4, users=30, films=60, freeze_seconds=2.0, patience_seconds=20.0
    )
    found = bench_load(config, tmp_path / "load.json")
    assert (found["errors"], found["unanswered"]) == ({}, 0)
    assert found["setup"]["asked"]["event"] > 0
    assert found["latency_ms"]["max"] >= 1800
    assert found["latency_ms"]["p99"] >= 1500
    # Four connections: a generator that waits politely would have seen four slow answers.
    slow = sum((row["max_ms"] or 0) >= 1000 for row in found["over_time"])
    assert slow >= 1
    assert found["latency_ms"]["p90"] > 5 * found["latency_ms"]["p50"]
    assert all(look["memory_mb"] > 20 for look in found["memory_mb"])
    assert all(target["met"] for target in found["targets"])
