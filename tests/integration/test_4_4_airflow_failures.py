"""What goes wrong in the real Airflow: a task fails, one is killed, the gate refuses, two loads meet."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.stage_4.real_airflow import Airflow, made_database
from tests.fixtures.stage_4.visits import FILE, ROWS

pytestmark = pytest.mark.long

COUNTED = "select count(*) n, count(distinct event_id) d from interactions"
# The first call of a step ends in its own way; the second is the real one.
ONCE_EACH = """
once() { mkdir "$1" 2>/dev/null; }
killed_when() {
  real "$@" 2> said & pid=$!
  until grep -q "$moment" said; do sleep 0.02; done
  sleep 0.1; kill -9 $pid; wait $pid
}
case "$*" in
  *"--only ingest"*) if once ingest; then moment=Bringing; killed_when "$@"; exit; fi ;;
  *"--only features"*) if once features; then exit 1; fi ;;
  *"--only evaluate"*) if once evaluate; then moment="Training and judging"; killed_when "$@"; exit; fi ;;
esac
"""
# An odd name of a file: it must reach the command as one word, and nothing of it may be run.
ODD = "it's $(touch run) a file; touch run.csv"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_database(tmp_path_factory.mktemp("database"))


def test_a_task_that_fails_or_is_killed_is_tried_again_and_goes_on(database: Path, tmp_path: Path) -> None:
    """A step that fails, and steps that are killed in the middle, run again after a pause; those before them do not.

    In the end the lake is whole, every row is there once, and there is one release.
    """
    airflow = Airflow.watched(database, tmp_path, before=ONCE_EACH)
    (run,) = airflow.test("weekly_train")
    assert run["ended_well"], run
    tries = {task: tried for task, (_, tried) in run["tasks"].items()}
    assert tries == {
        "ingest": 2,
        "features": 2,
        "evaluate": 2,
        "train": 1,
        "gate": 1,
        "release": 1,
        "track": 1,
        "register": 1,
    }
    assert len(airflow.called) == sum(tries.values())
    home = airflow.command_line
    assert home("lake", "verify").code == 0
    assert home("models", "verify").code == 0
    assert home("lake", "sql", COUNTED, "--json").document == [{"n": ROWS, "d": ROWS}]
    assert [release["release_id"] for release in home("release", "history", "--json").document] == [1]


def test_a_refusal_fails_the_run_at_once_and_is_on_record(database: Path, tmp_path: Path) -> None:
    """Where the gate refuses, ``release`` fails without another try, the run with it; the experiments are recorded.

    The source is a file with quotes, spaces and a command in its name: it is told to the run, and is one word.
    """
    recipes = [{"name": "popular", "model": "popular"}, {"name": "copy", "model": "popular"}]
    airflow = Airflow.watched(database, tmp_path, recipes=recipes, baselines=["popular"])
    (tmp_path / FILE).rename(tmp_path / ODD)
    (run,) = airflow.test(("weekly_train", {"source": f"file:{tmp_path / ODD}"}))
    assert not run["ended_well"]
    assert run["tasks"].pop("release") == ["failed", 1]
    assert {state for state, _ in run["tasks"].values()} == {"success"}
    assert airflow.called[-1] == f"run --only register --source file:{tmp_path / ODD}"
    assert (tmp_path / "home" / "experiments" / "mlflow.db").exists()
    assert airflow.command_line("release", "history", "--json").document == []
    assert not (tmp_path / "run").exists()


def test_a_backfill_and_the_daily_load_may_meet(database: Path, tmp_path: Path) -> None:
    """Both at once on an empty lake: both end well, and every row is there once."""
    both = []
    for name in ("daily", "back"):
        (tmp_path / name).mkdir()
        watched = Airflow.watched(database, tmp_path / name)
        both.append(replace(watched, home=tmp_path / "home"))
    days = {"since": "2000-01-01", "until": "2030-01-01"}
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(both[0].test, "daily_ingest"), pool.submit(both[1].test, ("backfill", days))]
        runs = [run for done in started for run in done.result()]
    assert all(run["ended_well"] for run in runs), runs
    home = both[0].command_line
    assert home("lake", "sql", COUNTED, "--json").document == [{"n": ROWS, "d": ROWS}]
    assert home("lake", "verify").code == 0
