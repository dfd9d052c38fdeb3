"""Every flow in the real Airflow on the real command line: from an empty home to a release, and once more."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.stage_4.command_line import contents
from tests.fixtures.stage_4.real_airflow import Airflow, made_database
from tests.fixtures.stage_4.visits import FILE, ROWS, USERS

pytestmark = pytest.mark.long

DAYS = {"since": "2024-01-01", "until": "2024-02-01"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Airflow, list[dict[str, Any]]]:
    """An Airflow in which every flow ran, one after the other, and what became of the runs."""
    airflow = Airflow.watched(made_database(tmp_path_factory.mktemp("database")), tmp_path_factory.mktemp("flows"))
    return airflow, airflow.test("daily_ingest", "weekly_train", "batch_scoring", "monitoring", ("backfill", DAYS))


def stored(home: Path) -> dict[str, str]:
    """What a home holds aside from what notes every call: the databases, and the table of loads."""
    found = contents(home).items()
    return {name: digest for name, digest in found if not name.endswith(".db") and "/batches" not in name}


def test_every_flow_runs_from_an_empty_home(ran: tuple[Airflow, list[dict[str, Any]]]) -> None:
    """Ingest, training with release, scoring, monitoring and a back-fill end well, each task at its first try."""
    airflow, runs = ran
    for run in runs:
        assert run["ended_well"], run
        assert all(state == ["success", 1] for state in run["tasks"].values()), run
    home = airflow.command_line
    assert home("release", "status", "--json").document["bundle_id"].startswith("item-knn-")
    counted = "select count(*) n, count(distinct event_id) d from interactions"
    assert home("lake", "sql", counted, "--json").document == [{"n": ROWS, "d": ROWS}]
    each = "select count(*) n from recommendations group by user_id"
    lists = f"select count(*) users, min(n) least, max(n) most from ({each})"
    (row,) = home("lake", "sql", lists, "--json").document
    assert row == {"users": USERS, "least": 10, "most": 10}
    source = f"--source file:{airflow.folder / FILE}"
    assert airflow.called[0] == f"ingest load {source} --incremental"
    assert f"ingest load {source} --since 2024-01-01 --until 2024-02-01" in airflow.called


def test_a_second_run_changes_nothing(ran: tuple[Airflow, list[dict[str, Any]]]) -> None:
    """Every flow run again ends well; but for the note of each load no file is another, and there is no new release."""
    airflow, _ = ran
    before, releases = stored(airflow.home), airflow.command_line("release", "history", "--json").document
    for run in airflow.test("daily_ingest", "weekly_train", "batch_scoring"):
        assert run["ended_well"], run
    assert stored(airflow.home) == before
    assert airflow.command_line("release", "history", "--json").document == releases
