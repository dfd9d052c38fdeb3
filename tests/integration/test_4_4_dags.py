"""The DAGs as the real Airflow reads them: they parse, and their tasks and edges are the flows' own."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.flows.definition import FLOWS, Flow, Task
from tests.conftest import REPOSITORY
from tests.fixtures.stage_4.real_airflow import DAGS, Airflow

DAY_S = 24 * 3600


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow says of the DAGs, read once."""
    folder = tmp_path_factory.mktemp("airflow")
    return Airflow(folder, folder / "home").describe()


@pytest.fixture(scope="module")
def dags(described: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = described["dags"]
    return found


def words(task: Task) -> list[str]:
    """The command of a task with what stands for a template."""
    return [re.sub(r"\{(\w+)\}", r"<\1>", word) for word in task.command]


def called(bash_command: str) -> list[str]:
    """The words of a task's command line, with each template as what it stands for."""
    program = "exec ${MOVIE_MLOPS:-.venv/bin/movie-mlops} "
    assert bash_command.startswith(program)
    return shlex.split(re.sub(r"\{\{ \(?params\.(\w+).*?\| quote \}\}", r"<\1>", bash_command.removeprefix(program)))


def test_every_dag_parses_at_once(described: dict[str, Any]) -> None:
    """No DAG file has an import error, each makes one DAG, and each is read in well under a second."""
    assert described["errors"] == {}
    assert sorted(described["dags"]) == sorted(flow.name for flow in FLOWS)
    assert {Path(name).stem for name in described["seconds"]} == {flow.name for flow in FLOWS}
    # The first one also loads Airflow's own modules.
    assert all(seconds < 1 for seconds in described["seconds"].values()), described["seconds"]


def test_the_file_that_airflow_reads_is_what_the_platform_declares() -> None:
    """``airflow/dags/flows.json`` is what ``movie-mlops flow list --json`` says; that command writes it anew."""
    assert json.loads((DAGS / "flows.json").read_text()) == json.loads(json.dumps([flow.to_json() for flow in FLOWS]))


def test_a_dag_file_needs_airflow_and_nothing_of_the_platform() -> None:
    """Not one DAG file imports anything but the standard library, Airflow and its own neighbours."""
    allowed = {"airflow", "datetime", "json", "logging", "pathlib", "shlex", "typing", "flow_dag"}
    for path in sorted(DAGS.glob("*.py")):
        imported = set(re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
        assert imported <= allowed, path.name


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_tasks_and_edges_are_those_of_the_flow(dags: dict[str, Any], flow: Flow) -> None:
    """A DAG has the tasks of its flow and no other, each one call of the command line; the edges are what they need."""
    tasks = dags[flow.name]["tasks"]
    assert {name: task["needs"] for name, task in tasks.items()} == {
        task.name: sorted(task.needs) for task in flow.tasks
    }
    for task in flow.tasks:
        made = tasks[task.name]
        assert called(made["command"]) == words(task)
        assert made["folder"] == str(REPOSITORY)
        assert made["makes"] == ([f"movie_mlops_{task.makes}"] if task.makes else [])
        assert made["stopped_after"] == task.minutes * 60
        assert made["pool"] == ("movie_mlops" if task.alone else "default_pool")
        assert made["always"] == task.always
        assert (made["retries"], made["growth"]) == (0 if task.verdict else 3, 2)


def test_two_runs_of_a_flow_never_meet(dags: dict[str, Any]) -> None:
    """Every DAG has one run at a time, catches up on nothing by itself, and tells somebody when it is late."""
    for name, dag in dags.items():
        assert (dag["active_runs"], dag["catchup"]) == (1, False)
        (deadline,) = dag["deadlines"]
        assert (deadline["calls"], deadline["from"]) == ("flow_deadline.missed", "DagRunQueuedAtDeadline")
        assert max(task["stopped_after"] for task in dag["tasks"].values()) < deadline["after"] < DAY_S, name


def test_training_waits_for_the_days_of_a_week_and_scoring_for_a_release(dags: dict[str, Any]) -> None:
    """A night's load makes the lake, seven of them, Monday to Sunday, make one training, and a release one scoring."""
    daily, weekly, scoring = (dags[name] for name in ("daily_ingest", "weekly_train", "batch_scoring"))
    assert (daily["schedule"], daily["summary"], daily["waits_for"]) == ("CronPartitionTimetable", "0 3 * * *", [])
    assert daily["tasks"]["load"]["makes"] == weekly["waits_for"] == ["movie_mlops_lake"]
    assert weekly["tasks"]["release"]["makes"] == scoring["waits_for"] == ["movie_mlops_release"]
    monday, sunday, next_monday = weekly["runs_of_days"]
    assert monday == sunday == "2026-11-16 (W47)"
    assert next_monday == "2026-11-23 (W48)"
    assert weekly["days_of_a_run"] == [f"2026-11-{day}" for day in range(16, 23)]


def test_the_loop_takes_its_turn_every_hour_and_alone(dags: dict[str, Any]) -> None:
    """One turn at half past each hour, with time for a whole main job, while no other flow changes the data set."""
    loop = dags["loop"]
    assert (loop["summary"], loop["waits_for"], list(loop["tasks"])) == ("30 * * * *", [], ["turn"])
    turn = loop["tasks"]["turn"]
    assert called(turn["command"]) == ["triggers", "turn", "--dataset", "<dataset>"]
    assert (turn["pool"], turn["stopped_after"]) == ("movie_mlops", 10 * 3600)


def test_a_backfill_must_be_told_its_days(dags: dict[str, Any]) -> None:
    """The range has no default; source and data set have one that is set once for all runs."""
    assert dags["backfill"]["schedule"] == "NullTimetable"
    assert set(dags["backfill"]["params"]) == {"source", "dataset", "since", "until"}
    assert dags["backfill"]["params"]["since"] == {"type": "string"}
    assert dags["backfill"]["params"]["source"] == {"type": ["null", "string"]}
