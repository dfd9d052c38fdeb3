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
QUICK = ["--part", "answers", "--seconds", "0.5", "--rate", "40", "--connections", "3"]
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
    assert result["command"].startswith("movie-mlops bench serve --part answers --seconds 0.5")
    stood = result["stages"]["answers"]
    assert stood["model"] == model
    assert (stood["films"], stood["history"], stood["k"]) == (300, 30, 10)
    assert stood["catalogue"]["file"] == "films.csv"
    assert stood["checked"]["answers"] == 20
    assert stood["checked"]["films_with_a_reason"] > 0
    assert result["machine"].keys() >= {
        "processor",
        "cores",
        "python",
        "libraries",
        "load_average_before",
        "load_average_after",
    }
    scenarios = {scenario["name"]: scenario for scenario in result["scenarios"]}
    assert list(scenarios) == [
        "floor",
        "live",
        "one-connection",
        "repeated",
        "throughput",
        "open-40",
        "event-reflected",
    ]
    for scenario in scenarios.values():
        assert (scenario["part"], scenario["errors"], scenario["unanswered"]) == ("answers", {}, 0)
        for kind in ("latency_ms", "service_ms" if scenario["name"] != "event-reflected" else "acknowledged_ms"):
            figures = scenario[kind]
            assert list(figures) == FIGURES
            assert 0 < figures["min"] <= figures["p50"] <= figures["p99"] <= figures["max"]
    assert (scenarios["open-40"]["loop"], scenarios["open-40"]["requests"]) == ("open", 20)
    assert (scenarios["one-connection"]["loop"], scenarios["one-connection"]["rate"]) == ("closed", None)
    assert scenarios["live"]["asked"] == "POST /v1/recommendations"
    assert scenarios["repeated"]["asked"].startswith("GET /v1/users/{user_id}/recommendations")
    assert scenarios["throughput"]["connections"] == 3
    assert all(scenarios[name]["requests"] > 1 for name in ("live", "one-connection", "repeated", "event-reflected"))
    assert list(result["ratio_to_floor"]) == ["p50", "p99"]
    assert [(target["what"], target["at_most"]) for target in result["targets"]] == [
        ("live, p50, ms", 0.6),
        ("live, p99, ms", 1.2),
        ("one-connection, p50, ms", 0.6),
        ("one-connection, p99, ms", 1.2),
        ("repeated, p50, ms", 0.35),
        ("event-reflected, p99, ms", 10.0),
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
    for words in (
        "floor",
        "one-connection",
        "open-40",
        "p99.9 ms",
        "unanswered",
        "at most 0.6",
        "at most 10",
        "framework's floor",
    ):
        assert words in done.stdout
    result = json.loads((tmp_path / "reports" / "benchmarks" / "serve.json").read_text())
    stood = result["stages"]["answers"]
    assert (stood["bundle_id"], stood["weights"]) == (bundle.bundle_id, "given")
    assert (stood["films"], stood["catalogue"]) == (80, "made up")


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
