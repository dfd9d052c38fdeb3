"""The benchmark of retrieval, on a few films: what it finds is what scoring every film finds, filtered or not."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, RetrievalBenchConfig, bench_retrieval


@pytest.mark.long
def test_the_benchmark_of_retrieval_finds_what_it_should(tmp_path: Path) -> None:
    """Both ways are timed on the same histories, with a filter too, and miss nothing; a linear model is trained."""
    config = RetrievalBenchConfig(
        films=20_000, factors=16, queries=3, k=10, linear_films=1000, linear_likes=5000, gigabytes=0.003
    )
    result = bench_retrieval(config, tmp_path / "retrieval.json", command="movie-mlops bench retrieval")
    assert json.loads((tmp_path / "retrieval.json").read_text()) == result
    runs = result["runs"]
    assert {run["by"] for run in runs} == {"movie-mlops", "every film scored"}
    # Of 20 films that pass, 30 of the history left out, there may be no list of 10.
    assert {run["passing"] for run in runs} == {"all films", "one film in ten"}
    assert {run["lengths"] for run in runs} == {"long tail", "all equally long"}
    assert all(run["recall"] == 1 and run["milliseconds"]["p50"] > 0 for run in runs)
    assert all(prepared["mib"] > 0 for prepared in result["prepared"].values())
    assert all(run["cpu_milliseconds"]["p50"] > 0 for run in runs)
    linear = result["linear"]
    assert (linear["films"], linear["likes"]) == (1000, 5000)
    assert linear["sparse-ease"]["peak_memory_mib"] > linear["sparse-ease"]["estimated_mib"] > 0
    assert linear["ease"]["refused"].startswith("Training ease on")
    recall, milliseconds, gigabytes = result["targets"]
    assert recall["met"]
    assert milliseconds["at_most"] == 5
    # A process with NumPy in it takes more than 3 MB.
    assert (gigabytes["at_most"], gigabytes["met"]) == (0.003, False)


def test_no_linear_model_is_trained_where_none_is_asked_for(tmp_path: Path) -> None:
    """With no films for it, the record says nothing of one and has no target for it."""
    config = RetrievalBenchConfig(films=1000, factors=4, queries=1, k=5, linear_films=0)
    result = bench_retrieval(config, tmp_path / "retrieval.json", command="movie-mlops bench retrieval")
    assert result["linear"] is None
    assert len(result["targets"]) == 2


def test_lists_that_cannot_be_filled_are_refused() -> None:
    """No films, no histories or more asked for than there is: one sentence, before anything is made up."""
    for wrong in ({"films": 0}, {"queries": 0}, {"films": 500, "k": 100}, {"linear_likes": 0}):
        with pytest.raises(BenchError):
            RetrievalBenchConfig(**wrong)
