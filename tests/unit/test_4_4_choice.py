"""Which of the judged models the main job takes, and which it has time to judge."""

import numpy as np
import pytest

from movie_mlops.core.progress import SILENT, Advance
from movie_mlops.evaluation import EvaluationConfig, Scores
from movie_mlops.flows import PlatformConfig, Recipe
from movie_mlops.flows.evaluate import make_cases, preferred
from movie_mlops.flows.judging import cannot_be_taken, judge_recipes
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.linear import EaseRecommender
from movie_mlops.recommenders.stored import Arrays
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


@pytest.mark.parametrize(
    ("recipes", "users", "left_out"),
    [(RECIPES, 199, {"blend"}), (RECIPES, 200, set()), (RECIPES[-1:], 5, set())],
    ids=["too few", "enough", "nothing else"],
)
def test_a_composed_recipe_is_not_tried_on_too_few_users(
    recipes: tuple[Recipe, ...], users: int, left_out: set[str]
) -> None:
    """What could not be taken whatever it reached is not trained, unless there is nothing else to take."""
    config = PlatformConfig(composed_users=200)
    assert cannot_be_taken(recipes, users, config) == left_out
    assert not cannot_be_taken(recipes, users, config, serving="blend")


def test_a_member_that_is_a_recipe_of_its_own_is_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blend takes over what was fitted on the same likes, and gives the same figures as one that trains it again."""
    members = [{"model": "item-knn", "params": {"neighbours": 5}}, {"model": "ease", "weight": 0.5}]
    blend = Recipe(name="blend", model="blend", params={"members": members, "popularity": 0.1})
    rows = [(f"u{user}", (user * film) % 61, 1.0, None) for user in range(1, 60) for film in range(1, 12)]
    config = PlatformConfig(evaluation=EvaluationConfig(resamples=20))
    cases = make_cases("user-folds", feedback(rows), config)
    trained: list[str] = []
    fit = EaseRecommender._fit

    def counted(self: EaseRecommender, training: Training, advance: Advance) -> Arrays:
        trained.append(self.name)
        return fit(self, training, advance)

    monkeypatch.setattr(EaseRecommender, "_fit", counted)
    [alone] = judge_recipes([blend], cases, config, progress=SILENT)
    assert trained == ["ease"]
    for params, times in (({}, 1), ({"regularisation": 77}, 2)):
        trained.clear()
        single = Recipe(name="ease", model="ease", params=params)
        _, beside = judge_recipes([single, blend], cases, config, progress=SILENT)
        assert len(trained) == times
        np.testing.assert_array_equal(beside.values(METRIC), alone.values(METRIC))
