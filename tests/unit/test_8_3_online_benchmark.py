"""The benchmark of the online store."""

import json
from pathlib import Path

from movie_mlops.bench import OnlineBenchConfig, bench_online


def test_every_read_is_measured_and_held_against_its_target(tmp_path: Path) -> None:
    """Each backend that is there is measured for each read; Feast, without its Python, is skipped; the file says it."""
    out = tmp_path / "online.json"
    found = bench_online(OnlineBenchConfig(users=100, films=20, history=3, reads=20), out, command="a test")
    assert json.loads(out.read_text()) == found
    skipped = [each["name"] for each in found["skipped"]]
    backends = ["sqlite"] if "redis" in skipped else ["sqlite", "redis"]
    assert [name for name in skipped if name != "redis"] == [f"Feast, {backend}" for backend in backends]
    pairs = ("a user and 100 films", "a user and 100 films, co-watch")
    reads = [(backend, what) for backend in backends for what in ("one row", "100 rows", "one history", *pairs)]
    assert [(run["backend"], run["what"]) for run in found["runs"]] == [
        *reads,
        ("sqlite", "one event, written through"),
    ]
    assert all(run["milliseconds"]["p50"] > 0 for run in found["runs"])
    # Against Feast nothing is claimed that was not measured in the same run.
    assert not [target for target in found["targets"] if "100 rows" in target["run"]]
    assert len(found["targets"]) == 2 + len(backends)
