"""The benchmark itself, end to end: the real command, the real server, and a file of the promised shape."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.recommenders import restore
from movie_mlops.release import write_bundle
from tests.conftest import REPOSITORY

COMMAND = [sys.executable, "-m", "movie_mlops", "bench", "serve"]
QUICK = ["--seconds", "0.5", "--rate", "40", "--connections", "3"]
FIGURES = ["min", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max"]


def run(*options: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "MOVIE_MLOPS_HOME": str(home)}
    return subprocess.run([*COMMAND, *options], cwd=home, env=environment, capture_output=True, text=True, check=False)


def small_catalogue(folder: Path) -> Path:
    lines = [f'{film},"Film, the {film}th ({1950 + film % 60})",Drama|Comedy' for film in range(1, 301)]
    path = folder / "films.csv"
    path.write_text("\n".join(["movieId,title,genres", *lines, ""]))
    return path


@pytest.mark.parametrize("model", ["ials", "ease"])
def test_the_command_measures_live_explained_answers(tmp_path: Path, model: str) -> None:
    """Real processes for two seconds; every scenario has requests, no errors, and every percentile."""
    out = tmp_path / "somewhere" / "serve.json"
    catalogue = small_catalogue(tmp_path)
    done = run(*QUICK, "--model", model, "--catalogue", str(catalogue), "--out", str(out), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert json.loads(done.stdout) == result
    assert [path.name for path in out.parent.iterdir()] == ["serve.json"]
    assert (result["benchmark"], result["format"]) == ("serve", 1)
    assert result["command"].startswith("movie-mlops bench serve --seconds 0.5")
    assert result["setup"]["model"] == model
    assert (result["setup"]["films"], result["setup"]["history"], result["setup"]["k"]) == (300, 30, 10)
    assert result["setup"]["catalogue"]["file"] == "films.csv"
    assert result["checked"]["answers"] == 20
    assert result["checked"]["films_with_a_reason"] > 0
    assert result["machine"].keys() >= {
        "processor",
        "cores",
        "python",
        "libraries",
        "load_average_before",
        "load_average_after",
    }
    scenarios = {scenario["name"]: scenario for scenario in result["scenarios"]}
    assert list(scenarios) == ["floor", "one-connection", "open-40"]
    for scenario in scenarios.values():
        assert (scenario["errors"], scenario["unanswered"]) == ({}, 0)
        for kind in ("latency_ms", "service_ms"):
            figures = scenario[kind]
            assert list(figures) == FIGURES
            assert 0 < figures["min"] <= figures["p50"] <= figures["p99"] <= figures["max"]
    assert (scenarios["open-40"]["loop"], scenarios["open-40"]["requests"]) == ("open", 20)
    assert (scenarios["one-connection"]["loop"], scenarios["one-connection"]["rate"]) == ("closed", None)
    assert scenarios["one-connection"]["requests"] > 1
    assert list(result["ratio_to_floor"]) == ["p50", "p99"]
    assert [(target["scenario"], target["what"], target["limit_ms"]) for target in result["targets"]] == [
        ("one-connection", "p50", 2.0),
        ("one-connection", "p99", 5.0),
    ]
    assert all(isinstance(target["met"], bool) for target in result["targets"])
    assert str(tmp_path) not in json.dumps({**result, "command": ""})


def test_a_given_bundle_is_served_and_the_table_names_the_targets(tmp_path: Path) -> None:
    """With --bundle the films are its own; the table at the end has every scenario and the targets beside figures."""
    chance = np.random.default_rng(0)
    arrays = {
        "n_items": np.array([80]),
        "known_items": np.arange(80, dtype=np.int32),
        "item_factors": chance.standard_normal((80, 8), np.float32),
    }
    movie_ids = np.arange(80) * 3 + 7
    bundle = write_bundle(tmp_path, model=restore("ials", {"factors": 8}, arrays), movie_ids=movie_ids, facts={})
    done = run(*QUICK, "--bundle", str(bundle.path), home=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("floor", "one-connection", "open-40", "p99.9 ms", "unanswered", "2 ms", "5 ms", "framework's floor"):
        assert words in done.stdout
    result = json.loads((tmp_path / "reports" / "benchmarks" / "serve.json").read_text())
    assert (result["setup"]["bundle_id"], result["setup"]["weights"]) == (bundle.bundle_id, "given")
    assert (result["setup"]["films"], result["setup"]["catalogue"]) == (80, "made up")


def test_a_model_that_is_not_personal_is_not_measured(tmp_path: Path) -> None:
    """Answers that are the same for everybody would be fast for the wrong reason: the benchmark refuses them."""
    arrays = {
        "n_items": np.array([80]),
        "known_items": np.arange(80, dtype=np.int32),
        "popularity": np.arange(80, dtype=np.float32),
    }
    model = restore("popular", {}, arrays)
    bundle = write_bundle(tmp_path, model=model, movie_ids=np.arange(1, 81), facts={})
    done = run(*QUICK, "--bundle", str(bundle.path), "--out", str(tmp_path / "out.json"), home=tmp_path)
    assert done.returncode == 1
    assert "is popular, with 10 films and 0 reasons" in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_catalogue_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file is one sentence and the next step, and no file is written."""
    done = run("--catalogue", "nowhere.csv", "--out", str(tmp_path / "out.json"), home=tmp_path)
    assert done.returncode == 1
    assert "The catalogue nowhere.csv cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.json").exists()
