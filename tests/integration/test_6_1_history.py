"""The last day of the server's own metrics: noted in the state database, whatever kind, and drawn in the console."""

import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from movie_mlops.core import clock
from movie_mlops.features import Histories
from movie_mlops.flows import PlatformConfig
from movie_mlops.flows.serve import make_app
from movie_mlops.serving import Catalogue, ServingConfig, history
from movie_mlops.serving.console.monitored import monitored
from movie_mlops.serving.history import SAMPLES, History, day, quantile
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.model import Snapshot
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_5.platform import ADMIN, Platform, running
from tests.fixtures.stage_9.shop import shop

STEP = timedelta(minutes=15)
ROUTE = "/v1/users/{user_id}/recommendations"


class Watcher:
    """Stands for what follows the ledger."""

    snapshot = Snapshot(Catalogue(()), None)
    failure = None


class Time:
    """Time that is moved by hand: that of the wall, and that which goes by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = clock.now().replace(minute=7, second=30, microsecond=0)
        self.gone_by = 1000.0
        monkeypatch.setattr(clock, "now", lambda: self.wall)
        monkeypatch.setattr(history.time, "monotonic", lambda: self.gone_by)

    def passes(self, seconds: float, *, wall: float | None = None) -> None:
        """Let time pass; the clock of the wall may say something else."""
        self.gone_by += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)


class Server:
    """One of several API processes."""

    def __init__(self, database: Database) -> None:
        self.metrics = Metrics(Watcher(), Impressions(database), Histories(database), database)  # type: ignore[arg-type]
        self.history = History(database, self.metrics)

    def answers(self, count: int, *, seconds: float = 0.001, status: int = 200, source: str = "personalised") -> None:
        """Have so many requests answered."""
        for _ in range(count):
            self.metrics.request("GET", ROUTE, status, seconds)
            self.metrics.answer(source)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    opened = Database(StateConfig(state_url))
    yield opened
    opened.close()


def rows(database: Database) -> list[tuple[str, int, float]]:
    """Return every sample: series, minute, value."""
    with database.read() as connection:
        found = connection.execute(select(SAMPLES.c.series, SAMPLES.c.at, SAMPLES.c.value).order_by(SAMPLES.c.at))
        return [(series, at, value) for series, at, value in found]


def series(database: Database, name: str) -> list[float]:
    """Return the values of a series in the order of their minutes."""
    return [value for each, _, value in rows(database) if each == name]


def test_rates_are_of_time_that_went_by_and_servers_are_joined(database: Database, moved: Time) -> None:
    """Two servers: what they answer a second adds up, the slower one's percentile counts, shares are of all lists."""
    one, two = Server(database), Server(database)
    one.answers(120, seconds=0.001)
    one.answers(60, seconds=0.04, status=500)
    two.answers(60, seconds=0.2, source="popular")
    moved.passes(60)
    one.history.note()
    two.history.note()
    found = {name: next(iter(values.values())) for name, values in day(database, moved.wall, STEP).items()}
    assert found[history.REQUESTS][0] == pytest.approx(4.0)
    assert found[history.ERRORS][0] == pytest.approx(1.0)
    assert 0.1 < found[history.MOST][1] <= 0.25
    assert found[history.HALF][1] == pytest.approx(0.175, abs=0.08)
    told = monitored(database, moved.wall)
    plots = {plot["title"]: plot["lines"] for plot in told["plots"]}
    assert [value for value in plots["Lists that are not personal"]["popular"] if value is not None] == [0.25]
    assert "Features that drift" not in plots
    # The next minute nobody asks: the rates are nothing, and there is no percentile of nothing.
    moved.passes(60)
    one.history.note()
    assert series(database, history.REQUESTS)[-1] == 0
    assert len(series(database, history.HALF)) == 2


def test_a_clock_that_jumps_back_makes_no_negative_rate(database: Database, moved: Time) -> None:
    """Set back an hour and more, rates stay those of the time that went by; a minute that comes again is one sample."""
    server = Server(database)
    for wall in (60, -60, 60, -7200, 60):
        server.answers(30)
        moved.passes(60, wall=wall)
        server.history.note()
    assert set(series(database, history.REQUESTS)) == {0.5}
    minutes = [at for name, at, _ in rows(database) if name == history.REQUESTS]
    assert len(minutes) == len(set(minutes)) == 4


def test_no_sample_is_kept_beyond_a_day_or_beyond_the_bound(
    database: Database, moved: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 25 hours a sample is gone, and so is one of a future that a clock has taken back; rows have a most."""
    server = Server(database)
    server.history.note()
    first = len(rows(database))
    moved.passes(24 * 3600)
    server.history.note()
    assert len(rows(database)) == 2 * first
    moved.passes(2 * 3600)
    server.history.note()
    assert len({at for _, at, _ in rows(database)}) == 2
    moved.passes(60, wall=-72 * 3600)
    server.history.note()
    assert len({at for _, at, _ in rows(database)}) == 1
    monkeypatch.setattr(history, "_MOST_ROWS", 3 * first)
    for _ in range(8):
        moved.passes(60)
        server.history.note()
    assert len(rows(database)) <= 3 * first
    assert max(at for _, at, _ in rows(database)) > clock.microseconds(moved.wall) - 60_000_000


def test_what_lies_in_a_bucket_is_spread_over_it() -> None:
    """Percentiles of a histogram: between the ends of its bucket, never beyond the last end that is known."""
    assert quantile({1.0: 50, 2.0: 100, float("inf"): 100}, 0.5) == 1.0
    assert quantile({1.0: 0, 2.0: 100, float("inf"): 100}, 0.75) == 1.75
    assert quantile({1.0: 0, 2.0: 10, float("inf"): 100}, 0.99) == 2.0


def test_a_database_that_is_away_stops_no_answer(tmp_path: Path) -> None:
    """The table is gone: lists are given all the same, and with the table back the history goes on."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    with platform.served(history_seconds=0.02) as url:
        wait_for(platform.database)
        with platform.database.write() as connection:
            SAMPLES.drop(connection)
        for _ in range(20):
            assert httpx.get(f"{url}/v1/users/ann/recommendations").status_code == 200
        with platform.database.write() as connection:
            SAMPLES.create(connection)
        wait_for(platform.database)
    platform.database.close()


def wait_for(database: Database) -> None:
    """Wait until something was noted."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with database.read() as connection:
            if connection.execute(select(func.count()).select_from(SAMPLES)).scalar_one():
                return
        threading.Event().wait(0.02)
    raise AssertionError("nothing was noted")


def test_the_console_draws_the_last_day(tmp_path: Path) -> None:
    """`/console/monitoring` shows a drawing of each thing that was noted, in words, without a style of its own."""
    config = ServingConfig(admin_token=ADMIN["Authorization"].split()[1], history_seconds=0.05)
    with shop(tmp_path) as platform:
        workspace = platform.workspace
    app = make_app(workspace, PlatformConfig(), config)
    with running(app) as url, httpx.Client(base_url=url, timeout=20, follow_redirects=True) as client:
        client.post("/console/sign-in", data={"token": config.admin_token or ""})
        assert "/console/monitoring" in client.get("/console").text
        client.get("/v1/users/ann/recommendations")
        deadline = time.monotonic() + 30
        while "popular" not in (page := client.get("/console/monitoring").text):
            assert time.monotonic() < deadline
    headings = [unescape(found) for found in re.findall(r"<h2[^>]*>([^<]+)</h2>", page)]
    assert headings[:2] == ["Requests, a second", "Time of an answer, milliseconds"]
    assert "Memory, MiB" in headings
    assert page.count('<svg class="plot"') == len(headings)
    assert page.count('class="line c0"') == len(headings)
    assert "style=" not in page
