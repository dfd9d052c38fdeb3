"""The benchmark itself, end to end: the real command, the real server, and a file of the promised shape."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.bench import Plan, RivalsConfig, ServeBenchConfig, StageConfig, bench_serve, drive_apart
from movie_mlops.bench.serve import rivals
from movie_mlops.bench.serve.memory import growth_per_million
from movie_mlops.bench.serve.process import serving, used_seconds
from movie_mlops.bench.serve.stage import set_stage
from movie_mlops.recommenders import restore
from movie_mlops.release import write_bundle
from movie_mlops.serving import ServingConfig
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


@pytest.mark.long
@pytest.mark.parametrize("model", ["ials", pytest.param("ease", marks=pytest.mark.long)])
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
    # More than are remembered: what is measured as worked out was worked out.
    assert stood["users"] > ServingConfig().remembered_answers
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
        "throughput-users",
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
    assert all(scenarios[name]["requests"] > 0 for name in ("live", "one-connection", "repeated", "event-reflected"))
    assert list(result["ratio_to_floor"]) == ["p50", "p99"]
    assert [(target["what"], target["at_most"]) for target in result["targets"]] == [
        ("live, p50, ms", 0.6),
        ("live, p99, ms", 1.2),
        ("one-connection, p50, ms", 0.6),
        ("one-connection, p99, ms", 1.2),
        ("repeated, p50, ms", 0.35),
        ("event-reflected, p99, ms", 10.0),
        ("event-reflected, the list alone, p50, ms", 0.6),
        ("event-reflected, the list alone, p99, ms", 1.2),
    ]
    assert all(isinstance(target["met"], bool) for target in result["targets"])
    assert str(tmp_path) not in json.dumps({**result, "command": ""})


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_size_blend_memory_overload_and_rivals_are_measured(tmp_path: Path) -> None:
    """Every other part, small, has its scenarios and targets; a server that does not start has an error, no number.

    This Python stands for the rivals' environment: it has FastAPI and NumPy, and none of the others.
    """
    config = ServeBenchConfig(
        parts=("large", "champion", "overload"),
        stage=StageConfig(films=300, users=20),
        large=StageConfig(films=400, users=20),
        champion=StageConfig(model="blend", films=120, audience=200, likes=3000, users=20),
        seconds=0.4,
        warm_up_seconds=0.1,
        connections=3,
        lists=50,
        requests=150,
        rivals=RivalsConfig(Path(sys.executable), rounds=2, seconds=0.3, rate=40.0),
    )
    found = bench_serve(config, tmp_path / "serve.json")
    assert json.loads((tmp_path / "serve.json").read_text()) == found
    assert list(found["stages"]) == ["answers", "champion", "large"]
    assert found["stages"]["champion"]["weights"] == "trained on made-up likes"
    scenarios = {scenario["name"]: scenario for scenario in found["scenarios"]}
    assert list(scenarios) == ["champion", "champion-explained", "large", "capacity", "overload", "recovered"]
    assert all((one["errors"], one["unanswered"]) == ({}, 0) for one in scenarios.values())
    asked = scenarios["capacity"]["answered_per_second"]
    assert scenarios["overload"]["rate"] == pytest.approx(3 * asked, rel=0.01)
    assert scenarios["recovered"]["rate"] == pytest.approx(asked / 2, rel=0.01)
    memory = found["memory"]
    assert (memory["requests"], memory["errors"]) == (150, {})
    assert [memory["samples"][place]["requests"] for place in (0, -1)] == [0, 150]
    assert all(sample["memory_mb"] > 20 for sample in memory["samples"])
    assert (tmp_path / memory["plot"]).read_text().startswith("<svg")
    beside = found["rivals"]
    assert [one["name"] for one in beside["contenders"]] == ["movie-mlops", "FastAPI with NumPy"]
    for one in beside["contenders"]:
        assert len(one["turns"]) == 2
        assert one["throughput"] > 0
        assert list(one["turns"][0]) == ["throughput", "one-connection", "open"]
    ours, theirs = beside["contenders"]
    assert beside["times_throughput"] == {theirs["name"]: round(ours["throughput"] / theirs["throughput"], 2)}
    assert [one["name"] for one in beside["failed"]] == ["MLflow", "BentoML", "LitServe", "Ray Serve"]
    assert "No module named 'bentoml'" in beside["failed"][1]["error"]
    assert [(target["what"], target.get("at_most", target.get("at_least"))) for target in found["targets"]] == [
        ("champion-explained, p50, ms", 2.5),
        ("champion-explained, p99, ms", 5.0),
        ("champion, p50, ms", 2.5),
        ("champion, p99, ms", 5.0),
        ("large, p99, ms", 8.0),
        ("memory of the server with the large catalogue, MB", 600.0),
        ("growth of the server's memory over a million requests, MB", 10.0),
        ("memory of the server after all of them, MB", 600.0),
        ("overload, p99, ms", 500.0),
        ("recovered, p99, ms", 500.0),
        ("overload, of what it can do, share that it does", 0.5),
        ("overload, memory that it took, MB", 10.0),
        ("recovered, refused", 0),
    ]


@pytest.mark.long
def test_a_rival_with_other_films_has_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose answers hold other films than ours is not measured: its error says how many lists differ."""
    scripts = tmp_path / "contenders"
    shutil.copytree(Path(rivals.__file__).parent / "contenders", scripts)
    scoring = scripts / "scoring.py"
    scoring.write_text(scoring.read_text().replace("argpartition(scores, -self._k)", "argpartition(-scores, -self._k)"))
    monkeypatch.setattr(rivals, "SCRIPTS", scripts)
    monkeypatch.setattr(rivals, "RIVALS", rivals.RIVALS[-1:])
    config = ServeBenchConfig(
        parts=(),
        stage=StageConfig(films=300, users=20),
        connections=3,
        lists=50,
        rivals=RivalsConfig(Path(sys.executable), rounds=1, seconds=0.2),
    )
    found = bench_serve(config, tmp_path / "serve.json")["rivals"]
    assert [one["name"] for one in found["contenders"]] == ["movie-mlops"]
    assert found["times_throughput"] == {}
    [failed] = found["failed"]
    assert failed["error"].startswith("FastAPI with NumPy answers 20 of 20 lists with other films.")


def test_the_slope_of_memory_is_that_of_what_follows_the_warm_up() -> None:
    """A million requests after the warm-up add 50 MB, whatever the first fifth took."""
    samples = [(0, 100.0), (100_000, 300.0)] + [(at, 300 + at * 50e-6) for at in range(200_000, 1_000_001, 100_000)]
    assert growth_per_million(samples) == pytest.approx(50)
    assert growth_per_million([(at, 300.0) for at in range(0, 1000, 10)]) == pytest.approx(0, abs=1e-6)


@pytest.mark.long
def test_answers_cost_no_more_than_their_share_of_the_framework(tmp_path: Path) -> None:
    """Budgets as ratios of processor time: an answer with reasons, and one that is known, beside a request for nothing.

    On the same server, one after the other: how fast the machine is, and what else it does, is in all of them.
    """
    stage = set_stage(tmp_path, StageConfig(films=2_000, users=1_100))
    users = tuple(f"/v1/users/{user}/recommendations?k=10" for user in stage.user_ids)
    cost = {}
    with serving(stage.workspace) as served:
        for name, paths, turns in (("floor", ("/healthz",), 2), ("worked out", users, 2), ("known", users[:1], 2)):
            for turn in range(turns):
                before = used_seconds(served.pid)
                plan = Plan("127.0.0.1", served.port, paths, 300.0, requests=500, first=500 * turn)
                outcome = drive_apart(plan)
                assert (outcome.requests, outcome.errors, outcome.unanswered) == (500, {}, 0)
                # The first turn warms what a server makes for itself once.
                cost[name] = used_seconds(served.pid) - before
    assert cost["worked out"] <= 15 * cost["floor"]
    assert cost["known"] <= 6 * cost["floor"]
    assert cost["known"] < cost["worked out"]
