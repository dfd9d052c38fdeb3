"""Health: what the server depends on, each with its reason and the next step."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from movie_mlops.core.conditions import OK, Condition
from movie_mlops.core.measures import Sample
from movie_mlops.flows import measures
from movie_mlops.flows.measures import PlatformWatched
from movie_mlops.state import StateError
from tests.fixtures.stage_5.platform import Platform, running
from tests.fixtures.stage_9.shop import opened, shop


@dataclass
class Others:
    """Stands for what other rooms look after."""

    looks: dict[str, Callable[[], Condition]] = field(default_factory=dict)

    def parts(self) -> Mapping[str, Callable[[], Sequence[Sample]]]:
        """Return none."""
        return {}

    def dependencies(self) -> Mapping[str, Callable[[], Condition]]:
        """Return them."""
        return self.looks


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform with a release."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


def ready(url: str) -> tuple[int, str, dict[str, tuple[str, str | None]]]:
    """Return the status, the word, and the state and reason of each dependency; what is not well says what to do."""
    answer = httpx.get(f"{url}/readyz", timeout=20)
    document = answer.json()
    assert "/secret" not in answer.text
    for one in document["dependencies"]:
        assert (one["state"] == "ok") == (one["reason"] is None) == (one["next_step"] is None)
    told = {one["name"]: (one["state"], one["reason"]) for one in document["dependencies"]}
    return answer.status_code, document["status"], told


def test_each_dependency_is_told_and_all_well_is_ready(platform: Platform) -> None:
    """Release, films, state database, online store, and what other rooms look after: each by its name."""
    with running(platform.app(watched=Others({"lake": lambda: OK, "disk": lambda: OK}))) as url:
        status, word, told = ready(url)
    assert (status, word) == (200, "ready")
    assert list(told) == ["release", "films", "state database", "online store", "lake", "disk"]
    assert {state for state, _ in told.values()} == {"ok"}


def test_what_fails_or_hangs_is_named_without_paths_and_the_others_are_told(platform: Platform) -> None:
    """A lake that fails and a disk that nobody can ask make it degraded, in time; it still answers 200."""
    ended = threading.Event()

    def fails() -> Condition:
        raise StateError("The lake at /secret/lake is gone.", next_step="Look into /secret.")

    def hangs() -> Condition:
        ended.wait(20)
        return OK

    with running(platform.app(watched=Others({"lake": fails, "disk": hangs}), patience_seconds=0.2)) as url:
        status, word, told = ready(url)
        ended.set()
    assert (status, word) == (200, "degraded")
    assert {name for name, (state, _) in told.items() if state == "failed"} == {"lake", "disk"}
    assert "cannot be read" in (told["lake"][1] or "")


def test_without_a_release_it_is_not_ready_and_says_what_to_do(tmp_path: Path) -> None:
    """503 only where there is no model to answer with; it lives all the same."""
    platform = Platform(tmp_path)
    with platform.served() as url:
        status, word, told = ready(url)
        assert (status, word) == (503, "not ready")
        assert told["release"] == ("failed", "Nothing is released yet.")
        assert httpx.get(f"{url}/healthz").status_code == 200
        described = httpx.get(f"{url}/openapi.json").json()["paths"]["/readyz"]["get"]["responses"]
        assert described["503"]["content"]["application/json"]["schema"]["$ref"].endswith("/ReadyOut")
    platform.database.close()


def test_a_state_database_that_is_away_fails_its_dependents_alone(platform: Platform) -> None:
    """The model is in memory, so it still answers: the database and the histories have failed, the release has not."""
    with platform.served() as url:
        with platform.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE online_rows")
        status, word, told = ready(url)
    assert (status, word) == (200, "degraded")
    assert told["online store"][0] == "failed"
    assert told["release"] == told["state database"] == ("ok", None)


def test_health_and_metrics_answer_while_all_threads_wait(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread of the routes hangs in a store; who watches the server hears from it all the same."""
    ended, hanging = threading.Event(), threading.Semaphore(0)

    def who(*_: Any) -> None:
        hanging.release()
        ended.wait(30)
        raise StateError("The database is away.", next_step="Wait.")

    monkeypatch.setattr("movie_mlops.serving.routes.passports.who_answered", who)
    with platform.served(worker_threads=2) as url:
        senders = [
            threading.Thread(target=httpx.get, args=(f"{url}/v1/users/ann/answered",), kwargs={"timeout": 60})
            for _ in range(3)
        ]
        for sender in senders:
            sender.start()
        for _ in range(2):
            assert hanging.acquire(timeout=20)
        try:
            assert ready(url)[1] == "ready"
            page = httpx.get(f"{url}/metrics", timeout=10).text
            assert 'movie_mlops_scrape_failed{part="parity"} 0.0' in page
        finally:
            ended.set()
            for sender in senders:
                sender.join()


@pytest.mark.parametrize(("free", "state"), [(50, "ok"), (9, "degraded"), (0.5, "failed")])
def test_a_disk_that_fills_is_told_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str
) -> None:
    """With less than a tenth of the disk free somebody should look; with less than a hundredth writes may soon fail."""
    usage = SimpleNamespace(free=free, total=100.0)
    monkeypatch.setattr(measures.shutil, "disk_usage", lambda _: usage)
    platform = opened(tmp_path)
    found = PlatformWatched(platform).dependencies()["disk"]()
    assert found.state == state
    assert str(tmp_path) not in f"{found.reason} {found.next_step}"
    platform.close()


def test_a_lake_without_data_is_told(tmp_path: Path) -> None:
    """Before the first load the lake is there and holds nothing; afterwards it is as it should be."""
    empty = opened(tmp_path / "empty")
    assert PlatformWatched(empty).dependencies()["lake"]().state == "degraded"
    empty.close()
    with shop(tmp_path) as platform:
        assert PlatformWatched(platform).dependencies()["lake"]() == OK
