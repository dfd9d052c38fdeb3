"""Stage 8, by its commands alone: growth is measured, capacity is worked out from it, and people come to a server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from movie_mlops.bench.capacity import read_measurements
from tests.conftest import REPOSITORY


@pytest.mark.long
def test_from_growth_to_a_plan_and_to_people_on_a_server(tmp_path: Path) -> None:
    """Every job in processes of its own, a plan of capacity from the record, and a load on a real server; in small."""
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "MOVIE_MLOPS_HOME": str(tmp_path)}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "movie_mlops", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    sizes = [word for size in ("0.02", "0.04") for word in ("--size", size)]
    told = run("bench", "scale", *sizes, "--runs", "1")
    assert "exponent" in told
    record = tmp_path / "reports" / "benchmarks" / "scale.json"
    found = json.loads(record.read_text())
    assert found["skipped"] == []
    assert len(found["rows"]) == 7 * 2
    assert all(row["cpu_seconds"] > 0 for row in found["rows"])
    by_name = {curve["name"]: curve for curve in found["curves"]}
    # These do not depend on how busy the machine is.
    for name in ("ingest.bytes", "serve.bundle_bytes"):
        assert 0.8 < by_name[name]["exponent"]["value"] < 1.2
    assert abs(by_name["serve.answer_bytes"]["exponent"]["value"]) < 0.1
    assert read_measurements(record)["serve.bundle_bytes"].law.each == pytest.approx(128 * 4, rel=0.2)
    plan = json.loads(run("capacity", "--users", "1M", "--films", "20k", "--rps", "1k", "--json"))
    assert plan["month"]["all"] > 0
    out = tmp_path / "capacity-reference.md"
    run("capacity", "--users", "200M", "--films", "1M", "--rps", "500k", "--out", str(out))
    assert "EASE instead: memory" in out.read_text()
    told = run("bench", "load", "--profile", "step", "--steps", "2", "--rate", "5", "--to", "20", "--seconds", "4")
    assert "From when due" in told
    load = json.loads((tmp_path / "reports" / "benchmarks" / "load.json").read_text())
    assert (load["errors"], load["unanswered"]) == ({}, 0)
