"""A real Prometheus over the real API, a real Alertmanager behind it, and faults planted in the stores."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import text, update

from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.serve import make_app
from movie_mlops.flows.worker import WORKERS, seen
from movie_mlops.serving import ServingConfig
from tests.conftest import REPOSITORY
from tests.fixtures.stage_5.platform import running
from tests.fixtures.stage_6.prometheus import alertmanager, asked, firing, prometheus, until
from tests.fixtures.stage_6.receivers import Receiver, webhook
from tests.fixtures.stage_9.shop import shop

# What a machine that is busy with other tests sets off rightly, and what rightly follows a burst on it that took long.
# That these fire only when they should is held by promtool, whose time is simulated.
OTHERS: Final = {"DiskNearlyFull", "DiskFullSoon", "ApiAbsent", "ScrapeFailed", "MetricsMissing", "BudgetBurns"}


class Site:
    """The API with users on it, and those who watch.

    Attributes:
        platform: The stores.
        url: The API's address.
        prometheus: Prometheus's.
        alertmanager: Alertmanager's.
        told: Who is told.
        over: What may still fire for a moment, because it is not over for long.
    """

    over: frozenset[str] = frozenset()

    def __init__(self, platform: Platform, folder: Path, stack: ExitStack) -> None:
        self.platform = platform
        workspace = Workspace(folder, "shop")
        self.url = stack.enter_context(running(make_app(workspace, PlatformConfig(), ServingConfig())))
        self.told: Receiver = stack.enter_context(webhook())
        self.alertmanager = stack.enter_context(
            alertmanager(folder / "alertmanager", f"http://127.0.0.1:{self.told.port}/")
        )
        address = self.alertmanager.removeprefix("http://")
        self.prometheus = stack.enter_context(
            prometheus(folder / "prometheus", self.url.removeprefix("http://"), address)
        )
        self._stop = threading.Event()
        users = threading.Thread(target=self._use)
        users.start()
        stack.callback(users.join)
        stack.callback(self._stop.set)

    def fires(self, *alerts: str) -> Callable[[], bool]:
        """Return what tells whether these fire; meanwhile nothing else may."""

        def do() -> bool:
            found = firing(self.prometheus).keys() - OTHERS
            assert found <= {*alerts, *self.over}, found
            return found == set(alerts)

        return do

    def _use(self) -> None:
        """Say something again and again."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            while not self._stop.wait(0.05):
                client.post("/v1/events", json={"user_id": "ann", "movie_id": 1, "kind": "like"})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with shop(tmp_path) as platform, ExitStack() as stack:
        seen(platform.database, "worker")
        yield Site(platform, tmp_path, stack)


def messages(site: Site) -> str:
    """Return everything that was told until now."""
    return str([body for _, body in list(site.told.took.queue)])


def manage(*words: str) -> str:
    """Return what ``alert_manager.sh`` says."""
    script = REPOSITORY / "scripts" / "monitoring" / "alert_manager.sh"
    done = subprocess.run([script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_planted_faults_are_noticed_told_and_over(site: Site) -> None:
    """An error burst and a stuck consumer fire their alert and no other, are told with the runbook, and resolve."""
    database = site.platform.database
    until(lambda: asked(site.prometheus, "movie_mlops:requests:increase5m > 30") != [], "traffic")
    assert site.fires()()

    # An error burst: no event can be written.
    with database.write() as connection:
        connection.execute(text("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(FAIL, 'full'); END"))
    until(site.fires("BudgetBurnsFast"), "an error burst")
    notes = firing(site.prometheus)["BudgetBurnsFast"]["annotations"]
    assert "of the requests are bad for availability: at this rate" in notes["summary"]
    until(lambda: "runbooks-guide.md#budgetburnsfast" in messages(site), "the webhook is told")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER full"))
    site.over = frozenset({"BudgetBurnsFast"})
    until(site.fires(), "the end of the errors")
    site.over = frozenset()

    # A stuck consumer.
    long_ago = clock.to_iso(clock.now() - timedelta(hours=1))
    with database.write() as connection:
        connection.execute(update(WORKERS).values(seen_at=long_ago))
    until(site.fires("WorkerSilent"), "a stuck consumer")
    until(lambda: "WorkerSilent" in manage("list", "--url", site.alertmanager), "alert_manager.sh lists it")
    manage("silence", "WorkerSilent", "--for", "2h", "--comment", "a drill", "--url", site.alertmanager)
    assert "a drill" in manage("silences", "--url", site.alertmanager)
    seen(database, "worker")
    site.over = frozenset({"WorkerSilent"})
    until(site.fires(), "a worker that works again")
    until(lambda: "RESOLVED BudgetBurnsFast (page)" in messages(site), "the webhook is told of the end")
