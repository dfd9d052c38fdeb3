"""What each further like is worth: models side by side, and the page that shows it."""

import json
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.evaluation import (
    EvaluationConfig,
    LearningCurve,
    NotComparableError,
    Scores,
    learning_curve,
    write_curve_report,
)

USERS = 50


def result(model: str, level: float, users: int = USERS) -> Scores:
    return Scores(
        model=model,
        case="likes",
        user_ids=[f"u{i}" for i in range(users)],
        per_user={"ndcg@10": level + np.linspace(-0.05, 0.05, users)},
        lists={},
        history_sizes=np.ones(users, dtype=np.int64),
        config=EvaluationConfig(resamples=60, permutations=999),
    )


def curve() -> LearningCurve:
    """Return a curve in which ease starts below popularity and is above it from two likes on."""
    ease = {0: 0.0, 1: 0.2, 2: 0.25, 5: 0.3}
    return learning_curve(
        {likes: [result("popular", 0.2), result("ease", level)] for likes, level in ease.items()}, baseline="popular"
    )


def test_a_curve_says_from_when_a_model_is_better() -> None:
    """The best at the end comes first, and is better from the first point after which every one is certain."""
    found = curve()
    assert list(found.models) == ["ease", "popular"]
    assert found.likes == (0, 1, 2, 5)
    assert found.better_from("ease") == 2
    assert found.verdict == "ease is better than popular on nDCG@10 from 2 likes on."
    points = found.models["ease"]
    assert points[0].difference is not None
    assert points[0].difference.below_zero
    assert points[1].test is not None
    assert points[1].test.corrected == 1.0
    assert points[3].test is not None
    # Four comparisons, of which one is no difference: the least of the others is multiplied by four.
    assert points[3].test.corrected == pytest.approx(4 / 1000)
    assert found.models["popular"][0].difference is None


@pytest.mark.parametrize(
    ("level", "words"),
    [(0.1, "No model does better than popular"), (0.2, "not certain"), (0.4, "before the first like")],
)
def test_a_curve_is_honest(level: float, words: str) -> None:
    """A model that is never better, one that is level, and one that is better at once are told apart."""
    found = learning_curve(
        {likes: [result("popular", 0.2), result("ease", level)] for likes in (0, 1)}, baseline="popular"
    )
    assert words in found.verdict


def test_a_curve_is_plain_json() -> None:
    """Every point with its interval, difference and value can be written as JSON."""
    plain = json.loads(json.dumps(curve().to_json(), allow_nan=False))
    assert plain["better_from"] == {"ease": 2}
    assert plain["models"]["ease"][3]["value"]["estimate"] == pytest.approx(0.3)
    assert plain["models"]["popular"][0]["difference"] is None


def test_a_curve_wants_every_model_everywhere() -> None:
    """A number of likes without a model, a missing baseline, other users and nothing at all are refused."""
    whole = [result("popular", 0.2), result("ease", 0.3)]
    for given in ({0: whole, 1: whole[:1]}, {0: whole[1:]}, {}):
        with pytest.raises(NotComparableError, match="the baseline 'popular' among them"):
            learning_curve(given, baseline="popular")
    with pytest.raises(NotComparableError, match="not measured on the same users"):
        learning_curve({0: [result("popular", 0.2), result("ease", 0.3, users=9)]}, baseline="popular")


def test_the_page_shows_the_curve(tmp_path: Path) -> None:
    """The page has the verdict, a plot, every mean and how to repeat it."""
    path = tmp_path / "curve.html"
    write_curve_report(path, title="New users", curve=curve(), facts={"Split": {"seed": 20}}, command="movie-mlops x")
    html = path.read_text(encoding="utf-8")
    for words in ("ease is better than popular", "<svg", "0.3000", "+0.1000", "2 likes", "movie-mlops x", "Split"):
        assert words in html
    assert html.count("<script") == 0


def test_better_means_better_from_there_on() -> None:
    """A model that falls certainly below popularity in between is better only after that."""
    ease = {0: 0.3, 1: 0.1, 2: 0.3, 5: 0.3}
    found = learning_curve(
        {likes: [result("popular", 0.2), result("ease", level)] for likes, level in ease.items()}, baseline="popular"
    )
    assert found.better_from("ease") == 2
