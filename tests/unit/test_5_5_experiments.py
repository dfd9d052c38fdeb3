"""What an experiment says: by its design, from people in the order in which they came."""

import numpy as np
import pytest

from movie_mlops.release.rollout import Arm, ArmOutcome, ExperimentPlan, Layer, Span, compare

ARMS = (Arm("old", 1, "a"), Arm("new", 1, "b"), Arm("other", 1, "c"))
RUNS = 200


def plan(**changes: object) -> ExperimentPlan:
    said: dict[str, object] = {
        "layer": Layer.MODELS,
        "share": 1.0,
        "span": Span(0, 10_000),
        "arms": ARMS[:2],
        "people": 400,
    }
    return ExperimentPlan(**(said | changes))  # type: ignore[arg-type]


def people(rng: np.random.Generator, count: int, rate: float) -> tuple[int, ...]:
    """Return how many films each liked: none, or one to three."""
    return tuple((rng.integers(1, 4, count) * (rng.random(count) < rate)).tolist())


@pytest.mark.parametrize("design", ["always-valid", "obrien-fleming", "pocock"])
def test_looking_again_and_again_finds_no_difference_where_there_is_none(design: str) -> None:
    """Promise P15: 200 A/A experiments, each looked at eight times, also between planned looks: alpha at most."""
    rng = np.random.default_rng(15)
    found = 0
    for _ in range(RUNS):
        arms = [people(rng, 480, 0.3) for _ in range(2)]
        found += any(
            compare(plan(design=design), [ArmOutcome(n, arm[:n]) for arm in arms]).comparisons[0].differs
            for n in range(60, 481, 60)
        )
    assert found <= RUNS * 0.05 + 3 * (RUNS * 0.05 * 0.95) ** 0.5


def test_a_planned_look_takes_the_first_people_and_no_others() -> None:
    """What is told of a look does not change when more people come after it."""
    rng = np.random.default_rng(1)
    arms = [people(rng, 400, rate) for rate in (0.3, 0.5)]
    early, late = (
        compare(plan(design="pocock"), [ArmOutcome(n, arm[:n]) for arm in arms]).comparisons[0] for n in (110, 400)
    )
    assert [look.people for look in late.looks] == [100, 200, 300, 400]
    assert [look.statistic is None for look in early.looks] == [False, True, True, True]
    assert early.looks[0] == late.looks[0]
    assert late.differs
    assert late.low < 0.2 < late.high
    assert late.to_json()["looks"][3]["bound"] == pytest.approx(late.looks[3].bound)


def test_planned_looks_need_fewer_people() -> None:
    """A design that was planned finds with 400 people in each arm what one that may be looked at any time does not."""
    rng = np.random.default_rng(2)
    found = dict.fromkeys(("always-valid", "obrien-fleming"), 0)
    for _ in range(60):
        outcomes = [ArmOutcome(400, people(rng, 400, rate)) for rate in (0.3, 0.4)]
        for design in found:
            found[design] += compare(plan(design=design), outcomes).comparisons[0].differs
    assert found["obrien-fleming"] > 0.7 * 60
    assert found["always-valid"] < found["obrien-fleming"]


def test_several_arms_share_the_error_rate() -> None:
    """Each arm is held against the first by an interval that is wider than that of a single comparison."""
    rng = np.random.default_rng(3)
    outcomes = [ArmOutcome(300, people(rng, 300, 0.3)) for _ in range(3)]
    two, three = compare(plan(), outcomes[:2]), compare(plan(arms=ARMS), outcomes)
    assert [comparison.arm for comparison in three.comparisons] == ["new", "other"]
    wide, narrow = (each.comparisons[0].high - each.comparisons[0].low for each in (three, two))
    assert wide > narrow
    assert three.ratio is not None
    assert three.ratio.kept


def test_arms_that_lose_people_are_not_believed() -> None:
    """A third of the people of an arm is missing: the shares are not kept, and the report says so."""
    report = compare(plan(), [ArmOutcome(3000, ()), ArmOutcome(2000, ())])
    assert report.to_json()["sample_ratio"]["kept"] is False
    assert report.comparisons[0].pleased is None


def test_models_that_make_lists_together_are_compared_by_votes() -> None:
    """Votes for each, with the share of the first."""
    report = compare(plan(how="interleaved"), [ArmOutcome(500, (0,) * 500, wins=60, losses=140)])
    assert report.preference is not None
    assert (report.comparisons, report.ratio) == ((), None)
    assert report.preference.share == 0.3
    assert report.preference.high < 0.5
