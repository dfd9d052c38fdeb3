"""Rules of triggers: thresholds, hysteresis, looks in a row, cool-down, budget; one run at a time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.triggers import (
    RULES,
    BudgetConfig,
    Judged,
    LoopRun,
    LoopRuns,
    Measured,
    Memories,
    Memory,
    RuleConfig,
    Stage,
    State,
    TriggerError,
    TriggersConfig,
    due,
    fires,
    judge,
)
from movie_mlops.monitoring.drift import DriftConfig, Group, Reference
from movie_mlops.monitoring.drift import judge as judge_drift
from movie_mlops.settings import read_triggers
from movie_mlops.state import Database, StateConfig
from tests.conftest import REPOSITORY

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONFIG = TriggersConfig(least_new=100)


def looked(
    value: float | None,
    memory: Memory | None = None,
    *,
    rule: RuleConfig | None = None,
    runs: tuple[LoopRun, ...] = (),
    new: int = 10_000,
    config: TriggersConfig = CONFIG,
    now: datetime = NOW,
) -> Judged:
    """Return how the rule of the volume stands after one look."""
    asked = replace(config, volume=rule or RuleConfig(at=0.1, rearm=0.05))
    memories = {} if memory is None else {"volume": memory}
    measured = {"volume": Measured(value, "So much is new.")}
    found = judge(asked, measured, memories, runs, champion="one", new=new, now=now)
    return next(each for each in found if each.name == "volume")


def ended(stage: Stage, *, ago: float, seconds: float = 60.0) -> LoopRun:
    """Return a run that ended so many hours ago."""
    at = NOW - timedelta(hours=ago)
    return LoopRun(1, "volume", "", {}, stage, "one", 5, None, None, 1, seconds, at, at, ())


def test_a_rule_fires_at_its_threshold_and_says_why() -> None:
    """Below its threshold a rule is quiet; at it, it fires; without a value it cannot be judged."""
    assert [looked(value).state for value in (0.0999, 0.1, None)] == [State.BELOW, State.FIRES, State.UNKNOWN]
    found = looked(0.3)
    assert (found.value, found.at, found.sentence) == (0.3, 0.1, "So much is new.")
    assert looked(9.0, rule=RuleConfig(at=None)).state is State.OFF


def test_having_fired_it_waits_until_it_was_low_or_another_model_serves() -> None:
    """Hysteresis: a value that hovers at the threshold fires once; between the two bounds nothing changes."""
    fired = Memory("one", armed=False)
    for value, state, armed in [
        (0.2, State.FIRED, False),
        (0.07, State.BELOW, False),
        (0.1, State.FIRED, False),
        (0.049, State.BELOW, True),
        (0.1, State.FIRES, True),
    ]:
        found = looked(value, fired)
        fired = found.memory
        assert (found.state, fired.armed) == (state, armed)
    assert looked(0.2, Memory("another", armed=False)).state is State.FIRES


def test_what_is_noisy_must_be_seen_so_often_in_a_row() -> None:
    """Two looks in a row: one alarm alone begins nothing, a quiet look begins the count anew, an unknown one not."""
    rule, memory, states = RuleConfig(at=1, looks=2), None, []
    for value in (1, 0, 1, None, 1):
        found = looked(value, memory, rule=rule)
        memory = found.memory
        states.append(found.state)
    assert states == [State.AGAIN, State.BELOW, State.AGAIN, State.UNKNOWN, State.FIRES]


def test_what_costs_is_looked_at_seldom() -> None:
    """A rule is due at first, of another champion, and after its hours; in between what it found stands."""
    rule = RuleConfig(at=1, every_hours=24)
    seen = Memory("one", looked_at=NOW - timedelta(hours=23))
    assert not due(rule, seen, "one", NOW)
    assert due(rule, seen, "another", NOW)
    assert due(rule, seen, "one", NOW + timedelta(hours=1))
    assert due(rule, None, "one", NOW)
    assert not due(RuleConfig(at=None), None, "one", NOW)
    # What there was too little of to look at is looked at as soon as there is more.
    little = judge(CONFIG, {"volume": Measured(None, "", soon=True)}, {}, (), champion="one", new=0, now=NOW)
    assert [each.memory.looked_at for each in little if each.name == "volume"] == [None]
    known = {"volume": Memory("one", looks=1, value=0.2, sentence="It was so.", looked_at=NOW)}
    found = judge(CONFIG, {}, known, (), champion="one", new=10_000, now=NOW)
    assert fires(found) == next(each for each in found if each.name == "volume")


@pytest.mark.parametrize(
    ("runs", "new", "config", "why"),
    [
        ((ended(Stage.PROPOSED, ago=1),), 500, CONFIG, "a run goes on"),
        ((), 99, CONFIG, "only 99 of 100 interactions are new"),
        ((ended(Stage.PROMOTED, ago=5.9),), 500, CONFIG, "the last run ended"),
        ((ended(Stage.REFUSED, ago=23.9),), 500, CONFIG, "came to nothing (refused)"),
        ((ended(Stage.TAKEN_BACK, ago=23.9),), 500, CONFIG, "came to nothing (taken back)"),
        ((ended(Stage.KEPT, ago=23),) * 4, 500, CONFIG, "the budget of 4 runs a day"),
        ((ended(Stage.KEPT, ago=23, seconds=601),), 500, replace(CONFIG, budget=BudgetConfig(4, 10)), "10 minutes"),
        ((ended(Stage.PROMOTED, ago=6),), 500, CONFIG, None),
        ((ended(Stage.REFUSED, ago=24),), 500, CONFIG, None),
        ((), 100, CONFIG, None),
    ],
)  # fmt: skip
def test_what_holds_every_rule(runs: tuple[LoopRun, ...], new: int, config: TriggersConfig, why: str | None) -> None:
    """A run that goes on, too little that is new, the cool-down and the budget hold a rule, and are said."""
    found = looked(0.5, runs=runs, new=new, config=config)
    assert found.state is (State.FIRES if why is None else State.HELD)
    assert why is None or why in found.sentence


def test_of_several_rules_the_first_is_the_reason() -> None:
    """The reason for a run is the worst that is known: what users lose comes before what is merely old."""
    measured = {name: Measured(1e9, name) for name in RULES}
    known = {name: Memory("one", looks=5) for name in RULES}
    found = judge(CONFIG, measured, known, (), champion="one", new=10_000, now=NOW)
    assert [each.state for each in found] == [State.FIRES] * len(RULES)
    first = fires(found)
    assert first is not None
    assert first.name == "quality"


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


def test_one_run_goes_on_at_a_time_and_moves_once(database: Database) -> None:
    """The database itself lets no second run begin, and of two that move it only one does."""
    runs = LoopRuns(database)
    first = runs.begin("volume", "much is new", {"new": 5}, champion="one", rows=10, now=NOW)
    assert first is not None
    assert runs.begin("age", "it is old", {}, champion="one", rows=10, now=NOW) is None
    assert runs.going() == first
    assert runs.attempt(first).attempts == 1
    moved = runs.move(first, Stage.CANARY, "It passed.", now=NOW, seconds=3.0, bundle_id="two", canary="canary-1")
    assert moved is not None
    assert (moved.stage, moved.bundle_id, moved.canary, moved.seconds, moved.open) == (
        Stage.CANARY, "two", "canary-1", 3.0, True,
    )  # fmt: skip
    assert runs.move(first, Stage.REFUSED, "Somebody was slower.", now=NOW) is None
    done = runs.move(moved, Stage.PROMOTED, "Nothing became worse.", now=NOW + timedelta(hours=1))
    assert done is not None
    assert [step.what for step in done.steps] == ["proposed", "canary", "promoted"]
    assert (runs.going(), done.open, done.to_json()["stage"]) == (None, False, "promoted")
    assert runs.begin("age", "it is old", {}, champion="two", rows=10, now=NOW) is not None
    with pytest.raises(TriggerError, match="reason"):
        runs.begin("manual", " ", {}, champion="two", rows=10, now=NOW)


def test_what_is_remembered_outlives_the_process(tmp_path: Path) -> None:
    """Looks and armed rules are in the database; the one that fired is armed no longer."""
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    memories = Memories(database)
    found = judge(CONFIG, {"volume": Measured(0.2, "Much.")}, {}, (), champion="one", new=10_000, now=NOW)
    memories.keep(found, fired="volume")
    memories.keep(found, fired="volume")
    kept = Memories(database).all()
    assert set(kept) == set(RULES)
    assert kept["volume"] == Memory("one", armed=False, looks=0, value=0.2, sentence="Much.", looked_at=NOW)
    assert kept["age"] == Memory("one")
    database.close()


def test_the_file_names_every_setting_with_its_default(tmp_path: Path) -> None:
    """``config/triggers.yaml`` is the defaults, written out; a rule that makes no sense is refused."""
    assert read_triggers(REPOSITORY / "config" / "triggers.yaml") == TriggersConfig()
    file = tmp_path / "triggers.yaml"
    for wrong in (
        "volume: {at: 0.1, rearm: 0.2}",
        "age: {at: -1}",
        "drift: {at: 1, looks: 0}",
        "budget: {runs: -1}",
        "attempts: 0",
        "every_seconds: 0",
        "least_new: .inf",
        "volum: {at: 1}",
    ):
        file.write_text(wrong)
        with pytest.raises(MovieMlopsError):
            read_triggers(file)


def alarms(seeds: range, config: DriftConfig) -> tuple[float, float]:
    """Return the share of looks that find drift, and of those that fire, where every window is like the first."""
    looks, found_drift, fired = 0, 0, 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(np.full(12, 2.0))

        def window(rng: np.random.Generator = rng, shares: np.ndarray = shares) -> Group:
            numbers = rng.choice(12, 300, p=shares)
            return Group("words", [pl.DataFrame({"kind": [f"kind {number}" for number in numbers.tolist()]})])

        reference, memory = Reference.of([window()], days=1.0), None
        for _ in range(10):
            verdict = judge_drift(reference, [window()], config=config)
            now = looked(float(verdict.features), memory, rule=RuleConfig(at=1, looks=2))
            memory = now.memory
            looks += 1
            found_drift += verdict.outcome == "drift"
            fired += now.state is State.FIRES
    return found_drift / looks, fired / looks


def test_on_an_audience_that_does_not_change_drift_fires_more_seldom_than_is_said() -> None:
    """Promise P20: of A/A windows at most a twentieth says drift, and two in a row, which fire, are rarer still."""
    told, fired = alarms(range(20), DriftConfig(smallest=0.0, smallest_share=0.0))
    assert fired <= told <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 200)
    assert fired <= 0.05


@pytest.mark.long
def test_over_many_audiences_that_do_not_change_drift_hardly_ever_fires() -> None:
    """Promise P20: thousands of A/A looks; as configured none of them fires, for nothing in them matters."""
    told, fired = alarms(range(400), DriftConfig(smallest=0.0, smallest_share=0.0))
    assert told <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 4_000)
    assert fired <= 0.02
    assert alarms(range(100), DriftConfig()) == (0.0, 0.0)
