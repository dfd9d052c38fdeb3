"""A worker's turn: what there is to do, and no more."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.flows import Platform
from movie_mlops.flows.journal import flow_runs
from movie_mlops.flows.worker import Turn, Worker, WorkerConfig, last_seen
from movie_mlops.lake import INTERACTIONS
from movie_mlops.state import StateError
from tests.fixtures.stage_9.shop import held, load, say, shop


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A data set with one rating."""
    with shop(tmp_path) as platform:
        yield platform


def test_an_event_comes_into_the_lake_with_the_next_turn(platform: Platform) -> None:
    """What was acknowledged is in the lake after one turn; a turn with nothing to do writes nothing."""
    worker = Worker(platform, "one")
    assert worker.turn() == Turn(events=0, materialised=None)
    said = say(platform, 10, 3)
    assert worker.turn().events == 3
    version = platform.lake.version(INTERACTIONS)
    assert worker.turn().events == 0
    assert (held(platform), platform.lake.version(INTERACTIONS)) == (sorted(said), version)
    assert [run.flow for run in flow_runs(platform.database)] == ["worker drain"]
    assert last_seen(platform.database, "one") is not None
    assert last_seen(platform.database, "two") is None


def test_what_others_load_is_served_too(platform: Platform, tmp_path: Path) -> None:
    """Rows that a load brings into the lake come into the online store by themselves."""
    worker = Worker(platform, "one", WorkerConfig(materialise_seconds=0))
    worker.turn()
    load(platform, tmp_path, "ben,2,5,2024-01-01T00:00:00Z")
    assert platform.histories.read("ben").movie_ids.tolist() == []
    assert worker.turn().materialised is not None
    assert platform.histories.read("ben").movie_ids.tolist() == [2]
    assert worker.turn().materialised is None


def test_a_store_that_is_away_is_waited_for(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that fails is told, does not say that the worker lives, and the next one goes on."""
    worker, stop = Worker(platform, "one", WorkerConfig(every_seconds=0.01)), threading.Event()
    say(platform, 10, 3)
    failed, turns, last_offset = list[MovieMlopsError](), list[Turn](), platform.events.last_offset

    def away() -> int:
        if len(failed) < 2:
            raise StateError("The state database is away.", next_step="Wait.")
        return last_offset()

    def done(turn: Turn) -> None:
        turns.append(turn)
        stop.set()

    monkeypatch.setattr(platform.events, "last_offset", away)
    worker.work(stop, on_turn=done, on_error=failed.append)
    assert ([turn.events for turn in turns], len(failed)) == ([3], 2)
