"""``movie-mlops bench drift`` on few rows: what it measures, and what it says of a rival that is not there."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, DriftBenchConfig, bench_drift


@pytest.mark.long
def test_the_benchmark_finds_the_planted_shift_and_keeps_the_record(tmp_path: Path) -> None:
    """Rows from the disk to the verdict in a process of its own; without Evidently's Python that is told as skipped."""
    config = DriftBenchConfig(rows=4_000, numbers=3, names=1, rival_rows=2_000)
    found = bench_drift(config, tmp_path / "drift.json")
    assert found == json.loads((tmp_path / "drift.json").read_text())
    assert [(run["rows"], run["drifting"]) for run in found["runs"]] == [(4_000, ["number_0"]), (2_000, ["number_0"])]
    assert all(run["peak_memory_mib"] > 0 for run in found["runs"])
    assert [each["name"] for each in found["skipped"]] == ["evidently"]
    assert "setup_evidently.sh" in found["skipped"][0]["reason"]
    with pytest.raises(BenchError, match="cannot be measured"):
        DriftBenchConfig(rows=1_000, rival_rows=2_000)
