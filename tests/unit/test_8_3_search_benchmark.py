"""The benchmark of the search by title."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, SearchBenchConfig, bench_search


def test_every_kind_of_query_is_measured_beside_full_text_search(tmp_path: Path) -> None:
    """Each kind of query is measured, whole titles find their films, SQLite answers beside, and the file says it."""
    out = tmp_path / "search.json"
    found = bench_search(SearchBenchConfig(films=400, queries=20), out, command="a test")
    assert json.loads(out.read_text()) == found
    ours = {run["queries"]: run for run in found["runs"] if run["by"] == "movie-mlops"}
    kinds = ["whole title", "being typed", "one mistake", "nothing like it", "Korean, being typed"]
    assert list(ours) == kinds
    assert all(run["milliseconds"]["p50"] > 0 for run in found["runs"])
    assert ours["whole title"]["meant_film_in_first_ten"] > 0.9
    assert ours["one mistake"]["meant_film_in_first_ten"] > 0.5
    assert ours["nothing like it"]["meant_film_in_first_ten"] is None
    rival = {run["queries"]: run for run in found["runs"] if run["by"] != "movie-mlops"}
    assert list(rival) == list(found["ratios"]) == ["whole title", "being typed"]
    assert rival["whole title"]["meant_film_in_first_ten"] > 0.9
    assert [target["what"] for target in found["targets"]] == [f"{kind}, p99, milliseconds" for kind in kinds]


def test_a_catalogue_can_be_given(tmp_path: Path) -> None:
    """A file of films as MovieLens lays it out is searched instead; one that cannot be read is refused."""
    file = tmp_path / "movies.csv"
    lines = [f'{number},"Film {number}, The (19{number % 100:02})",Drama' for number in range(1, 120)]
    file.write_text("\n".join(["movieId,title,genres", *lines]))
    found = bench_search(SearchBenchConfig(catalogue=file, queries=10), tmp_path / "search.json", command="a test")
    assert (found["setup"]["films"], found["setup"]["korean_titles"]) == (119, 0)
    assert len(found["targets"]) == 4
    with pytest.raises(BenchError, match="cannot be read"):
        bench_search(SearchBenchConfig(catalogue=tmp_path / "none.csv"), tmp_path / "search.json", command="a test")


def test_too_little_to_measure_is_refused() -> None:
    """A benchmark of next to nothing is refused."""
    for wrong in ({"films": 1}, {"queries": 1}):
        with pytest.raises(BenchError, match="Give at least"):
            SearchBenchConfig(**wrong)
