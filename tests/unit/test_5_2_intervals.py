"""How sure a mean, and a difference of two models, is."""

import numpy as np
import pytest

from movie_mlops.evaluation import (
    EvaluationConfig,
    NotComparableError,
    Scores,
    compare,
    intervals,
    pool,
    wins_ties_losses,
)
from movie_mlops.evaluation.intervals import bootstrap_known_means, bootstrap_means

METRIC = "ndcg@10"


def scores(
    values: list[float], *, model: str = "a", case: str = "time", users: list[str] | None = None, seed: int = 20
) -> Scores:
    return Scores(
        model=model,
        case=case,
        user_ids=users or [f"u{i}" for i in range(len(values))],
        per_user={METRIC: np.array(values, dtype=np.float64)},
        lists={"coverage@10": values[0]},
        history_sizes=np.full(len(values), 4, dtype=np.int64),
        config=EvaluationConfig(resamples=400, seed=seed),
    )


def test_the_estimate_is_the_mean_and_lies_inside() -> None:
    """A summary holds the plain mean, inside its interval."""
    interval = scores([0.0, 0.25, 0.5, 1.0, 0.0, 0.25]).summary()[METRIC]
    assert interval.estimate == pytest.approx(1 / 3)
    assert 0.0 <= interval.low < interval.estimate < interval.high <= 1.0


def test_the_same_seed_gives_the_same_interval() -> None:
    """Intervals are repeatable: the seed decides them."""
    values = [0.0, 0.25, 0.5, 1.0, 0.0, 0.25]
    assert scores(values).summary() == scores(values).summary()
    assert scores(values).summary() != scores(values, seed=21).summary()


def test_a_constant_has_no_width() -> None:
    """Where all users have one value the interval is that value."""
    interval = scores([0.5] * 9).summary()[METRIC]
    assert (interval.low, interval.estimate, interval.high) == (0.5, 0.5, 0.5)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 400 simulated evaluations, about 95 in 100 of the 95 % intervals hold the true mean."""
    generator = np.random.default_rng(7)
    config = EvaluationConfig(resamples=300)
    covered = 0
    for _ in range(400):
        # Per-user values look like nDCG: many zeros, the rest spread; the true mean is 0.6 · 2 / 7.
        values = generator.beta(2, 5, size=200) * (generator.random(200) < 0.6)
        interval = bootstrap_means(values[None, :], config)[0]
        covered += interval.low <= 0.6 * 2 / 7 <= interval.high
    assert 0.92 <= covered / 400 <= 0.975


def test_an_interval_is_over_the_users_of_whom_something_is_known() -> None:
    """Where all users are known the interval is the plain one; of a few the estimate is their mean, and a row whose
    users are often not drawn at all has an interval too.
    """  # noqa: D205 - one story
    config = EvaluationConfig(resamples=400)
    values = np.random.default_rng(3).random((1, 60))
    (plain,), (known,) = bootstrap_means(values, config), bootstrap_known_means(values, config)
    assert (known.estimate, known.low, known.high) == pytest.approx((plain.estimate, plain.low, plain.high))
    some = np.full((2, 60), np.nan)
    some[0, :30] = values[0, :30]
    some[1, :2] = 0.25, 0.75
    half, two = bootstrap_known_means(some, config)
    assert half.estimate == pytest.approx(values[0, :30].mean())
    assert half.high - half.low > known.high - known.low
    assert (two.low, two.estimate, two.high) == (0.25, 0.5, 0.75)


def test_intervals_of_a_part_cover_the_truth_as_often_as_they_say() -> None:
    """Of 300 simulated evaluations in which a third of the users is known, about 95 in 100 intervals hold the truth."""
    generator = np.random.default_rng(8)
    config = EvaluationConfig(resamples=200)
    covered = 0
    for _ in range(300):
        values = np.where(generator.random(240) < 1 / 3, generator.beta(2, 5, size=240), np.nan)
        (interval,) = bootstrap_known_means(values[None, :], config)
        covered += interval.low <= 2 / 7 <= interval.high
    assert 0.91 <= covered / 300 <= 0.98


def test_a_paired_comparison_cancels_what_users_share() -> None:
    """A small advantage on every user is certain, though the two models' own intervals overlap."""
    hardness = np.linspace(0.0, 0.9, 60)
    a, b = scores((hardness + 0.02).tolist(), model="a"), scores(hardness.tolist(), model="b")
    difference = compare(a, b, METRIC)
    assert difference.estimate == pytest.approx(0.02)
    assert difference.above_zero
    assert a.summary()[METRIC].low < b.summary()[METRIC].high
    assert compare(b, a, METRIC).below_zero


def test_a_model_does_not_beat_itself() -> None:
    """The difference of equal results is zero, and not above it."""
    difference = compare(scores([0.1, 0.9]), scores([0.1, 0.9]), METRIC)
    assert (difference.low, difference.estimate, difference.high) == (0.0, 0.0, 0.0)
    assert not difference.above_zero
    assert not difference.below_zero


def test_wins_ties_and_losses_are_counted() -> None:
    """On how many users a model is better, equal and worse is counted user by user."""
    counts = wins_ties_losses(scores([1, 0.5, 0.2, 0.2]), scores([0, 0.5, 0.1, 0.9]), METRIC)
    assert (counts.wins, counts.ties, counts.losses) == (2, 1, 1)


@pytest.mark.parametrize("other", [scores([1, 2], users=["x", "y"]), scores([1, 2], case="fold-0"), scores([1.0])])
def test_results_of_other_users_are_not_compared(other: Scores) -> None:
    """Results on other users, or on another case, are refused instead of subtracted."""
    with pytest.raises(NotComparableError, match="not measured on the same users"):
        compare(scores([1, 2]), other, METRIC)


def test_a_metric_that_was_not_measured_is_refused() -> None:
    """An unknown metric is refused with those that were measured."""
    with pytest.raises(NotComparableError, match=r"'ndcg@5' was not measured for 'a'; measured were ndcg@10"):
        compare(scores([1.0]), scores([1.0]), "ndcg@5")


def test_folds_are_joined_by_user() -> None:
    """A user judged in two folds counts once, with the mean; list metrics are the mean over the folds."""
    one = scores([0.2, 0.6], case="fold-0", users=["ann", "ben"])
    two = scores([0.4, 1.0], case="fold-1", users=["ben", "cat"])
    joined = pool([one, two], "folds")
    assert joined.user_ids == ["ann", "ben", "cat"]
    assert joined.per_user[METRIC].tolist() == pytest.approx([0.2, 0.5, 1.0])
    assert joined.lists["coverage@10"] == pytest.approx(0.3)
    assert (joined.model, joined.case) == ("a", "folds")


def test_only_one_model_is_joined() -> None:
    """Results of two models, or none, are not joined."""
    with pytest.raises(NotComparableError, match="one model"):
        pool([scores([1.0]), scores([1.0], model="b")], "folds")
    with pytest.raises(NotComparableError, match="one model"):
        pool([], "folds")


def test_what_is_drawn_once_is_what_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the resamples of so many users are kept, and how many are looked at together, changes no figure."""
    values = np.random.default_rng(5).random((3, 37))
    missing = np.where(values < 0.3, np.nan, values)
    config = EvaluationConfig(resamples=101)
    kept = bootstrap_means(values, config), bootstrap_known_means(missing, config)
    assert bootstrap_means(values, config) == kept[0]
    monkeypatch.setattr(intervals, "_KEPT", 0)
    monkeypatch.setattr(intervals, "_AT_ONCE", 37 * 8)
    anew = bootstrap_means(values, config), bootstrap_known_means(missing, config)
    for found, expected in zip(anew, kept, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-12)
    generator = np.random.default_rng(config.seed)
    means = [values[0][generator.integers(0, 37, size=37)].mean() for _ in range(101)]
    assert kept[0][0].low == pytest.approx(np.quantile(means, 0.025))
