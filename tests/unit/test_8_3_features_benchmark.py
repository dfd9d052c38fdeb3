"""The benchmark of features says what was measured, and what was not."""

import json
from pathlib import Path

from movie_mlops.bench import FeaturesBenchConfig, bench_features


def test_the_file_says_who_was_measured_and_who_was_skipped(tmp_path: Path) -> None:
    """Without a Python that has Feast, ours is measured and Feast is skipped with the reason."""
    out = tmp_path / "features.json"
    config = FeaturesBenchConfig(rows=300, feature_rows=300, entities=20, repeats=1)
    result = bench_features(config, out, command="here")
    assert json.loads(out.read_text(encoding="utf-8")) == result
    join, fold = result["runners"]
    assert (join["name"], join["rows"], join["wrong_rows"]) == ("join by both times", 300, 0)
    assert fold["rows"] == 300
    assert [skipped["name"] for skipped in result["skipped"]] == [
        "Feast, duckdb",
        "Feast, duckdb+created",
        "Feast, file",
        "Feast, file+created",
    ]
    assert all("There is no Python with Feast." in skipped["reason"] for skipped in result["skipped"])
    assert result["targets"] == []


def test_a_python_without_feast_is_skipped_with_its_own_words(tmp_path: Path) -> None:
    """What the other Python says last is the reason."""
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho first >&2\necho No module named feast >&2\nexit 1\n", encoding="utf-8")
    other.chmod(0o755)
    config = FeaturesBenchConfig(rows=50, feature_rows=50, entities=5, repeats=1, feast_python=other)
    result = bench_features(config, tmp_path / "features.json")
    assert all("it said last: No module named feast" in skipped["reason"] for skipped in result["skipped"])
