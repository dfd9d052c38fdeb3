"""The data gate: what the contract refused, how fresh the data is, how far it moved."""

import dataclasses
from datetime import timedelta

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.release.gates import Batch, DataGate, TrainingData, judge_data
from tests.fixtures.stage_2.interactions import day, did, table


def ratings(users: int, films: int, *, value: float = 4.0, kind: str = "rating", at: float = 1.0) -> pl.LazyFrame:
    said = [did(f"u{u}", (u * 7 + n) % films, kind, value, at=at + u / users) for u in range(users) for n in range(10)]
    return table(said)


LAST = TrainingData.of(ratings(200, 40))
GOOD = Batch(2000, 2000, {})


def failed(batch: Batch, now: TrainingData, last: TrainingData | None, **config: object) -> list[str]:
    checks = judge_data(batch, now, last, DataGate(**config))  # type: ignore[arg-type]
    assert all(check.gate == "data" for check in checks)
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("batch", "names"),
    [
        (GOOD, []),
        (Batch(0, 0, {}), []),
        (Batch(1000, 750, {"user-missing": 250}), []),
        (Batch(1000, 740, {"user-missing": 200, "rating-range": 60}), ["contract"]),
        (Batch(1000, 980, {"rating-range": 20}), ["contract"]),
        (Batch(1000, 0, {"user-missing": 1000}), ["contract-held", "contract"]),
    ],
)
def test_a_batch_that_the_contract_mostly_refuses_is_no_training_set(batch: Batch, names: list[str]) -> None:
    """More than a quarter refused, or more than allowed for one reason, fails with the reasons and their counts."""
    assert failed(batch, LAST, None, max_refused_for={"rating-range": 0.01}) == names


def test_a_contract_that_nothing_keeps_can_be_waived_by_nobody() -> None:
    """Where every row is refused the check says so and is not waivable; a share of refused rows is."""
    checks = {c.name: c for c in judge_data(Batch(10, 0, {"user-missing": 10}), LAST, None, DataGate())}
    assert not checks["contract-held"].waivable
    assert checks["contract"].waivable
    assert "user-missing 10" in checks["contract"].sentence


def test_freshness_is_asked_of_live_data_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default age does not matter; where it does, the newest interaction decides, and an unknown time fails."""
    monkeypatch.setattr(clock, "now", lambda: day(2) + timedelta(days=8))
    assert failed(GOOD, LAST, None) == []
    assert failed(GOOD, LAST, None, max_age_days=9.0) == []
    assert failed(GOOD, LAST, None, max_age_days=7.0) == ["fresh"]
    timeless = TrainingData.of(table([did("u", 1, "like")]))
    assert failed(GOOD, timeless, None, max_age_days=7.0) == ["fresh"]


def test_data_that_went_back_in_time_is_noticed() -> None:
    """A newest interaction that is older than that of the last training set fails where that is asked."""
    older = dataclasses.replace(LAST, newest=day(0))
    assert failed(GOOD, older, LAST) == []
    assert failed(GOOD, older, LAST, never_older=True) == ["not-older"]
    assert failed(GOOD, LAST, LAST, never_older=True) == []


@pytest.mark.parametrize(
    ("now", "worst"),
    [
        (ratings(200, 40), None),
        (ratings(220, 40), None),
        (ratings(200, 40, value=1.0), "values"),
        (ratings(200, 40, kind="watch", value=0.9), "kinds"),
        (ratings(200, 300), "films"),
        (pl.concat([ratings(200, 40), table([did("bot", f % 40, "rating", 4.0, at=f) for f in range(2000)])]), "users"),
    ],
    ids=["the same", "ten percent more", "ratings", "kinds", "films", "a busy user"],
)
def test_a_training_set_that_moved_is_refused_with_what_moved(now: pl.LazyFrame, worst: str | None) -> None:
    """Other ratings, other kinds, other films or one user who says half of all: each fails; the same passes."""
    checks = {check.name: check for check in judge_data(GOOD, TrainingData.of(now), LAST, DataGate())}
    moved = [part.name for part in checks["drift"].parts if not part.passed]
    assert checks["drift"].passed is (worst is None)
    assert (worst in moved) if worst else moved == []
    assert checks["volume"].passed


def test_the_shift_is_a_size_and_no_probability() -> None:
    """A hundred times the rows with the same two percent of change give the same figure, and no alarm."""
    for rows in (1_000, 100_000):
        last = dataclasses.replace(LAST, rows=rows, by_kind={"rating": rows}, by_value={1: 1}, by_film={1: 1})
        now = dataclasses.replace(last, by_kind={"rating": rows * 98 // 100, "like": rows * 2 // 100})
        drift = judge_data(GOOD, now, last, DataGate(max_shift={"kinds": 0.25}))[-1]
        assert drift.passed
        assert drift.estimate == pytest.approx(0.02)


@pytest.mark.parametrize(("rows", "names"), [(990, ["volume"]), (1000, []), (20_000, []), (20_001, ["volume"])])
def test_half_the_data_or_ten_times_as_much_is_noticed(rows: int, names: list[str]) -> None:
    """A training set that shrank to less than half, or grew tenfold, is refused."""
    assert failed(GOOD, dataclasses.replace(LAST, rows=rows), LAST, max_shift={}) == names


def test_few_rows_say_little() -> None:
    """Below the smallest number of rows no shift is judged, and that is said."""
    few = TrainingData.of(ratings(20, 300, value=1.0))
    drift = judge_data(GOOD, few, LAST, DataGate())[-1]
    assert (drift.passed, drift.judged) == (True, False)
