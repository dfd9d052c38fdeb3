"""What another policy would have been worth, told from a log, where the truth is known."""

from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.evaluation import (
    Estimate,
    Interval,
    LoggedLists,
    Method,
    OffPolicyConfig,
    PropensitiesUnusableError,
    Reach,
    SampleTooSmallError,
    estimate,
    read_lists,
    write_lists,
)
from movie_mlops.recommenders import ExploringPolicy
from movie_mlops.simulation import Population, PopulationConfig, examination

PLACES, REPETITIONS, REQUESTS = 2, 1_000, 1_600
LOGGING, TARGET = ExploringPolicy(0.8), ExploringPolicy(0.5)
ANY = OffPolicyConfig(least_effective=0, few_effective=0)


@dataclass(frozen=True)
class World:
    """Lists that were drawn for people whose minds are known, and what another policy is worth to them.

    Attributes:
        log: Enough requests for all repetitions.
        truths: The estimand of each reach, computed over every list.
    """

    log: LoggedLists
    truths: dict[Reach, float]

    def repetition(self, number: int) -> LoggedLists:
        """Return one of the logs."""
        part = slice(number * REQUESTS, (number + 1) * REQUESTS)
        names = ("rewards", "logged", "target", "predicted", "expected")
        return LoggedLists(**{name: getattr(self.log, name)[part] for name in names})


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(16)
    population = Population.begin(PopulationConfig(users=25, films=6), rng)
    watching = population.truth().watching
    chance = examination(PLACES, 0.7)
    lists = np.array(list(permutations(range(6), PLACES)), np.int32)
    person, every = np.repeat(np.arange(25), len(lists)), np.tile(lists, (25, 1))

    def judged(policy: ExploringPolicy, noise: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = (watching + rng.normal(0, noise, watching.shape)).astype(np.float32)
        return policy.expectations(scores[person], every, values[person])

    # A model of the rewards that is wrong in two ways: everybody alike, and too high.
    guess = np.broadcast_to(watching.mean(axis=0) + 0.05, watching.shape)
    logged, _ = judged(LOGGING, 0.3, watching)
    state = rng.bit_generator.state
    target, worth_of_place = judged(TARGET, 0.1, watching)
    rng.bit_generator.state = state
    expected = judged(TARGET, 0.1, guess)[1] * chance
    worth = np.take_along_axis(watching[person], every.astype(np.int64), axis=1)
    predicted = np.take_along_axis(guess[person], every.astype(np.int64), axis=1) * chance
    truths = {
        Reach.PLACE: float(logged.prod(axis=1) @ (worth_of_place @ chance) / 25),
        Reach.PREFIX: float(target.prod(axis=1) @ (worth @ chance) / 25),
    }
    drawn = rng.choice(len(every), REPETITIONS * REQUESTS, p=logged.prod(axis=1) / 25)
    shape = (drawn.size, PLACES)
    rewards = ((rng.random(shape) < chance) & (rng.random(shape) < worth[drawn])).astype(np.float64)
    log = LoggedLists(rewards, logged[drawn], target[drawn], predicted=predicted[drawn], expected=expected[drawn])
    return World(log, truths)


def covers(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("reach", [Reach.PLACE, Reach.PREFIX])
def test_estimates_are_unbiased_and_intervals_cover(world: World, reach: Reach, method: Method) -> None:
    """Promise P16: of 1,000 simulated logs the estimates average the truth, and 93 to 97 % of the intervals hold it.

    The truth is computed over every possible list of everybody. SNIPS may be off by as much as a fiftieth of its own
    interval; IPS and DR by no more than chance explains. Each estimate shows its effective sample size; the logs are
    long enough for one that is not warned about.
    """
    truth, config = world.truths[reach], replace(ANY, reach=reach)
    found = [estimate(world.repetition(number), method, config) for number in range(REPETITIONS)]
    values = np.array([one.value.estimate for one in found])
    allowed = 3.5 * values.std() / np.sqrt(REPETITIONS)
    if method is Method.SNIPS:
        allowed += 0.02 * np.mean([one.value.high - one.value.low for one in found])
    assert abs(values.mean() - truth) < allowed
    assert 0.93 <= np.mean([covers(one.value, truth) for one in found]) <= 0.97
    assert OffPolicyConfig().few_effective < np.mean([one.effective for one in found]) < REQUESTS


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("reach", list(Reach))
def test_over_every_list_there_is_the_estimate_is_exact(reach: Reach, method: Method) -> None:
    """Promise P16: where every list is logged once, as chance alone would, each estimate is the truth, digit by digit.

    So it is for any predictions, however wrong, and for two policies whose choices depend on what stands above.
    """
    rng = np.random.default_rng(8)
    worth, guess = rng.random((5, 6)), rng.random((5, 6))
    chance = examination(3, 0.7)
    lists = np.array(list(permutations(range(6), 3)), np.int32)
    person, every = np.repeat(np.arange(5), len(lists)), np.tile(lists, (5, 1))
    scores = rng.random((5, 6)).astype(np.float32)[person]
    target, of_place = TARGET.expectations(scores, every, worth[person])
    expected = TARGET.expectations(scores, every, guess[person])[1] * chance
    rewards, predicted = (
        np.take_along_axis(one[person], every.astype(np.int64), axis=1) * chance for one in (worth, guess)
    )
    logged = ExploringPolicy(1.0).propensities(scores, every)
    log = LoggedLists(rewards, logged, target, predicted=predicted, expected=expected)
    truth = (of_place @ chance).mean() if reach is Reach.PLACE else target.prod(axis=1) @ rewards.sum(axis=1) / 5
    found = estimate(log, method, replace(ANY, reach=reach))
    assert found.value.estimate == pytest.approx(truth, rel=1e-12)
    assert found.mean_weight.estimate == pytest.approx(1)


def test_a_test_of_coverage_would_notice_wrong_probabilities(world: World) -> None:
    """With probabilities a tenth too high the intervals miss the truth, and the mean weight gives them away."""
    truth = world.truths[Reach.PREFIX]
    wrong = [
        estimate(replace(log, logged=np.minimum(log.logged * 1.1, 1)), Method.IPS, replace(ANY, reach=Reach.PREFIX))
        for log in map(world.repetition, range(40))
    ]
    assert np.mean([covers(one.value, truth) for one in wrong]) < 0.8
    everything = replace(world.log, logged=np.minimum(world.log.logged * 1.1, 1))
    assert any("should be 1" in warning for warning in estimate(everything, Method.IPS, ANY).warnings)
    assert estimate(world.log, Method.IPS, ANY).warnings == ()


def test_the_doubly_robust_estimate_is_steadier(world: World) -> None:
    """DR with a poor model of the rewards has narrower intervals than IPS, and SNIPS too, on the same logs."""
    config = replace(ANY, reach=Reach.PREFIX)

    def width(method: Method) -> float:
        found = [estimate(world.repetition(number), method, config).value for number in range(40)]
        return float(np.mean([one.high - one.low for one in found]))

    assert max(width(Method.DR), width(Method.SNIPS)) < 0.9 * width(Method.IPS)


def test_the_gain_is_told_against_the_same_lists(world: World) -> None:
    """The policy's own log asked about itself gains nothing, whatever the rewards; the better ranking gains surely."""
    own = replace(world.log, target=world.log.logged)
    same = estimate(own, Method.IPS, replace(ANY, reach=Reach.LIST))
    assert (same.gain.estimate, same.gain.low, same.gain.high) == pytest.approx((0, 0, 0))
    assert same.effective == pytest.approx(own.requests)
    assert estimate(world.log, Method.SNIPS, ANY).gain.above_zero


def test_the_effective_sample_size_is_kish() -> None:
    """With weights 2, 1, 1 and 0 on one place it is (2+1+1)² / (4+1+1), and the heaviest list has half."""
    log = LoggedLists(np.ones((4, 1)), np.full((4, 1), 0.5), np.array([[1.0], [0.5], [0.5], [0.0]]))
    found = estimate(log, Method.SNIPS, ANY)
    assert found.effective == pytest.approx(16 / 6)
    assert found.heaviest == pytest.approx(0.5)
    assert found.value.estimate == pytest.approx(1)


def test_clipping_lowers_the_value_and_says_so(world: World) -> None:
    """Clipped weights give a lower, narrower estimate, the share that was cut off, and a warning."""
    log, config = world.repetition(0), replace(ANY, reach=Reach.PREFIX)
    plain, cut = estimate(log, Method.IPS, config), estimate(log, Method.IPS, replace(config, clip=2.0))
    assert cut.value.estimate < plain.value.estimate
    assert cut.value.high - cut.value.low < plain.value.high - plain.value.low
    assert plain.clipped == 0 < cut.clipped < 1
    assert any("clipped" in warning for warning in cut.warnings)


def test_requests_of_one_person_are_not_taken_for_independent_ones(world: World) -> None:
    """When every list is logged ten times over by the same person, the interval stays as wide as without."""
    log = world.repetition(1)
    names = ("rewards", "logged", "target")
    many = LoggedLists(
        **{name: np.repeat(getattr(log, name), 10, axis=0) for name in names}, users=np.repeat(np.arange(REQUESTS), 10)
    )
    once, copied = estimate(log, Method.IPS, ANY).value, estimate(many, Method.IPS, ANY).value
    alone = estimate(replace(many, users=None), Method.IPS, ANY).value
    assert copied.high - copied.low == pytest.approx(once.high - once.low)
    assert alone.high - alone.low < 0.4 * (once.high - once.low)


def test_short_lists_count_what_they_have() -> None:
    """A place that a list lacks earns nothing and weighs nothing: values are those of a request."""
    filled = np.array([[True, True], [True, False]])
    log = LoggedLists(np.ones((2, 2)), np.full((2, 2), 0.5), np.full((2, 2), 0.5), filled=filled)
    for method in (Method.IPS, Method.SNIPS):
        assert estimate(log, method, ANY).value.estimate == pytest.approx(1.5)


def _two(**changed: np.ndarray) -> LoggedLists:
    given = {"rewards": np.ones((2, 1)), "logged": np.full((2, 1), 0.5), "target": np.full((2, 1), 0.5)}
    return LoggedLists(**{**given, **changed})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"logged": np.array([[0.5], [np.nan]])}, "1 of 2 shown films is missing"),
        ({"logged": np.array([[0.5], [0.0]])}, "1 shown films have a logged probability of 0"),
        ({"logged": np.array([[0.5], [1.5]])}, "the probability 1.5"),
        ({"target": np.array([[-0.5], [0.5]])}, "the probability -0.5"),
        ({"rewards": np.array([[1.0], [np.inf]])}, "rewards holds a number that is not finite"),
        ({"target": np.ones((2, 2))}, "target has the shape"),
        ({"users": np.arange(3)}, "users has the shape"),
    ],
    ids=["missing", "zero", "above one", "negative", "infinite reward", "other shape", "too many users"],
)
def test_a_log_that_cannot_be_weighed_is_refused(changed: dict[str, np.ndarray], said: str) -> None:
    """Missing, zero and impossible probabilities are refused with how many there are, never filled in."""
    with pytest.raises(PropensitiesUnusableError, match=said):
        _two(**changed)


def test_too_little_likeness_is_refused(world: World) -> None:
    """Few effective lists, a mean weight far from 1, films that could not be logged, one person, no predictions."""
    with pytest.raises(SampleTooSmallError, match=r"effective sample size is 2\.0 of 2"):
        estimate(_two(), Method.IPS)
    rare = LoggedLists(np.ones((400, 1)), np.full((400, 1), 0.9), np.full((400, 1), 0.1))
    with pytest.raises(SampleTooSmallError, match=r"mean weight is 0\.111"):
        estimate(rare, Method.IPS)
    with pytest.raises(PropensitiesUnusableError, match=r"30\.0% of its places to films"):
        estimate(_two(outside=np.full((2, 1), 0.3)), Method.IPS, ANY)
    with pytest.raises(SampleTooSmallError, match="one person"):
        estimate(_two(users=np.zeros(2, np.int64)), Method.IPS, ANY)
    with pytest.raises(PropensitiesUnusableError, match="needs predicted rewards"):
        estimate(_two(), Method.DR, ANY)
    few = world.repetition(0)
    found = estimate(few, Method.IPS, OffPolicyConfig(few_effective=REQUESTS))
    assert any("effective sample size is only" in warning for warning in found.warnings)


def test_a_log_is_the_same_after_a_file(tmp_path: Path, world: World) -> None:
    """A log that was written and read gives the same estimates; rows may stand in any order."""
    log = replace(world.repetition(2), users=np.arange(REQUESTS) // 2, filled=np.ones((REQUESTS, PLACES), np.bool_))
    path = tmp_path / "log.parquet"
    assert write_lists(path, log, np.ones((REQUESTS, PLACES), np.int64)) == REQUESTS * PLACES
    pl.read_parquet(path).sample(fraction=1, shuffle=True, seed=4).write_csv(tmp_path / "log.csv")
    for method in Method:
        told = [estimate(one, method, ANY) for one in (log, read_lists(path), read_lists(tmp_path / "log.csv"))]
        for other in told[1:]:
            assert _numbers(other) == pytest.approx(_numbers(told[0]))


def _numbers(found: Estimate) -> list[float]:
    return [found.value.estimate, found.value.low, found.value.high, found.effective, found.mean_weight.estimate]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("request_id,place,reward\n1,1,1\n", "lacks propensity, target_propensity"),
        ("request_id,place,reward,propensity,target_propensity\n", "has no row"),
        ("request_id,place,reward,propensity,target_propensity\n1,1,1,.5,.5\n1,1,0,.5,.5\n", "twice"),
        ("request_id,place,reward,propensity,target_propensity\n1,0,1,.5,.5\n", "places below 1"),
        ("request_id,place,reward,propensity,target_propensity\n1,1,much,.5,.5\n", "no number"),
        ("request_id,place,reward,propensity,target_propensity\n1,1,1,,.5\n", "1 of 1 shown films is missing"),
    ],
    ids=["no column", "empty", "twice", "place", "word", "missing"],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    """A file that lacks a column, a number or a probability is refused, with what it lacks."""
    path = tmp_path / "log.csv"
    path.write_text(rows)
    with pytest.raises(PropensitiesUnusableError, match=said):
        read_lists(path)
