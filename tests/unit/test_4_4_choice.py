"""Which of the judged models the main job takes, and which it has time to judge."""

import numpy as np
import pytest

from movie_mlops.core.progress import SILENT
from movie_mlops.evaluation import EvaluationConfig, Scores
from movie_mlops.flows import PlatformConfig, Recipe
from movie_mlops.flows.evaluate import judge_recipes, make_cases, preferred
from tests.fixtures.stage_5.feedback import feedback

METRIC = "ndcg@10"
RECIPES = tuple(Recipe(name=name, model=name) for name in ("popular", "item-knn", "ease", "blend"))
USERS = 400


def scored(model: str, values: np.ndarray) -> Scores:
    """Scores of a model that reached these values."""
    sizes = np.full(len(values), 10, np.int64)
    config = EvaluationConfig(resamples=200)
    return Scores(model, "made up", [str(user) for user in range(len(values))], {METRIC: values}, {}, sizes, config)


@pytest.mark.parametrize(
    ("lead", "noise", "chosen"),
    [(0.05, 0.01, "blend"), (0.002, 0.3, "ease"), (-0.05, 0.01, "ease")],
    ids=["beyond doubt", "perhaps by chance", "behind"],
)
def test_a_composed_model_is_taken_where_its_lead_is_beyond_doubt(lead: float, noise: float, chosen: str) -> None:
    """A blend costs more than what it is made of: a lead that chance may have given is not worth that."""
    chance = np.random.default_rng(3)
    alone = chance.uniform(0.2, 0.6, USERS)
    candidates = [
        scored("item-knn", alone - 0.1),
        scored("ease", alone),
        scored("blend", alone + lead + noise * (chance.permutation(np.linspace(-1, 1, USERS)))),
    ]
    assert preferred(candidates, RECIPES, METRIC).model == chosen


def test_of_equals_the_first_is_taken() -> None:
    """The order of the recipes is the order of preference, and composed models alone are taken for want of others."""
    values = np.linspace(0.1, 0.9, USERS)
    assert preferred([scored("item-knn", values), scored("ease", values)], RECIPES, METRIC).model == "item-knn"
    assert preferred([scored("blend", values)], RECIPES, METRIC).model == "blend"


@pytest.mark.parametrize(
    ("minutes", "judged"), [(0, ["popular", "item-knn"]), (10, ["popular", "item-knn", "ease", "blend"])]
)
def test_no_recipe_is_begun_once_the_time_is_used_up(minutes: float, judged: list[str]) -> None:
    """Baselines are judged in any case, and so is the first recipe that may be released."""
    rows = [(f"u{user}", (user + film) % 30, 1.0, None) for user in range(40) for film in range(8)]
    config = PlatformConfig(budget_minutes=minutes, evaluation=EvaluationConfig(resamples=20))
    cases = make_cases("user-folds", feedback(rows), config)
    may_wait = {"item-knn", "ease", "blend"}
    scores = judge_recipes(RECIPES, cases, config, progress=SILENT, if_time=may_wait)
    assert [one.model for one in scores] == judged
