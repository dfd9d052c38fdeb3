"""The benchmark of bringing ratings in, on a small file: it measures the whole work, and says what it left out."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, IngestBenchConfig, bench_ingest


@pytest.mark.long
def test_the_benchmark_of_ingest_checks_what_it_times(tmp_path: Path) -> None:
    """Every contender brings in every row; ours all but the bad ones; the file says what was measured on what."""
    config = IngestBenchConfig(rows=20_000, films=500, bad_rows=20, runs=1)
    result = bench_ingest(config, tmp_path / "ingest.json", command="movie-mlops bench ingest")
    assert json.loads((tmp_path / "ingest.json").read_text()) == result
    contenders = result["contenders"]
    assert {contenders[name]["rows"] for name in ("movie-mlops", "movie-mlops-described", "movie-mlops-sealed")} == {
        19_980
    }
    assert {contenders[name]["rows"] for name in ("polars-streamed", "polars-whole", "duckdb-parquet")} == {20_000}
    assert all(set(one) == {"skipped"} or one["peak_memory_mib"] > 0 for one in contenders.values())
    assert [target["limit"] for target in result["targets"]] == [4.0, 1.2, 1.2, 2048]
    assert result["machine"]["load_average_after"] >= 0


def test_a_benchmark_that_cannot_be_is_refused() -> None:
    """More bad rows than rows, or no runs at all, are refused with what to give."""
    with pytest.raises(BenchError, match="cannot be bad"):
        IngestBenchConfig(rows=10, bad_rows=10)
    with pytest.raises(BenchError, match="runs is 0"):
        IngestBenchConfig(runs=0)
