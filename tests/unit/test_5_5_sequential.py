"""Peeking: what may be looked at all the time is right all the time, and what was planned is right as planned."""

import numpy as np
import pytest

from movie_mlops.evaluation import ExperimentError
from movie_mlops.evaluation.experiments import (
    ArmSums,
    Spending,
    group_sequential,
    mean_difference,
    rate_difference,
    rate_interval,
    sample_ratio,
)

ALPHA = 0.05
RUNS = 2_000
# Three standard errors of a rate of ALPHA over RUNS: a rate that is ALPHA at most is hardly ever counted above this.
MOST = ALPHA + 3 * (ALPHA * (1 - ALPHA) / RUNS) ** 0.5


def walks(rng: np.random.Generator, rate: float, looks: int, step: int) -> np.ndarray:
    """Return int64[runs, looks]: successes so far, looked at after every ``step`` trials."""
    return rng.binomial(step, rate, (RUNS, looks)).cumsum(axis=1)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_peeking_at_two_equal_rates_is_safe(rate: float) -> None:
    """Promise P15: in 2,000 A/A experiments with 60 looks each, no more than alpha ever show a difference."""
    rng = np.random.default_rng(15)
    trials = np.arange(1, 61) * 25
    arms = walks(rng, rate, 60, 25), walks(rng, rate, 60, 25)
    low, high = rate_difference(arms, (trials, trials), ALPHA)
    assert ((low > 0) | (high < 0)).any(axis=1).mean() <= MOST


def test_a_test_that_is_not_made_for_it_is_not_safe() -> None:
    """The same experiments, tested as if each look were the only one, cry wolf several times as often."""
    rng = np.random.default_rng(15)
    trials = np.arange(1, 61) * 25
    first, second = walks(rng, 0.3, 60, 25), walks(rng, 0.3, 60, 25)
    pooled = (first + second) / (2 * trials)
    z = (first - second) / trials / np.sqrt(2 * pooled * (1 - pooled) / trials)
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 4 * ALPHA


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5])
def test_the_interval_of_a_rate_holds_it_at_all_times(rate: float) -> None:
    """Promise P15: over all looks together it misses the truth no more often than alpha, also where counts are tiny."""
    trials = np.arange(1, 61) * 10
    low, high = rate_interval(walks(np.random.default_rng(2), rate, 60, 10), trials, ALPHA)
    assert ((rate < low) | (rate > high)).any(axis=1).mean() <= MOST


def test_a_rate_that_differs_is_found() -> None:
    """A rise from 30 to 40 % is found nine times in ten within 2,500 people in each arm, and seldom within 100."""
    rng = np.random.default_rng(3)
    trials = np.array([100, 2500])
    arms = [np.stack([rng.binomial(n, p, 500) for n in trials], axis=1) for p in (0.4, 0.3)]
    low, _ = rate_difference((arms[0], arms[1]), (trials, trials), ALPHA)
    found = (low > 0).mean(axis=0)
    assert found[0] < 0.1
    assert found[1] > 0.9


def test_of_nothing_nothing_is_known() -> None:
    """Without a trial every rate is possible; with only successes 1 is, and with none 0 is."""
    low, high = rate_interval([0, 0, 50], [0, 50, 50], ALPHA)
    assert (low[0], high[0]) == (0, 1)
    assert (low[1], high[2]) == (0, 1)
    assert 0.05 < high[1] < 0.2
    assert high[1] == pytest.approx(1 - low[2])


def skewed(rng: np.random.Generator, mean: float, looks: int, step: int) -> ArmSums:
    """Return sums of figures that are skewed: most people like nothing, a few like many films."""
    people = np.arange(1, looks + 1) * step
    values = rng.negative_binomial(0.5, 0.5 / (0.5 + mean), (RUNS, looks, step)).astype(np.float64)
    return ArmSums(people, values.sum(axis=2).cumsum(axis=1), (values**2).sum(axis=2).cumsum(axis=1))


def test_peeking_at_two_equal_means_is_safe() -> None:
    """Promise P15: in 2,000 A/A experiments of skewed figures, 40 looks each, alpha at most show a difference."""
    rng = np.random.default_rng(4)
    found = mean_difference(skewed(rng, 0.8, 40, 50), skewed(rng, 0.8, 40, 50), alpha=ALPHA, effect=0.1)
    assert ((found.low > 0) | (found.high < 0)).any(axis=1).mean() <= MOST
    assert (found.p_value <= ALPHA).any(axis=1).mean() <= MOST
    # One rule, told in two ways.
    assert (((found.low > 0) | (found.high < 0)) == (found.p_value <= ALPHA)).all()


def test_the_sequence_of_means_covers_what_is_and_finds_it() -> None:
    """Promise P15: where there is a difference the sequence holds it at all times, and excludes none in the end."""
    rng = np.random.default_rng(5)
    found = mean_difference(skewed(rng, 1.2, 40, 50), skewed(rng, 0.8, 40, 50), alpha=ALPHA, effect=0.2)
    assert ((found.low > 0.4) | (found.high < 0.4)).any(axis=1).mean() <= MOST
    assert (found.low[:, -1] > 0).mean() > 0.9


def test_of_few_people_no_mean_is_told() -> None:
    """The central limit theorem is not stretched: below the least number of people the sequence is everything."""
    few = ArmSums(20, 30.0, 60.0)
    found = mean_difference(few, few, alpha=ALPHA, effect=0.1, least=21)
    assert (float(found.low), float(found.high), float(found.p_value)) == (-np.inf, np.inf, 1.0)
    assert found.to_json()["low"] is None
    assert np.isfinite(mean_difference(few, few, alpha=ALPHA, effect=0.1, least=20).low)
    for nobody in (ArmSums(0, 0.0, 0.0), ArmSums(500, 500.0, 500.0)):
        assert float(mean_difference(nobody, nobody, alpha=ALPHA, effect=0.1).p_value) == 1


def test_shares_that_are_kept_raise_no_alarm_however_often_one_looks() -> None:
    """Promise P15: 400 experiments at 10 : 90, looked at 50 times: next to none is said to lose people."""
    rng = np.random.default_rng(6)
    arrivals = rng.binomial(40, 0.1, (400, 50)).cumsum(axis=1)
    totals = np.arange(1, 51) * 40
    alarms = [
        any(
            not sample_ratio((int(n), int(total - n)), (1, 9), false_alarms=0.01).kept
            for n, total in zip(run, totals, strict=True)
        )
        for run in arrivals
    ]
    assert sum(alarms) <= 400 * 0.01 + 3 * 2


def test_shares_that_are_lost_are_noticed() -> None:
    """An arm that loses a tenth of its people, or all of a hundredth, is noticed; as few without a loss are not."""
    assert not sample_ratio((4500, 5000), (1, 1)).kept
    assert not sample_ratio((2000, 0), (0.99, 0.01)).kept
    assert sample_ratio((5000, 5000), (1, 1)).kept
    assert sample_ratio((200, 0), (0.99, 0.01)).kept
    assert sample_ratio((0, 0), (0.99, 0.01)).p_value == 1


PUBLISHED = {
    Spending.OBRIEN_FLEMING: (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
    Spending.POCOCK: (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
}
"""Bounds of five equal looks at a two-sided 5 %, as tables of spending functions print them."""


@pytest.mark.parametrize("spending", Spending)
def test_planned_looks_have_the_published_bounds(spending: Spending) -> None:
    """Five equal looks at 5 %: the bounds of the tables."""
    plan = group_sequential((0.2, 0.4, 0.6, 0.8, 1), alpha=ALPHA, spending=spending)
    assert plan.bounds == pytest.approx(PUBLISHED[spending], abs=2e-4)


@pytest.mark.parametrize("spending", Spending)
def test_planned_looks_err_as_often_as_planned(spending: Spending) -> None:
    """Promise P15: 100,000 experiments, looked at when it was not planned so evenly: alpha, and the power told."""
    fractions = (0.15, 0.5, 0.7, 1.0)
    plan = group_sequential(fractions, alpha=ALPHA, spending=spending)
    rng = np.random.default_rng(7)
    steps = np.diff((0, *fractions))
    for drift, rate in ((0.0, ALPHA), (3.0, plan.power(3.0))):
        moved = (rng.standard_normal((100_000, 4)) * np.sqrt(steps) + drift * steps).cumsum(axis=1)
        found = (np.abs(moved / np.sqrt(fractions)) >= plan.bounds).any(axis=1).mean()
        assert found == pytest.approx(rate, abs=0.005)
    assert plan.power(plan.drift(0.8)) == pytest.approx(0.8)


def test_a_single_look_is_the_usual_test() -> None:
    """With one look at the end the bound is that of the usual test, and nobody more is needed."""
    for spending in Spending:
        plan = group_sequential((1.0,), alpha=ALPHA, spending=spending)
        assert plan.bounds[0] == pytest.approx(1.959964, abs=1e-5)
        # Found with a power of 0.9 is what is so far away as one look finds it: 1.959964 + 1.281552 deviations.
        assert plan.drift(0.9) == pytest.approx(3.241516, abs=1e-3)


def test_what_cannot_be_is_refused() -> None:
    """Looks that do not ascend, shares of other arms, rates that are none: refused in a sentence."""
    for fractions in ((), (0.5, 0.5), (0.5, 1.2)):
        with pytest.raises(ExperimentError, match="do not ascend"):
            group_sequential(fractions, alpha=ALPHA, spending=Spending.POCOCK)
    with pytest.raises(ExperimentError, match="not of the same arms"):
        sample_ratio((1, 2), (1, 1, 1))
    with pytest.raises(ExperimentError, match="promised nothing"):
        sample_ratio((1, 2), (1, 0))
    with pytest.raises(ExperimentError, match="effect 0"):
        mean_difference(ArmSums(1, 1, 1), ArmSums(1, 1, 1), alpha=ALPHA, effect=0)
