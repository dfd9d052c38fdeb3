"""Every flow in the real Airflow on the real command line: from an empty home to a release, and once more."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.stage_4.command_line import contents
from tests.fixtures.stage_4.real_airflow import Airflow, made_database

DAYS = {"since": "2024-01-01", "until": "2024-02-01"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Airflow, list[dict[str, Any]]]:
    """An Airflow in which every flow ran, one after the other, and what became of the runs."""
    airflow = Airflow.watched(made_database(tmp_path_factory.mktemp("database")), tmp_path_factory.mktemp("flows"))
    return airflow, airflow.test("daily_ingest", "weekly_train", "batch_scoring", "monitoring", ("backfill", DAYS))


def stored(home: Path) -> dict[str, str]:
    """What a home holds aside from the databases, whose pages may move without another row."""
    return {name: digest for name, digest in contents(home).items() if not name.endswith(".db")}


def test_every_flow_runs_on_the_sample(ran: tuple[Airflow, list[dict[str, Any]]]) -> None:
    """Ingest, training with release, scoring, monitoring and a back-fill end well, each task at its first try."""
    airflow, runs = ran
    for run in runs:
        assert run["ended_well"], run
        assert all(state == ["success", 1] for state in run["tasks"].values()), run
    home = airflow.command_line
    assert home("release", "status", "--json").document["bundle_id"].startswith("ease-")
    counted = "select count(*) n, count(distinct event_id) d from interactions"
    assert home("lake", "sql", counted, "--json").document == [{"n": 160_000, "d": 160_000}]
    each = "select count(*) n from recommendations group by user_id"
    lists = f"select count(*) users, min(n) least, max(n) most from ({each})"
    (row,) = home("lake", "sql", lists, "--json").document
    assert row["users"] > 2_900
    assert (row["least"], row["most"]) == (10, 10)
    assert airflow.called[0] == "ingest load --source sample --incremental"
    assert "ingest load --source sample --since 2024-01-01 --until 2024-02-01" in airflow.called


def test_a_second_run_changes_nothing(ran: tuple[Airflow, list[dict[str, Any]]]) -> None:
    """Every flow run again ends well, and no file of lake, models and reports and no release is another."""
    airflow, _ = ran
    before, releases = stored(airflow.home), airflow.command_line("release", "history", "--json").document
    for run in airflow.test("daily_ingest", "weekly_train", "batch_scoring", ("backfill", DAYS)):
        assert run["ended_well"], run
    assert stored(airflow.home) == before
    assert airflow.command_line("release", "history", "--json").document == releases
