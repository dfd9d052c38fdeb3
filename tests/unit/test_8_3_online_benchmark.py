"""The benchmark of the online store."""

import json
from pathlib import Path

from movie_mlops.bench import OnlineBenchConfig, bench_online


def test_every_read_is_measured_and_held_against_its_target(tmp_path: Path) -> None:
    """Each backend that is there is measured for a row, a hundred and a history; the file says it all."""
    out = tmp_path / "online.json"
    found = bench_online(OnlineBenchConfig(users=100, films=20, history=3, reads=20), out, command="a test")
    assert json.loads(out.read_text()) == found
    backends = ["sqlite"] if found["skipped"] else ["sqlite", "redis"]
    reads = [(backend, what) for backend in backends for what in ("one row", "100 rows", "one history")]
    assert [(run["backend"], run["what"]) for run in found["runs"]] == [
        *reads,
        ("sqlite", "one event, written through"),
    ]
    assert all(run["milliseconds"]["p50"] > 0 for run in found["runs"])
    assert len(found["targets"]) == 2 * len(backends) + 1
