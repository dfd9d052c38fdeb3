"""Figures from sums, delays of what is young, and what follows from them."""

import json

import numpy as np
import polars as pl
import pytest
from scipy import stats

from movie_mlops.evaluation.config import EvaluationConfig
from movie_mlops.evaluation.intervals import bootstrap_means
from movie_mlops.monitoring.quality import (
    Delays,
    Figure,
    GuardrailBounds,
    Promise,
    QualityConfig,
    State,
    judge_drop,
    judge_guardrails,
    judge_promise,
    together,
    worth_less,
)
from movie_mlops.monitoring.quality.delays import Early
from tests.fixtures.stage_6.simulated_answers import simulated, tallied

CONFIG = QualityConfig(tolerance=0.2, least_users=50)
PEOPLE, SAMPLE = 600, 60


@pytest.fixture(scope="module")
def world():
    return simulated(users=PEOPLE, found_films=12.0)


def test_intervals_are_those_of_every_user_written_out(world):
    """The sums give the delta method's variance as it is written over users, and nearly what a bootstrap gives."""
    outcomes = world.good.outcomes
    values = outcomes.filter(pl.col("positives") > 0)["ndcg"].to_numpy()
    reach = stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    found = tallied(world.good).figure("ndcg")
    assert found.users == values.size
    assert (found.value, found.low, found.high) == pytest.approx(
        (values.mean(), values.mean() - reach, values.mean() + reach)
    )
    drawn = bootstrap_means(values[None], EvaluationConfig(resamples=500))[0]
    assert (drawn.low, drawn.high) == pytest.approx((found.low, found.high), abs=0.15 * (found.high - found.low))


def test_answers_of_one_user_are_not_taken_for_many(world):
    """Everybody's answer ten times over: a share keeps its interval, and so does a mean."""
    tens = pl.concat([world.good.outcomes] * 10).with_columns(pl.int_range(pl.len()).alias("answer"))
    once, often = tallied(world.good), tallied(type(world.good)(tens, world.good.positives, world.good.exposure))
    for measure in ("hit_ratio", "ndcg", "unanswered"):
        one, ten = once.figure(measure), often.figure(measure)
        assert (ten.value, ten.low, ten.high) == pytest.approx((one.value, one.low, one.high), abs=1e-3)


def test_one_user_says_nothing_of_others(world):
    """Of a single user every interval is as wide as can be, and is plain JSON."""
    alone = tallied(world.good, [0])
    assert (alone.figure("hit_ratio").low, alone.figure("hit_ratio").high) == (0.0, 1.0)
    written = json.dumps(alone.figure("likes_per_answer").to_json(), allow_nan=False)
    assert json.loads(written)["high"] is None


def coverage(world, repetitions, measures):
    rng = np.random.default_rng(3)
    truth = {name: tallied(world.good).figure(name).value for name in measures}
    held = dict.fromkeys(measures, 0)
    for _ in range(repetitions):
        tally = tallied(world.good, rng.choice(PEOPLE, SAMPLE, replace=False))
        for name in measures:
            found = tally.figure(name)
            held[name] += found.low <= truth[name] <= found.high
    return {name: count / repetitions for name, count in held.items()}


def test_intervals_hold_the_truth_as_often_as_they_say(world):
    """Sixty people drawn from a simulated population again and again: 95 % intervals hold its figure in most cases."""
    held = coverage(world, 25, ("ndcg", "unanswered", "displeased"))
    assert all(share >= 0.8 for share in held.values()), held


@pytest.mark.long
def test_intervals_hold_the_truth_as_often_as_they_say_to_two_per_cent(world):
    """The same 1,500 times, for five measures: in 92 % and more."""
    held = coverage(world, 1500, ("ndcg", "likes_per_answer", "hit_ratio", "unanswered", "displeased"))
    assert all(share >= 0.92 for share in held.values()), held


def test_a_shuffled_model_is_below_what_was_promised_and_the_good_one_is_not(world):
    """Promise: where people find films themselves too, mixed-up films end below the promise, the model does not."""
    promise = Promise("b", world.promised)
    good, bad = (
        judge_promise("1", tallied(each).figure("ndcg"), promise, CONFIG) for each in (world.good, world.shuffled)
    )
    assert (good.state, bad.state) == (State.OK, State.BELOW)
    assert f"offline {world.promised:.3f}, online" in bad.sentence


def test_where_everything_is_found_in_lists_the_hits_tell_what_the_promise_cannot():
    """Nobody finds films otherwise: nDCG of mixed-up films is still above the promise, their hit ratio is not."""
    closed = simulated(users=300, found_films=0.01)
    good, bad = tallied(closed.good), tallied(closed.shuffled)
    promise = Promise("b", closed.promised)
    assert judge_promise("1", bad.figure("ndcg"), promise, CONFIG).state is State.OK
    dropped = judge_drop("hits", bad.figure("hit_ratio"), "before", good.figure("hit_ratio"), CONFIG)
    same = judge_drop("hits", good.figure("hit_ratio"), "before", good.figure("hit_ratio"), CONFIG)
    lately = judge_drop("hits lately", bad.figure("hit_ratio"), "before", good.figure("hit_ratio"), CONFIG)
    assert (worth_less([same, lately]), worth_less([same])) == (True, False)
    assert (dropped.state, same.state) == (State.BELOW, State.OK)


def figure(value, reach=0.01, users=100):
    return Figure(value, value - reach, value + reach, users, 0)


def test_a_promise_is_judged_by_the_interval_and_on_enough_users():
    """Below only where the whole interval is below what is taken for kept; too few users judge nothing."""
    promise = Promise("b", 0.5)
    assert judge_promise("1", figure(0.38), promise, CONFIG).state is State.BELOW
    assert judge_promise("1", figure(0.38, reach=0.03), promise, CONFIG).state is State.OK
    assert judge_promise("1", figure(0.41), promise, CONFIG).state is State.OK
    for lacking in (
        judge_promise("1", figure(0.1, users=49), promise, CONFIG),
        judge_promise("1", None, promise, CONFIG),
        judge_promise("1", figure(0.1), Promise("b", None), CONFIG),
        judge_promise("1", figure(0.1), None, CONFIG),
        judge_drop("hits", figure(0.1, users=49), "before", figure(0.5), CONFIG),
        judge_drop("hits", figure(0.1), "before", None, CONFIG),
    ):
        assert lacking.state is State.UNKNOWN


def test_guardrails_break_for_certain_or_not_at_all():
    """A share breaks its bound where its whole interval does; what has no bound or no number is not judged."""
    bounds = GuardrailBounds(fallbacks=0.2, coverage=0.5, novelty=3.0, displeased=None)
    values = {
        "fallbacks": figure(0.25),
        "repeats": figure(0.805),
        "coverage": 0.4,
        "novelty": 3.5,
        "displeased": figure(1.0),
    }
    states = {check.name: check.state for check in judge_guardrails(values, bounds)}
    assert states == {
        "fallbacks": State.BELOW,
        "repeats": State.OK,
        "coverage": State.BELOW,
        "novelty": State.OK,
        "unanswered": State.UNKNOWN,
        "displeased": State.UNKNOWN,
        "empty": State.UNKNOWN,
    }


def test_everything_is_fine_only_where_a_promise_was_judged():
    """One thing below is below; guardrails alone are not quality."""
    kept, broken = (
        judge_promise("1", figure(0.5), Promise("b", 0.5), CONFIG),
        judge_promise("1", figure(0.1), Promise("b", 0.5), CONFIG),
    )
    rails = judge_guardrails({"fallbacks": 0.1}, GuardrailBounds())
    assert together([*rails]) is State.UNKNOWN
    assert together([kept, *rails]) is State.OK
    assert together([kept, broken, *rails]) is State.BELOW


def delays_of(ages, delays, bins=50):
    found = Delays(100.0, bins)
    found.add(pl.Series(ages, dtype=pl.Float64), pl.Series(delays, dtype=pl.Float64))
    return found


def test_with_final_answers_alone_delays_are_counted():
    """Nothing is truncated: what has arrived by a time is the plain share, and the early figure the final one."""
    rng = np.random.default_rng(1)
    delays = rng.uniform(0, 100, 400)
    found = delays_of([100.0] * 500, [*delays, *[None] * 100])
    assert found.arrived() == pytest.approx([(delays < 2.0 * part).mean() for part in range(51)])
    assert found.early() == Early(pytest.approx(0.8), pytest.approx(1.0), found.early().arrived)


def test_young_answers_are_weighed_by_what_of_them_is_in():
    """Half of the answers are young, successes take their time: the share is right where counting is far too low."""
    rng = np.random.default_rng(2)
    count, truth = 20_000, 0.4
    ages = np.where(rng.random(count) < 0.5, rng.uniform(0, 100, count), 200.0)
    delays = np.where(rng.random(count) < truth, 100 * rng.beta(1, 2, count), np.inf)
    seen = [delay if delay <= min(age, 100) else None for age, delay in zip(ages, delays, strict=True)]
    coarse = delays_of(ages, seen, bins=5)
    found = delays_of(ages, seen)
    assert coarse.early().hit_ratio == pytest.approx(truth, abs=0.02)
    naive = np.mean([delay is not None for delay in seen])
    assert naive < truth - 0.05
    assert found.early().hit_ratio == pytest.approx(truth, abs=0.02)
    assert found.early().arrived[5] == pytest.approx(1 - 0.5**2, abs=0.02)


def test_young_answers_alone_say_nothing_of_what_is_to_come():
    """Without a final success there is no figure, rather than a guess."""
    assert delays_of([50.0, 60.0], [1.0, None]).early() is None
    assert delays_of([], []).early() is None
