"""How far behind the stores are: events, workers, data, features, disk."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import update

from movie_mlops.core import clock
from movie_mlops.core.measures import OTHER, bounded
from movie_mlops.events.triggers import BudgetConfig, Judged, LoopRuns, Memories, Memory, Stage, State
from movie_mlops.flows import Platform
from movie_mlops.flows.ingest import drain
from movie_mlops.flows.materialise import materialise
from movie_mlops.flows.measures import PlatformWatched
from movie_mlops.flows.worker import WORKERS, seen
from movie_mlops.ingest.releases import RELEASES
from movie_mlops.lake import INTERACTIONS, Commit, compact
from movie_mlops.monitoring import FreshnessConfig, MonitoringError
from tests.conftest import REPOSITORY
from tests.fixtures.stage_9.shop import say, shop


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A data set with one rating."""
    with shop(tmp_path) as platform:
        yield platform


NOTHING = {"movie_mlops_events_waiting": 0, "movie_mlops_events_lag_seconds": 0, "movie_mlops_dead_letters": 0}


class Later:
    """A clock that can be moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = timedelta()
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + self.by)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


def read(platform: Platform, part: str) -> dict[str, float]:
    """Return what a part says, by name and labels."""
    samples = bounded(PlatformWatched(platform).parts()[part]())
    return {" ".join((sample.measure.name, *sample.labels)): sample.value for sample in samples}


def test_the_lag_of_events_is_the_age_of_the_oldest_that_the_lake_has_not(platform: Platform, later: Later) -> None:
    """Nothing waits, nothing lags; an hour after an event it lags an hour, whatever came later, until it is drained."""
    assert read(platform, "events") == NOTHING
    say(platform, 10, 2)
    later.by = timedelta(hours=1)
    say(platform, 20, 1)
    found = read(platform, "events")
    assert found["movie_mlops_events_waiting"] == 3
    assert found["movie_mlops_events_lag_seconds"] == pytest.approx(3600, abs=60)
    drain(platform)
    assert read(platform, "events") == NOTHING


def test_a_clock_that_was_set_back_makes_nothing_younger_than_new(platform: Platform, later: Later) -> None:
    """An event of what is now the future lags by nothing, never by less."""
    say(platform, 10, 1)
    later.by = -timedelta(hours=1)
    assert read(platform, "events")["movie_mlops_events_lag_seconds"] == 0
    assert read(platform, "data")["movie_mlops_data_age_seconds"] == 0


def test_how_old_things_may_be_is_told_but_of_what_stands_still(platform: Platform) -> None:
    """The settings say it in days, and which data sets were taken once; nothing is told of those."""
    bound = "movie_mlops_age_bound_seconds"
    assert read(platform, "bounds") == {
        f"{bound} {of}": 86_400 * days for of, days in (("data", 2), ("features", 2), ("model", 30), ("readings", 2))
    }
    for still, told in (((), [f"{bound} data"]), ((platform.workspace.dataset,), [])):
        config = FreshnessConfig(data_days=7, features_days=None, model_days=None, readings_days=None, still=still)
        samples = PlatformWatched(platform, freshness=config).parts()["bounds"]()
        assert [f"{one.measure.name} {one.labels[0]}" for one in samples] == told
    for days in (0, -1, math.inf, math.nan):
        with pytest.raises(MonitoringError, match=r"freshness\.data_days is"):
            FreshnessConfig(data_days=days)
    said = yaml.safe_load((REPOSITORY / "config" / "monitoring.yaml").read_text())["freshness"]
    assert {**said, "still": tuple(said["still"])} == vars(FreshnessConfig())
    assert set(said["still"]) == {"sample", *RELEASES}


def test_workers_tell_their_age_and_the_long_silent_are_forgotten(platform: Platform, later: Later) -> None:
    """At most sixteen workers are told, those that were seen last; one that is silent for a day is told no more."""
    for number in range(20):
        seen(platform.database, f"worker-{number}")
    later.by = timedelta(minutes=10)
    seen(platform.database, "worker-3")
    found = read(platform, "workers")
    assert len(found) == 16
    assert not any(OTHER in name for name in found)
    assert found["movie_mlops_worker_age_seconds worker-3"] == pytest.approx(0, abs=30)
    assert found["movie_mlops_worker_age_seconds worker-19"] == pytest.approx(600, abs=30)
    with platform.database.write() as connection:
        connection.execute(update(WORKERS).values(seen_at=clock.to_iso(clock.now() - timedelta(days=2))))
    assert read(platform, "workers") == {}


def test_the_loop_tells_its_runs_what_it_may_still_spend_and_what_rules_found(platform: Platform, later: Later) -> None:
    """No run: zeros; one that goes on, then fails; the newest that ended counts; the budget comes back after a day."""
    assert read(platform, "loop")["movie_mlops_loop_failed"] == 0
    runs, budget = LoopRuns(platform.database), BudgetConfig(runs=2, minutes=10)
    begun = runs.begin("drift", "why", {}, champion="a", rows=1, now=clock.now())
    assert begun is not None
    memory = Memory("a", value=3.0, looked_at=clock.now())
    judged = [
        Judged("drift", State.FIRED, 3.0, 1.0, "", memory),
        Judged("age", State.UNKNOWN, None, 1.0, "", Memory("a")),
    ]
    Memories(platform.database).keep(judged)
    later.by = timedelta(minutes=10)
    samples = bounded(PlatformWatched(platform, budget).parts()["loop"]())
    found = {" ".join((each.measure.name, *each.labels)): each.value for each in samples}
    near = pytest.approx(600, abs=30)
    assert {name: value for name, value in found.items() if value and "runs " in name} == {
        "movie_mlops_loop_runs proposed": 1
    }
    assert (found["movie_mlops_loop_open_seconds"], found["movie_mlops_loop_proposal_age_seconds"]) == (near, near)
    assert (found["movie_mlops_loop_budget_runs_left"], found["movie_mlops_loop_budget_seconds_left"]) == (1, 600)
    assert found["movie_mlops_trigger_value drift"] == 3
    assert found["movie_mlops_trigger_look_age_seconds drift"] == near
    assert not any("age" in name.split()[1:] for name in found)
    runs.move(begun, Stage.FAILED, "It broke.", now=clock.now(), seconds=60)
    failed = read(platform, "loop")
    assert (failed["movie_mlops_loop_failed"], failed["movie_mlops_loop_open_seconds"]) == (1, 0)
    assert failed["movie_mlops_loop_runs failed"] == 1
    assert runs.begin("age", "why", {}, champion="a", rows=1, now=clock.now()) is not None
    # What goes on has not ended: the newest that has, failed.
    assert read(platform, "loop")["movie_mlops_loop_failed"] == 1
    going = runs.going()
    assert going is not None
    runs.move(going, Stage.PROMOTED, "Done.", now=clock.now())
    later.by = timedelta(days=2)
    after = read(platform, "loop")
    assert (after["movie_mlops_loop_failed"], after["movie_mlops_loop_budget_runs_left"]) == (0, 4)


def test_data_are_as_old_as_their_last_rows_not_as_the_last_care(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compacting the table makes data no younger; rows that come do."""
    real, begin = platform.lake.commit, clock.now() - timedelta(days=1)

    def an_hour_apart(table: str, version: int) -> Commit:
        return replace(real(table, version), time=begin + timedelta(hours=version))

    monkeypatch.setattr(platform.lake, "commit", an_hour_apart)
    say(platform, 10, 1)
    drain(platform)
    version = platform.lake.version(INTERACTIONS)
    assert version is not None
    compact(platform.lake, INTERACTIONS)
    assert platform.lake.version(INTERACTIONS) == version + 1
    [sample] = PlatformWatched(platform).parts()["data"]()
    assert sample.value == pytest.approx((24 - version) * 3600, abs=60)


def test_features_are_as_old_as_the_last_materialising(platform: Platform, later: Later) -> None:
    """Before the online store was ever made from the lake there is no age; afterwards it grows from then on."""
    assert read(platform, "features") == {}
    materialise(platform)
    later.by = timedelta(minutes=30)
    assert read(platform, "features")["movie_mlops_features_age_seconds"] == pytest.approx(1800, abs=60)


def test_the_disk_is_that_of_the_state(platform: Platform) -> None:
    """What is left of the disk is told with its size, and no more than it."""
    found = read(platform, "disk")
    assert 0 < found["movie_mlops_disk_free_bytes"] <= found["movie_mlops_disk_size_bytes"]


def test_without_a_champion_there_is_no_age_of_a_model(platform: Platform) -> None:
    """Nothing serves, so nothing is told."""
    assert read(platform, "model") == {}
