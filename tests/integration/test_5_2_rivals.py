"""RecTools itself, in an environment of its own, says what we say."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import EvaluateBenchConfig, bench_evaluate
from movie_mlops.bench.evaluate import run_rival
from tests.conftest import REPOSITORY

FIXTURES = REPOSITORY / "tests" / "fixtures" / "stage_5"


@pytest.fixture
def rivals_python() -> Path:
    python = REPOSITORY / ".venv" / "rivals" / "bin" / "python"
    if not python.is_file():
        pytest.skip("the rivals' environment is not there; scripts/setup/setup_rivals.sh makes it")
    return python


def test_the_fixture_is_what_rectools_says(rivals_python: Path) -> None:
    """The figures that are kept are those that RecTools gives now, and its version is the one that is pinned."""
    found = run_rival(rivals_python, "judge", FIXTURES / "judged_lists.json", "rectools")
    assert found == json.loads((FIXTURES / "judged_by_rectools.json").read_text(encoding="utf-8"))


def test_rectools_is_measured_in_the_same_run_with_equal_figures(rivals_python: Path, tmp_path: Path) -> None:
    """Lists and figures are compared before a ratio is told; another figure would end the benchmark."""
    config = EvaluateBenchConfig(
        users=60, films=900, known=20, held_out=6, repeats=1, cutoffs=(3, 10), rivals_python=rivals_python
    )
    found = bench_evaluate(config, tmp_path / "evaluate.json", rivals=("rectools",))
    assert [run["name"].split()[0] for run in found["runs"]] == ["movie-mlops", "rectools"]
    assert found["runs"][1]["largest_difference_of_a_figure"] < 1e-12
    [target] = found["targets"]
    assert target["measured"] > 0
