"""Whether differences are chance: one by one, many at once, and part by part."""

import itertools

import numpy as np
import pytest

from movie_mlops.evaluation import EvaluationConfig, Scores, ablations, leaderboard, paired_tests
from movie_mlops.evaluation.significance import holm

METRIC = "ndcg@10"


def result(model: str, values: np.ndarray) -> Scores:
    return Scores(
        model=model,
        case="time",
        user_ids=[f"u{i}" for i in range(values.size)],
        per_user={METRIC: values},
        lists={},
        history_sizes=np.ones(values.size, dtype=np.int64),
        config=EvaluationConfig(resamples=50, permutations=999),
    )


def test_holm_by_hand() -> None:
    """The smallest value is multiplied by how many there are, the next by one less; none falls, none is above 1."""
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([0.2])).tolist() == [0.2]


def test_the_permutation_test_agrees_with_all_signs() -> None:
    """With few users every choice of signs can be tried; the drawn ones come to the same share."""
    differences = np.array([0.3, -0.1, 0.2, 0.25, -0.05, 0.4, 0.0, 0.15])
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=differences.size)]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    [found] = paired_tests([differences], EvaluationConfig(permutations=40_000))
    assert found.p_value == pytest.approx(exact, abs=0.006)
    assert 0.0 < exact < 0.1


def test_equal_models_are_never_called_different() -> None:
    """No difference at all has the value 1, and the least value is one over the draws and one more."""
    config = EvaluationConfig(permutations=99)
    same, far = paired_tests([np.zeros(20), np.full(20, 0.5)], config)
    assert same.p_value == 1.0
    assert far.p_value == pytest.approx(0.01)
    assert far.corrected == pytest.approx(0.02)
    assert far.certain(0.95)
    assert not same.certain(0.95)
    assert paired_tests([], config) == []


def test_chance_is_taken_for_a_difference_as_rarely_as_it_says() -> None:
    """Of 300 comparisons of equally good models about one in twenty is below 0.05, and after correction none."""
    generator = np.random.default_rng(3)
    noise = list(generator.normal(size=(300, 60)) * (generator.random((300, 60)) < 0.5))
    found = paired_tests(noise, EvaluationConfig(permutations=999))
    assert 0.02 <= np.mean([test.p_value < 0.05 for test in found]) <= 0.085
    assert not any(test.certain(0.95) for test in found)


def test_a_leaderboard_tests_against_the_baseline_and_the_best() -> None:
    """Every model has a value against the baseline and against the best, corrected for the models of its column."""
    generator = np.random.default_rng(1)
    base = generator.random(80) * 0.4
    noise = generator.normal(size=80) * 0.05
    board = leaderboard(
        [result("popular", base), result("ease", base + 0.1), result("ials", base + 0.1 + noise)], baseline="popular"
    )
    rows = {row.model: row for row in board.standings}
    assert rows["popular"].against_baseline is None
    assert rows["ease"].against_baseline is not None
    assert rows["ease"].against_baseline.corrected == pytest.approx(0.002)
    best, second = board.standings[0], board.standings[1]
    assert best.against_best is None
    assert best.behind_best is None
    assert second.against_best is not None
    assert second.behind_best is not None
    assert not second.against_best.certain(0.95)
    assert rows["popular"].behind_best is not None
    assert rows["popular"].behind_best.above_zero


def test_parts_are_worth_what_is_lost_without_them() -> None:
    """A model beside itself without a part shows what the part adds, the one that is worth most first."""
    base = np.linspace(0.1, 0.6, 60)
    noise = np.tile([0.02, -0.02], 30)
    found = ablations(
        [
            result("popular", base * 0),
            result("blend", base),
            result("blend-without-ials", base - 0.05),
            result("blend-without-knn", base + noise),
        ],
        METRIC,
    )
    [whole] = found
    assert (whole.model, [row.part for row in whole.rows]) == ("blend", ["ials", "knn"])
    assert whole.rows[0].worth.estimate == pytest.approx(0.05)
    assert whole.rows[0].test.certain(0.95)
    assert whole.rows[0].value == pytest.approx(whole.value - 0.05)
    assert not whole.rows[1].test.certain(0.95)
    assert ablations([result("blend", base)], METRIC) == ()
