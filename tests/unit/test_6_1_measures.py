"""Measures: declared once, bounded, told without ever failing."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from movie_mlops.core.conditions import Condition
from movie_mlops.core.measures import OTHER, Known, Label, Measure, MeasureKind, Sample, bounded
from movie_mlops.features import Histories
from movie_mlops.flows.reference import ROOMS, reference_text
from movie_mlops.monitoring import REFERENCE, MonitoringError, newest_readings, note, reading_samples
from movie_mlops.serving import Catalogue, Film, history
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.lately import Lately
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Pick
from movie_mlops.state import Database, StateConfig
from tests.conftest import REPOSITORY

AGE = Measure("movie_mlops_a_seconds", MeasureKind.GAUGE, "An age.", (Label("worker", most=2),))
FILMS = [Film(number, f"Film {number}", likes=2**number) for number in range(4)]


class Watcher:
    """Stands for what follows the ledger."""

    snapshot = Snapshot(Catalogue(FILMS), None)
    failure = None


@dataclass
class Others:
    """Stands for what other rooms measure."""

    reads: dict[str, Callable[[], Iterable[Sample]]] = field(default_factory=dict)

    def parts(self) -> Mapping[str, Callable[[], Iterable[Sample]]]:
        """Return them."""
        return self.reads

    def dependencies(self) -> Mapping[str, Callable[[], Condition]]:
        """Return none."""
        return {}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield opened
    opened.close()


def told(database: Database, others: Others | None = None, seconds: float = 5.0) -> dict[str, float]:
    """Return every sample of a page of metrics, by name and labels."""
    metrics = made(database, others, seconds)
    try:
        return samples(metrics)
    finally:
        metrics.end()


def made(database: Database, others: Others | None = None, seconds: float = 5.0) -> Metrics:
    """Return the metrics of an app that nobody asked yet."""
    return Metrics(
        Watcher(),  # type: ignore[arg-type]
        Impressions(database),
        Histories(database),
        database,
        watched=others,
        patience_seconds=seconds,
    )


def samples(metrics: Metrics) -> dict[str, float]:
    """Return every sample of the page as it is now; two of the same name and labels would be a broken page."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            key = f"{one.name}{{{labels}}}" if labels else one.name
            assert key not in found
            found[key] = one.value
    return found


def test_the_reference_of_metrics_is_what_the_rooms_declare() -> None:
    """`docs/06-monitoring/metrics-reference.md` is what `movie-mlops monitor reference` writes, to the letter."""
    assert (REPOSITORY / REFERENCE).read_text("utf-8") == reference_text()


def test_every_measure_is_declared_once_and_by_a_plain_name() -> None:
    """No two rooms have a measure of one name, and each label says its values or how many there may be."""
    names = [measure.name for measures in ROOMS.values() for measure in measures]
    assert len(set(names)) == len(names)
    for wrong in ("movie_mlops_Age_seconds", "age_seconds", "movie_mlops_a_total"):
        with pytest.raises(ValueError, match="no name of a gauge"):
            Measure(wrong, MeasureKind.GAUGE, "Wrong.")
    with pytest.raises(ValueError, match="needs either"):
        Label("user")


def test_a_page_tells_nothing_that_is_not_declared(database: Database) -> None:
    """Each metric on the page has the kind, the words and the labels that its declaration says."""
    declared = {measure.name: measure for measures in ROOMS.values() for measure in measures}
    metrics = made(database)
    metrics.request("GET", "/healthz", 200, 0.001)
    metrics.arm("canary-1", "canary", failed=False)
    metrics.explored(0.1)
    for family in metrics.registry.collect():
        measure = declared[f"{family.name}_total" if family.type == "counter" else family.name]
        assert (family.type, family.documentation) == (measure.kind.value, measure.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {label.name for label in measure.labels}
    metrics.end()


def test_a_label_that_explodes_ends_as_other() -> None:
    """Beyond the most that a label may have, each further value is `other`: ages keep the largest, counts add up."""
    known = Known(Label("worker", most=2))
    assert [known.of(value) for value in "abcab"] == ["a", "b", OTHER, "a", "b"]
    assert Known(Label("method", ("GET",))).of("BREW") == OTHER
    ages = bounded(Sample(AGE, float(number), (f"worker-{number}",)) for number in range(5))
    assert {sample.labels[0]: sample.value for sample in ages} == {"worker-0": 0.0, "worker-1": 1.0, OTHER: 4.0}
    count = Measure("movie_mlops_a_total", MeasureKind.COUNTER, "A count.", (Label("arm", most=1),))
    assert [sample.value for sample in bounded(Sample(count, 2, (arm,)) for arm in "abc")] == [2, 4]


def test_routes_and_arms_that_nobody_foresaw_are_counted_under_other(database: Database) -> None:
    """A thousand names of arms make no thousand series, and none of the counts is lost."""
    metrics = made(database)
    for number in range(1000):
        metrics.arm("canary-1", f"arm-{number}", failed=False)
    found = {key: value for key, value in samples(metrics).items() if key.startswith("movie_mlops_arm_answers_total")}
    assert len(found) == 21
    assert found[f"movie_mlops_arm_answers_total{{arm={OTHER},outcome=given,rollout=canary-1}}"] == 980
    metrics.end()


def test_a_store_that_fails_or_hangs_is_named_and_hides_nothing_else(database: Database) -> None:
    """The page is there in time: `movie_mlops_scrape_failed` names the part, whose values are missing, not zero."""
    ended = threading.Event()

    asked = []

    def hangs() -> list[Sample]:
        asked.append(1)
        ended.wait(20)
        return [Sample(AGE, 1.0, ("late",))]

    def fails() -> list[Sample]:
        message = "the lake at /secret is away"
        raise OSError(message)

    others = Others({"lake": hangs, "events": fails, "workers": lambda: [Sample(AGE, 3.0, ("one",))]})
    metrics = made(database, others, 0.3)
    began = time.monotonic()
    found = samples(metrics)
    assert time.monotonic() - began < 10
    failed = {key: found[f"movie_mlops_scrape_failed{{part={key}}}"] for key in ("lake", "events", "workers", "parity")}
    assert failed == {"lake": 1, "events": 1, "workers": 0, "parity": 0}
    assert found["movie_mlops_a_seconds{worker=one}"] == 3.0
    assert "movie_mlops_a_seconds{worker=late}" not in found
    # Asked once however often the page is: what hangs does not pile up.
    for _ in range(3):
        samples(metrics)
    assert sum(thread.name == "asking-lake" for thread in threading.enumerate()) == 1
    ended.set()
    while not samples(metrics).get("movie_mlops_a_seconds{worker=late}"):
        assert time.monotonic() < began + 30
    assert len(asked) <= 2
    metrics.end()


def test_a_state_database_that_is_away_leaves_the_rest_of_the_page(tmp_path: Path) -> None:
    """Without its tables the comparison of features cannot be read; what the process knows by itself is told."""
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    metrics = made(database)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE feature_parity")
    found = samples(metrics)
    assert found["movie_mlops_scrape_failed{part=parity}"] == 1
    assert found["movie_mlops_impressions_waiting"] == 0
    assert found["movie_mlops_process_memory_bytes"] > 1_000_000
    metrics.end()
    database.close()


def test_lists_are_judged_by_what_they_showed(database: Database) -> None:
    """Coverage, Gini, novelty, cold users and scores of the last lists are those that a hand counts."""
    catalogue = Watcher.snapshot.catalogue
    lately = Lately(lists=4, places=2)
    assert list(lately.samples(catalogue)) == []
    for user in range(9):
        # Nine lists where four are kept: the last four count, with films 0 and 1; the third place is not seen.
        films = (0, 1, 3) if user > 4 else (2, 3, 0)
        picks = [Pick(FILMS[number], float(user), None) for number in films]
        lately.note(picks, personalised=user != 8, met={5: None, 6: 0}.get(user, 4))
    found = {(sample.measure.name, *sample.labels): sample.value for sample in lately.samples(catalogue)}
    assert found["movie_mlops_list_coverage_ratio",] == 0.5
    # Two of four films share everything alike.
    assert found["movie_mlops_list_gini_ratio",] == 0.5
    bits = -np.log2(np.array([1, 2]) / 15).mean()
    assert found["movie_mlops_list_novelty_bits",] == pytest.approx(bits)
    assert found["movie_mlops_cold_users_ratio",] == pytest.approx(1 / 3)
    assert found["movie_mlops_score", "0.5"] == 6.0


def test_what_the_console_draws_is_measured() -> None:
    """Each series that servers note of their last day is a declared measure: a name that is gone would draw nothing."""
    declared = {measure.name for measures in ROOMS.values() for measure in measures}
    assert set(history.GAUGES) <= declared


def test_readings_are_told_under_their_own_names_with_their_age(database: Database) -> None:
    """What a job noted is on the page, also where nobody declared it; two of one name have one age, the older one's."""
    note(database, "movie_mlops_drift_features", 3)
    note(database, "movie_mlops_online_ndcg", 0.25, {"release": "7"})
    note(database, "movie_mlops_new_thing_ratio", 0.5, {"view": "users"})
    note(database, "movie_mlops_new_thing_ratio", 0.75, {"view": "films"})
    found = told(database, Others({"readings": lambda: reading_samples(newest_readings(database))}))
    assert found["movie_mlops_drift_features"] == 3
    assert found["movie_mlops_online_ndcg{release=7}"] == 0.25
    assert found["movie_mlops_new_thing_ratio{view=users}"] == 0.5
    assert 0 <= found["movie_mlops_reading_age_seconds{name=movie_mlops_new_thing_ratio}"] < 60


@pytest.mark.parametrize("name", ["movie_mlops_process_memory_bytes", "up", "movie_mlops_reading_age_seconds"])
def test_a_reading_that_would_break_the_page_is_left_out(database: Database, name: str) -> None:
    """A reading with another measure's name, or none that Prometheus takes, fails its own part alone."""
    note(database, name, 1)
    api = ROOMS["Of the API"]
    with pytest.raises(MonitoringError, match="A reading is called"):
        list(reading_samples(newest_readings(database), api))
    found = told(database, Others({"readings": lambda: reading_samples(newest_readings(database), api)}))
    assert found["movie_mlops_scrape_failed{part=readings}"] == 1
