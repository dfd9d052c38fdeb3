"""The benchmark of retrieval, on a few films: what it finds is what scoring every film finds, filtered or not."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, RetrievalBenchConfig, bench_retrieval


@pytest.mark.long
def test_the_benchmark_of_retrieval_finds_what_it_should(tmp_path: Path) -> None:
    """Both ways are timed on the same histories, with a filter too; nothing that belongs there is missed."""
    config = RetrievalBenchConfig(films=20_000, factors=16, queries=3, k=10)
    result = bench_retrieval(config, tmp_path / "retrieval.json", command="movie-mlops bench retrieval")
    assert json.loads((tmp_path / "retrieval.json").read_text()) == result
    runs = result["runs"]
    assert {run["by"] for run in runs} == {"movie-mlops", "every film scored"}
    # Of 20 films that pass, 30 of the history left out, there may be no list of 10.
    assert {run["passing"] for run in runs} == {"all films", "one film in ten"}
    assert {run["lengths"] for run in runs} == {"long tail", "all equally long"}
    assert all(run["recall"] == 1 and run["milliseconds"]["p50"] > 0 for run in runs)
    assert all(prepared["mib"] > 0 for prepared in result["prepared"].values())
    recall, milliseconds = result["targets"]
    assert recall["met"]
    assert milliseconds["at_most"] == 5


def test_lists_that_cannot_be_filled_are_refused() -> None:
    """No films, no histories or more asked for than there is: one sentence, before anything is made up."""
    for wrong in ({"films": 0}, {"queries": 0}, {"films": 500, "k": 100}):
        with pytest.raises(BenchError):
            RetrievalBenchConfig(**wrong)
