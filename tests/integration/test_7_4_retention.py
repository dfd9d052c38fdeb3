"""What is older than it may be goes, and nothing else."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import EventsConfig, PlatformConfig
from movie_mlops.flows.ingest import drain, ingest
from movie_mlops.flows.outcomes import OUTCOMES
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.retention import outdated, retain
from movie_mlops.flows.steps import BusyError, one_at_a_time
from movie_mlops.lake import INTERACTIONS, QUARANTINE
from movie_mlops.security.config import RetentionConfig
from movie_mlops.serving import IMPRESSIONS
from movie_mlops.serving.exposures import EXPOSURES
from movie_mlops.serving.served import SERVED
from tests.fixtures.stage_4.command_line import CommandLine
from tests.fixtures.stage_7.canary_home import CANARY, OTHER, event, keep_answers, opened, texts_of, write_source


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Interactions of 2024 by one who is gone since, and answers of today, one of them a year old."""
    platform = opened(tmp_path / "home")
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    lake = platform.lake
    late = pl.when(pl.col(c.USER_ID) == CANARY).then(pl.col(c.EVENT_TIME)).otherwise(clock.now())
    lake.overwrite(INTERACTIONS, lake.scan(INTERACTIONS).collect().with_columns(late.alias(c.EVENT_TIME)))
    keep_answers(platform)
    before = clock.now() - timedelta(days=366)
    with platform.database.write() as connection:
        for table, at in (
            (IMPRESSIONS, clock.to_iso(before)),
            (SERVED, clock.to_iso(before)),
            (OUTCOMES, clock.to_iso(before)),
            (EXPOSURES, int(before.timestamp() * 1e6)),
        ):
            connection.execute(update(table).where(table.c.user_id == CANARY).values(at=at))
    yield platform
    platform.close()


def counted(platform: Platform) -> dict[str, int]:
    with platform.database.read() as connection:
        return {
            str(table.name): connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (IMPRESSIONS, SERVED, OUTCOMES, EXPOSURES)
        }


def test_by_default_everything_is_kept(platform: Platform) -> None:
    """Nothing is counted, nothing goes, and no version is written."""
    version, before = platform.lake.version(INTERACTIONS), counted(platform)
    assert outdated(platform, RetentionConfig()) == retain(platform, RetentionConfig()) == []
    assert (platform.lake.version(INTERACTIONS), counted(platform)) == (version, before)


def test_old_interactions_leave_every_version_and_file(platform: Platform, tmp_path: Path) -> None:
    """As planned; the others stay, histories are made anew, and a second time there is nothing to do."""
    config = RetentionConfig(interactions=365)
    rows = platform.lake.scan(INTERACTIONS).select(pl.len()).collect().item()
    [planned] = outdated(platform, config)
    assert asdict(planned) == {"table": INTERACTIONS, "days": 365, "rows": 4}
    assert retain(platform, config) == [planned]
    assert platform.lake.scan(INTERACTIONS).select(pl.len()).collect().item() == rows - 4
    held = [
        path for path, words in texts_of(tmp_path / "home").items() if f"/{INTERACTIONS}/" in path and CANARY in words
    ]
    assert held == []
    assert platform.histories.read(CANARY).movie_ids.size == 0
    version = platform.lake.version(INTERACTIONS)
    assert [each.rows for each in retain(platform, config)] == [0]
    assert platform.lake.version(INTERACTIONS) == version


def test_old_answers_go_and_those_of_today_stay(platform: Platform) -> None:
    """Impressions, what came of them, exposures and served features alike; a number of days that is none is refused."""
    before = counted(platform)
    found = {each.table: each.rows for each in retain(platform, RetentionConfig(answers=365))}
    assert found == {"impressions": 1, "answer_outcomes": 1, "served_features": 1, "exposures": 1}
    assert counted(platform) == {table: rows - 1 for table, rows in before.items()}
    for days in (0, -1, "long"):
        with pytest.raises(ValidationError):
            RetentionConfig.model_validate({"answers": days})


def test_refused_rows_of_people_go(platform: Platform) -> None:
    """By when they were refused: today's stay, those of a load long ago go."""
    assert [each.rows for each in retain(platform, RetentionConfig(quarantine=30))] == [0]
    old = platform.lake.scan(QUARANTINE).collect()
    then = pl.lit(clock.now() - timedelta(days=31)).cast(old.schema[c.INGESTED_AT])
    platform.lake.overwrite(QUARANTINE, old.with_columns(then.alias(c.INGESTED_AT)))
    assert [each.rows for each in retain(platform, RetentionConfig(quarantine=30))] == [2]
    assert platform.lake.scan(QUARANTINE).collect().is_empty()


def test_old_events_that_everybody_has_go_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project says how old an event may be: as planned, but for what the lake has not, and the newest."""
    config = PlatformConfig(events=EventsConfig(keep_days=30))
    platform = opened(tmp_path / "old", config=config)
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    platform.events.append([event(OTHER, number) for number in range(3)])
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=31))
    assert [each.rows for each in outdated(platform, RetentionConfig())] == [0]
    drain(platform)
    [planned] = outdated(platform, RetentionConfig())
    assert asdict(planned) == {"table": "events", "days": 30, "rows": 2}
    assert retain(platform, RetentionConfig()) == [planned]
    assert platform.events.count() == 1
    platform.close()


def test_it_waits_for_no_flow_and_is_asked_for_on_the_command_line(platform: Platform, tmp_path: Path) -> None:
    """While a flow is at work it is refused; the command takes the days of the file, and plans without a change."""
    with one_at_a_time(platform.workspace.lock), pytest.raises(BusyError):
        retain(platform, RetentionConfig(answers=1))
    command, here = CommandLine(tmp_path, tmp_path / "home"), ("--dataset", "canary")
    assert "Everything is kept" in command("security", "retention", *here).out
    (tmp_path / "days").mkdir()
    (tmp_path / "days/security.yaml").write_text("retention: {answers: 365}\n")
    command = CommandLine(tmp_path, tmp_path / "home", config=tmp_path / "days")
    planned = command("security", "retention", "--plan", "--json", *here)
    assert planned.code == 0, planned.err
    assert {row["table"]: row["rows"] for row in planned.document} == {
        "impressions": 1, "answer_outcomes": 1, "served_features": 1, "exposures": 1,
    }  # fmt: skip
    assert command("security", "retention", "--json", *here).document == planned.document
    assert all(row["rows"] == 0 for row in command("security", "retention", "--plan", "--json", *here).document)
