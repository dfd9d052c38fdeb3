"""Recipes trained and judged on the cases of a split: none that cannot be taken, and no model twice."""

from collections.abc import Collection, Sequence
from time import perf_counter

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.memory import available_memory_bytes
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import EvaluationCase, Films, Scores, evaluate, pool
from movie_mlops.flows.config import PlatformConfig, Recipe
from movie_mlops.flows.likes_features import as_it_answers, case_features
from movie_mlops.recommenders import Recommender, create


def cannot_be_taken(
    recipes: Sequence[Recipe], users: int, config: PlatformConfig, *, serving: str | None = None
) -> frozenset[str]:
    """Return the names of the recipes that are not worth trying, for with so few judged users no lead would be certain.

    That is asked of what is made of others alone; where there is nothing else, they are not held to it.

    Args:
        recipes: What may be released.
        users: How many users are judged.
        config: From how many on a composed recipe is tried.
        serving: The recipe of what serves, which is tried in any case.
    """
    composed = frozenset(recipe.name for recipe in recipes if _made(recipe).capabilities.composed)
    few = users < config.composed_users and len(composed) < len(recipes)
    return composed - {serving} if few else frozenset()


def judge_recipes(
    recipes: Sequence[Recipe],
    cases: Sequence[EvaluationCase],
    config: PlatformConfig,
    *,
    films: Films | None = None,
    progress: Progress,
    if_time: Collection[str] = (),
    engine: Engine = HERE,
) -> list[Scores]:
    """Fit every recipe on what each case knows and judge it; several cases are joined user by user.

    Recipes that need times are left out where there are none. With facts of the films their slices are measured too.
    Of the recipes named in ``if_time`` none but the first is begun once the project's budget is used up.
    """
    judged = judge_each(recipes, cases, config, films=films, progress=progress, if_time=if_time, engine=engine)
    return [found[0] if len(found) == 1 else pool(found, f"{len(found)} folds") for found in judged]


def judge_each(
    recipes: Sequence[Recipe],
    cases: Sequence[EvaluationCase],
    config: PlatformConfig,
    *,
    films: Films | None,
    progress: Progress,
    if_time: Collection[str] = (),
    engine: Engine = HERE,
) -> list[list[Scores]]:
    """Return for each recipe one result a case; a model is fitted once on cases that share their training matrix.

    A member of a blend that is a recipe of its own, further up in the list, is not trained again.
    """
    timed = all(case.train_times is not None for case in cases)
    tried = [recipe for recipe in recipes if timed or not needs_times(recipe)]
    shelf = _Shelf(tried)
    results = []
    first = next((recipe.name for recipe in tried if recipe.name in if_time), None)
    used_up = perf_counter() + 60 * config.budget_minutes
    with progress.task("Training and judging", len(tried) * len(cases), "models") as advance:
        for place, recipe in enumerate(tried):
            if recipe.name in if_time and recipe.name != first and perf_counter() >= used_up:
                advance(len(cases))
                continue
            judged: list[Scores] = []
            for number, case in enumerate(cases):
                if not number or case.train is not cases[number - 1].train:
                    model = _fitted(recipe, case, shelf.at(number), engine)
                    shelf.keep(model, number, place)
                scores = evaluate(
                    as_it_answers(model, case),
                    case,
                    config.evaluation,
                    model=recipe.name,
                    films=films,
                    sliced=config.gate.metric,
                    engine=engine,
                )
                judged.append(scores)
                advance(1)
            results.append(judged)
    return results


def needs_times(recipe: Recipe) -> bool:
    """Return whether a recipe's model cannot be trained without times."""
    return _made(recipe).capabilities.needs_times


class _Shelf:
    """Fitted models, by the number of the case, for as long as one of the recipes to come is made of them."""

    def __init__(self, tried: Sequence[Recipe]) -> None:
        self._parts = [_made(recipe).parts for recipe in tried]
        self._kept: dict[int, list[Recommender]] = {}

    def at(self, number: int) -> list[Recommender]:
        return self._kept.get(number, [])

    def keep(self, model: Recommender, number: int, place: int) -> None:
        to_come = [part for parts in self._parts[place + 1 :] for part in parts]
        there = [*self.at(number), model]
        self._kept[number] = [one for one in there if any(one.is_like(part) for part in to_come)]


def _fitted(recipe: Recipe, case: EvaluationCase, trained: Sequence[Recommender], engine: Engine) -> Recommender:
    model = _made(recipe)
    model.fit(
        case.train,
        times=case.train_times,
        content=case.content,
        traits=case.train_traits,
        features=case_features(model, case),
        memory_limit_bytes=available_memory_bytes(),
        trained=trained,
        engine=engine,
    )
    return model


def _made(recipe: Recipe) -> Recommender:
    return create(recipe.model, recipe.params)
