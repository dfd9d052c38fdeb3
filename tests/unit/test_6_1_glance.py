"""Stage 6 at a glance in the console: is it fresh, is it healthy, what does it need of somebody?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from movie_mlops.core import clock
from movie_mlops.core.measures import Sample
from movie_mlops.features import Histories
from movie_mlops.flows import Platform
from movie_mlops.flows.console import PlatformOperations
from movie_mlops.monitoring import FreshnessConfig, note
from movie_mlops.serving import Catalogue
from movie_mlops.serving.console import Glance
from movie_mlops.serving.history import ERRORS, MISSING, REQUESTS, SAMPLES, History
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.noted import noted
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_9.shop import shop


class Later:
    """A clock that can be moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = timedelta()
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + self.by)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A data set with one rating."""
    with shop(tmp_path) as platform:
        yield platform


def sampled(database: Database, server: str, back: timedelta, **values: float) -> None:
    """Have a server note something so long ago."""
    at = clock.microseconds(clock.now() - back)
    told = {"requests": REQUESTS, "errors": ERRORS}
    rows = [
        {"series": told.get(name, MISSING + name), "at": at, "server": server, "value": value}
        for name, value in values.items()
    ]
    with database.write() as connection:
        connection.execute(insert(SAMPLES), rows)


def look(operations: PlatformOperations) -> Glance:
    """Return the glance of stage 6, which stands between those of its neighbours."""
    numbers = [one.number for one in operations.glances()]
    assert numbers == sorted(numbers)
    return next(one for one in operations.glances() if one.number == 6)


def test_nothing_is_needed_where_nothing_was_noted_yet(platform: Platform, later: Later) -> None:
    """A server that has just begun says so and needs nobody; one that notes nothing for a quarter of an hour does."""
    operations = PlatformOperations(platform)
    glance = look(operations)
    assert (glance.state, glance.section, glance.headline) == ("empty", "monitoring", "Nothing is noted yet")
    assert glance.needs == ()
    assert (glance.facts["drift"], glance.facts["quality"]) == ("not looked at", "not looked at")
    later.by = timedelta(minutes=16)
    assert [need.sentence for need in look(operations).needs] == [
        "No server has noted how it does: look at the log of the API."
    ]
    sampled(platform.database, "a", timedelta(0), requests=2.0, errors=0.0)
    glance = look(operations)
    assert (glance.state, glance.headline, glance.facts["servers"]) == ("good", "Nothing is amiss", "1")
    later.by += timedelta(hours=2)
    assert "since 2 h" in look(operations).needs[0].sentence
    # Begun anew after a night, a server is not blamed for the night.
    assert look(PlatformOperations(platform)).needs == ()


def test_requests_that_fail_need_somebody_now(platform: Platform) -> None:
    """Of all servers' requests of the last hour, more than one in a hundred."""
    operations = PlatformOperations(platform)
    sampled(platform.database, "a", timedelta(minutes=70), requests=9.0, errors=9.0)
    sampled(platform.database, "a", timedelta(minutes=2), requests=99.0, errors=0.0)
    sampled(platform.database, "b", timedelta(minutes=1), requests=101.0, errors=2.0)
    glance = look(operations)
    assert (glance.state, glance.facts["failed, last hour"], glance.facts["servers"]) == ("good", "1.0%", "2")
    sampled(platform.database, "b", timedelta(0), requests=0.0, errors=3.0)
    glance = look(operations)
    assert (glance.state, glance.needs[0].urgent) == ("bad", True)
    assert "2.5%" in glance.needs[0].sentence


def test_what_could_not_be_read_is_named_until_it_can(platform: Platform) -> None:
    """The parts that a running server could not read when it noted last; not those of before, nor of one that ended."""
    sampled(platform.database, "ended", timedelta(minutes=20), requests=1.0, workers=1.0)
    sampled(platform.database, "b", timedelta(minutes=2), requests=1.0, readings=1.0)
    sampled(platform.database, "b", timedelta(minutes=1), requests=1.0, disk=1.0, lake=1.0)
    sampled(platform.database, "c", timedelta(0), requests=1.0)
    glance = look(PlatformOperations(platform))
    assert (glance.state, glance.headline) == ("look", "Something is amiss")
    assert ": disk, lake." in glance.needs[0].sentence
    sampled(platform.database, "b", timedelta(0), requests=1.0)
    assert look(PlatformOperations(platform)).needs == ()


def test_drift_and_quality_are_told_with_their_age(platform: Platform, later: Later) -> None:
    """Drift wants a look, quality below its promise somebody now; what was not looked at for long names its command."""
    sampled(platform.database, "a", timedelta(0), requests=1.0)
    note(platform.database, "movie_mlops_drift_verdict", 1.0)
    glance = look(PlatformOperations(platform))
    assert (glance.state, glance.facts["drift"].split(",")[0]) == ("look", "amiss")
    assert "movie-mlops monitor drift" in glance.needs[0].sentence
    note(platform.database, "movie_mlops_drift_verdict", 0.0)
    note(platform.database, "movie_mlops_online_below_promise", 1.0)
    glance = look(PlatformOperations(platform))
    assert (glance.state, glance.facts["drift"].split(",")[0]) == ("bad", "well")
    assert "movie-mlops monitor quality" in glance.needs[0].sentence
    note(platform.database, "movie_mlops_online_below_promise", 0.0)
    note(platform.database, "movie_mlops_online_guardrail_broken", 1.0, {"guardrail": "fallbacks"})
    note(platform.database, "movie_mlops_online_guardrail_broken", 0.0, {"guardrail": "repeats"})
    (need,) = look(PlatformOperations(platform)).needs
    assert need.sentence.startswith("What must hold beside the quality of the lists does not")
    note(platform.database, "movie_mlops_online_guardrail_broken", 0.0, {"guardrail": "fallbacks"})
    assert look(PlatformOperations(platform)).needs == ()
    later.by = timedelta(days=1)
    assert [need for need in look(PlatformOperations(platform)).needs if "last looked at" in need.sentence] == []
    later.by = timedelta(days=3)
    assert [need.sentence.rpartition(": ")[2] for need in look(PlatformOperations(platform)).needs] == [
        "movie-mlops monitor drift",
        "movie-mlops monitor quality",
    ]
    # What may stand still is never too old.
    still = PlatformOperations(platform, FreshnessConfig(still=(platform.workspace.dataset,)))
    assert [need for need in look(still).needs if "last looked at" in need.sentence] == []


class Watcher:
    """Stands for what follows the ledger."""

    snapshot = Snapshot(Catalogue(()), None)
    failure = None


class Away:
    """Stands for other rooms of which one cannot be read."""

    def parts(self) -> Mapping[str, Callable[[], Iterable[Sample]]]:
        """Return one that fails, and one that does not."""
        return {"lake": self._away, "disk": lambda: ()}

    def dependencies(self) -> Mapping[str, Callable[[], object]]:
        """Return none."""
        return {}

    def _away(self) -> Iterable[Sample]:
        raise OSError("away")


def test_a_server_notes_what_it_could_not_read(state_url: str) -> None:
    """A part of the metrics that failed when the server noted how it does, and no other, on every database."""
    database = Database(StateConfig(state_url))
    metrics = Metrics(Watcher(), Impressions(database), Histories(database), database, watched=Away())  # type: ignore[arg-type]
    assert noted(database).at is None
    History(database, metrics).note()
    found = noted(database)
    assert (found.servers, found.missing, found.failed) == (1, ("lake",), None)
    metrics.end()
    database.close()
