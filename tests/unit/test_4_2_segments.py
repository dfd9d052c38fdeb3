"""Segments: no group pays for a better average, and many groups raise no more alarms than one may."""

import numpy as np
import pytest

from movie_mlops.evaluation import EvaluationConfig, Scores
from movie_mlops.release.gates import ListGate, SegmentGate, judge_lists, judge_segments
from movie_mlops.release.gates.segments import flips

USERS = 400
CONFIG = SegmentGate(flips=400, users={"new": 0, "heavy": 50})


def scores(model: str, values: np.ndarray, slices: dict[str, np.ndarray] | None = None, **more: object) -> Scores:
    return Scores(
        model=model,
        case="time",
        user_ids=[str(user) for user in range(values.size)],
        per_user={"ndcg@10": values},
        lists={},
        history_sizes=np.where(np.arange(values.size) % 4 == 0, 60, 3),
        config=EvaluationConfig(resamples=50),
        slices=slices or {},
        **more,  # type: ignore[arg-type]
    )


def drawn(seed: int, users: int = USERS) -> np.ndarray:
    """Values such as nDCG has: many zeros, some high."""
    generator = np.random.default_rng(seed)
    return np.where(generator.random(users) < 0.6, 0.0, generator.random(users))


def test_one_bad_segment_fails_although_the_average_is_better() -> None:
    """Westerns lose 40 percent and everything else gains: the verdict names the westerns and nothing else."""
    champion = drawn(1)
    western = np.where(np.arange(USERS) % 2 == 0, champion, np.nan)
    candidate = scores("new", champion * 1.2, {"genre: Western": western * 0.6, "genre: Drama": champion * 1.3})
    check = judge_segments(
        candidate, scores("old", champion, {"genre: Western": western, "genre: Drama": champion}), "ndcg@10", CONFIG
    )
    assert not check.passed
    assert [part.name for part in check.parts if not part.passed] == ["genre: Western"]
    assert check.estimate == pytest.approx(-0.4)
    assert "genre: Western -40.0%" in check.sentence


def test_a_loss_that_is_allowed_or_could_be_chance_passes() -> None:
    """Nine percent less is within the ten that are allowed; a large loss of few users is not certain."""
    champion = drawn(1)
    assert judge_segments(scores("new", champion * 0.91), scores("old", champion), "ndcg@10", CONFIG).passed
    noise = np.random.default_rng(2).normal(-0.03, 0.5, USERS)
    wide = np.where(np.arange(USERS) < 60, champion, np.nan)
    check = judge_segments(
        scores("new", champion, {"genre: Opera": wide + noise}),
        scores("old", champion, {"genre: Opera": wide}),
        "ndcg@10",
        CONFIG,
    )
    assert check.passed


def test_users_with_short_and_long_histories_are_segments() -> None:
    """A candidate that serves new users half as well fails, by that name."""
    champion = drawn(3)
    worse = np.where(np.arange(USERS) % 4 == 0, champion, champion * 0.5)
    check = judge_segments(scores("new", worse), scores("old", champion), "ndcg@10", CONFIG)
    assert [(part.name, part.passed, part.count) for part in check.parts] == [
        ("users: new", False, 300),
        ("users: heavy", True, 100),
    ]


def test_a_small_segment_is_not_judged_and_an_equal_candidate_passes() -> None:
    """Fewer users than configured say nothing, and that is said; a candidate equal to the champion always passes."""
    champion = drawn(4)
    few = np.where(np.arange(USERS) < 49, champion, np.nan)
    new, old = (scores(name, champion, {"genre: Opera": few}) for name in ("new", "old"))
    check = judge_segments(new, old, "ndcg@10", CONFIG)
    assert check.passed
    assert "1 with fewer than 50 users" in check.sentence
    assert next(part for part in check.parts if part.name == "genre: Opera").estimate is None
    assert not judge_segments(new, None, "ndcg@10", CONFIG).judged


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_equals_raise_an_alarm_as_often_as_the_gate_says(rate: float) -> None:
    """A/A, 300 times: with 20 overlapping segments some segment fails in about the configured share, not twenty-fold.

    Without the correction it would be 64 percent at a rate of 5 percent, were the segments independent.
    """
    config = SegmentGate(max_drop=0.0, false_alarms=rate, flips=300)
    generator = np.random.default_rng(20)
    inside = generator.random((200, 20)) < 0.4
    alarms = 0
    for _ in range(300):
        differences = drawn(int(generator.integers(1 << 31)), 200) - drawn(int(generator.integers(1 << 31)), 200)
        worst = flips(np.where(inside, differences[:, None], np.nan), config)
        alarms += bool((worst.p_values <= rate).any())
    spread = np.sqrt(rate * (1 - rate) / 300)
    assert rate - 3 * spread <= alarms / 300 <= rate + 3 * spread


def test_a_sample_of_the_users_is_judged_where_there_are_very_many() -> None:
    """The cost is bounded: above the limit users are drawn by the seed, and a clear loss is found all the same."""
    values = np.tile((drawn(5) - 0.5)[:, None], (10, 3))
    found = flips(values, SegmentGate(flips=200, most_users=500))
    assert (found.p_values < 0.05).all()
    assert np.array_equal(found.p_values, flips(values, SegmentGate(flips=200, most_users=500)).p_values)


LISTS = {"coverage@10": 0.30, "gini@10": 0.80}


@pytest.mark.parametrize(
    ("ours", "failed"),
    [
        ({"coverage@10": 0.30, "gini@10": 0.80}, []),
        ({"coverage@10": 0.22, "gini@10": 0.84}, []),
        ({"coverage@10": 0.20, "gini@10": 0.80}, ["coverage"]),
        ({"coverage@10": 0.30, "gini@10": 0.86}, ["gini"]),
        ({"coverage@10": float("nan"), "gini@10": float("nan")}, ["coverage", "gini"]),
    ],
)
def test_lists_may_not_narrow_much(ours: dict[str, float], failed: list[str]) -> None:
    """A third less of the catalogue, or a Gini coefficient that rises by 0.06, is refused; a little is not."""
    equal = scores("new", drawn(1), miscalibration=drawn(1))
    checks = judge_lists(equal, equal, (ours, LISTS), cutoff="10", config=ListGate(), segments=CONFIG)
    assert [check.name for check in checks if not check.passed] == failed


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (1.09, True), (1.3, False), (0.5, True)])
def test_lists_may_not_leave_the_genres_of_the_histories(factor: float, passed: bool) -> None:
    """Thirty percent further from the histories' genres for certain is refused; nine percent, and nearer, pass."""
    old = scores("old", drawn(1), miscalibration=drawn(1))
    new = scores("new", drawn(1), miscalibration=drawn(1) * factor)
    checks = judge_lists(new, old, (LISTS, LISTS), cutoff="10", config=ListGate(), segments=CONFIG)
    assert checks[-1].name == "calibration"
    assert checks[-1].passed is passed
