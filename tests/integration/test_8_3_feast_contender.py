"""Feast is measured in the same run, as it is by default and with its own switch for late rows."""

from pathlib import Path

import pytest

from movie_mlops.bench import FeaturesBenchConfig, OnlineBenchConfig, bench_features, bench_online
from tests.fixtures.stage_2.feast import feast_python


@pytest.mark.long
def test_feast_joins_the_same_rows(tmp_path: Path) -> None:
    """By default late rows leak into the time before; with the switch, over rows that nothing corrects, they do not."""
    config = FeaturesBenchConfig(rows=400, feature_rows=400, entities=20, repeats=1, feast_python=feast_python())
    found = bench_features(config, tmp_path / "features.json")
    assert found["skipped"] == []
    runners = {runner["name"].partition(", ")[2]: runner for runner in found["runners"]}
    assert runners["duckdb"]["wrong_rows"] > 0
    assert runners["duckdb"]["differs_from_our_join_by_event_time_alone"] == 0
    assert runners["duckdb+created"]["wrong_rows"] == 0
    assert len(found["targets"]) == 4


@pytest.mark.long
def test_feast_reads_the_same_rows(tmp_path: Path) -> None:
    """Feast's reads are in the file, and the target for a hundred rows is a tenth of what they took."""
    config = OnlineBenchConfig(users=100, films=20, history=3, reads=20, feast_python=feast_python())
    found = bench_online(config, tmp_path / "online.json", command="a test")
    took = {(run["backend"].split()[0], run["what"]): run["milliseconds"]["p50"] for run in found["runs"]}
    [target] = [target for target in found["targets"] if target["run"] == "sqlite, 100 rows, p50"]
    feast = next(run for run in found["runs"] if run["backend"].endswith(", sqlite") and run["what"] == "100 rows")
    assert target["limit_ms"] == round(feast["milliseconds"]["p50"] / 10, 4)
    assert took["Feast", "one row"] > 0
