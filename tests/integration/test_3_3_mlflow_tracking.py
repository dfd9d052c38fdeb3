"""Experiment tracking: MLflow on SQLite, with nothing on the terminal and nothing sent anywhere."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from movie_mlops.core import clock
from movie_mlops.release import Run, Tracking, TrackingConfig, TrackingError

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)

FIRST_USE = """
import socket, sys
from pathlib import Path
def refuse(*arguments, **options):
    raise AssertionError(f"the network was used: {arguments}")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from movie_mlops.release import Run, Tracking, TrackingConfig
tracking = Tracking(TrackingConfig(Path(sys.argv[1]) / "experiments", "sample"))
tracking.mark_champion(tracking.record(Run("ease", {"l2": 1}, {"ndcg@10": 0.5})), release_id=1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One database for all: making it is the slow part."""
    return tmp_path_factory.mktemp("experiments")


@pytest.fixture
def at_noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def look(folder, run_id):
    """Read a run back as MLflow's own user interface would."""
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - after it was silenced

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").get_run(run_id)


def test_a_run_holds_the_whole_recipe(folder, at_noon, tmp_path):
    """Parameters, metrics, tags, times and the bundle of a recipe are found again in MLflow."""
    run_id = Tracking(TrackingConfig(folder, "sample")).record(
        Run(
            name="edlae",
            params={"l2": 500.0, "dropout": 0.3},
            metrics={"ndcg@10": 0.25, "recall@100": 0.5},
            tags={"dataset": "sample", "lake_versions": {"interactions": 3}, "code_commit": "abc"},
            started=datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC),
            bundle=tmp_path / "edlae-aaaaaaaaaaaa",
        )
    )
    run = look(folder, run_id)
    assert (run.info.run_name, run.info.status) == ("edlae", "FINISHED")
    assert run.info.end_time - run.info.start_time == 5000
    assert run.data.params == {"l2": "500.0", "dropout": "0.3"}
    assert run.data.metrics == {"ndcg_at_10": 0.25, "recall_at_100": 0.5}
    own = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    assert own == {
        "dataset": "sample",
        "lake_versions": '{"interactions":3}',
        "code_commit": "abc",
        "bundle_id": "edlae-aaaaaaaaaaaa",
        "bundle_path": str(tmp_path / "edlae-aaaaaaaaaaaa"),
    }
    assert run.info.artifact_uri.startswith((folder / "artifacts" / "sample").as_uri())


def test_one_run_has_the_tag_of_the_champion(folder):
    """The run of the released bundle is tagged, and the one before loses the tag but keeps its release."""
    tracking = Tracking(TrackingConfig(folder, "champions"))
    first, second = (tracking.record(Run(name, {}, {"ndcg@10": 0.1})) for name in ("ease", "edlae"))
    tracking.mark_champion(first, release_id=1)
    tracking.mark_champion(second, release_id=2)
    tags = [look(folder, run_id).data.tags for run_id in (first, second)]
    assert [tag.get("champion") for tag in tags] == [None, "true"]
    assert [tag.get("release_id") for tag in tags] == ["1", "2"]


def test_experiments_of_two_data_sets_do_not_mix(folder):
    """Each data set has its own experiment, which is found again and not made twice."""
    ids = set()
    for experiment in ("one", "two", "one"):
        tracking = Tracking(TrackingConfig(folder, experiment))
        ids.add(look(folder, tracking.record(Run("popular", {}, {}))).info.experiment_id)
    assert len(ids) == 2


def test_a_run_that_mlflow_refuses_is_marked_as_failed(folder):
    """A refused name is one clear sentence, and no run is left running."""
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - as above

    tracking = Tracking(TrackingConfig(folder, "refusals"))
    with pytest.raises(TrackingError, match="refused a request"):
        tracking.record(Run("ease", {}, {"not a % name": 1.0}))
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("refusals").experiment_id
    assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED"]


def test_a_damaged_database_is_one_clear_sentence(tmp_path):
    """A file that is no database is named, with what to do."""
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db.*can be moved away"):
        Tracking(TrackingConfig(tmp_path, "sample"))


def test_the_first_use_is_silent_and_stays_on_this_machine(tmp_path):
    """Promise P34: a clean process records a run with the network blocked, writes nothing on the terminal and nothing
    outside its folder.
    """  # noqa: D205 - the promise takes two lines
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE, str(tmp_path)],
        cwd=home,
        env={"PYTHONPATH": str(REPOSITORY / "src"), "HOME": str(home), "AGENT": "some-agent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    assert sorted(file.name for file in (tmp_path / "experiments").iterdir()) == ["mlflow.db"]
