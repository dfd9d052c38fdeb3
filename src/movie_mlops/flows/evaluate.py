"""Step 3: every recipe is trained on the past and judged on the future; the best personal one is the candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from movie_mlops.core.columns import EVENT_TIME
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import (
    EvaluationCase,
    Scores,
    evaluate,
    time_split,
    user_folds,
    write_report,
)
from movie_mlops.flows.config import PlatformConfig, Recipe
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.scores import write_scores
from movie_mlops.flows.steps import Result
from movie_mlops.recommenders import create

CHAMPION = "champion"


def recipes_to_try(config: PlatformConfig, champion: Recipe | None) -> tuple[Recipe, ...]:
    """Return the configured recipes, and the champion's own where none of them is the same."""
    same = champion and any(_is_same(recipe, champion) for recipe in config.recipes)
    return config.recipes if champion is None or same else (*config.recipes, champion)


def name_of_champion(config: PlatformConfig, champion: Recipe) -> str:
    """Return under which name the champion's recipe is judged."""
    return next((recipe.name for recipe in config.recipes if _is_same(recipe, champion)), champion.name)


def evaluation(
    platform: Platform,
    feedback: pl.DataFrame,
    recipes: Sequence[Recipe],
    *,
    facts: Mapping[str, Any],
    progress: Progress,
) -> Result:
    """Judge the recipes, write the report and the scores of each user.

    Args:
        platform: The stores.
        feedback: What is known of users and films.
        recipes: What to try.
        facts: What the report says of the data.
        progress: Who listens.

    Raises:
        FlowError: No recipe can be released.
    """
    config = platform.config
    case = make_case(feedback, config)
    tried = [recipe for recipe in recipes if case.train_times is not None or not _needs_times(recipe)]
    scores = [judge_recipe(recipe, case, config, progress=progress) for recipe in tried]
    candidates = [s for s in scores if s.model not in config.baselines]
    if not candidates:
        raise FlowError(
            "Every recipe is a baseline, so that there is nothing to release.",
            next_step="Add a personal model under 'recipes' in config/platform.yaml.",
        )
    metric = config.gate.metric
    # Of equals the first: the order of the recipes is the order of preference.
    best = max(candidates, key=lambda s: s.mean(metric))
    reports = platform.workspace.reports
    board = write_report(
        reports / "evaluation.html",
        title=f"Which model for {platform.workspace.dataset}?",
        scores=scores,
        baseline=_shown_baseline(config, scores),
        facts={"Data": dict(facts), "Split": case.facts},
        command=f"movie-mlops run --dataset {platform.workspace.dataset}",
        metric=metric,
    )
    write_scores(reports / "evaluation-scores.parquet", scores)
    return {
        "case": case.name,
        "facts": dict(case.facts),
        "candidate": best.model,
        "models": {
            s.model: {
                **{name: asdict(interval) for name, interval in s.summary().items()},
                **{name: {"estimate": value} for name, value in s.lists.items()},
            }
            for s in scores
        },
        "skipped": sorted({recipe.name for recipe in recipes} - {s.model for s in scores}),
        "verdict": board.verdict,
        "report": str(reports / "evaluation.html"),
    }


def make_case(feedback: pl.DataFrame, config: PlatformConfig) -> EvaluationCase:
    """Split the feedback as the configuration says."""
    timed = feedback[EVENT_TIME].null_count() == 0
    if config.protocol == "time" or (config.protocol == "auto" and timed):
        return time_split(feedback, config.time_split)
    return user_folds(feedback, config.user_folds)[0]


def judge_recipe(recipe: Recipe, case: EvaluationCase, config: PlatformConfig, *, progress: Progress) -> Scores:
    """Fit a recipe on what the case knows and judge it."""
    model = create(recipe.model, recipe.params)
    model.fit(case.train, times=case.train_times, progress=progress)
    return evaluate(model, case, config.evaluation, model=recipe.name, progress=progress)


def _needs_times(recipe: Recipe) -> bool:
    return create(recipe.model, recipe.params).capabilities.needs_times


def _is_same(one: Recipe, other: Recipe) -> bool:
    return one.model == other.model and _full(one) == _full(other)


def _full(recipe: Recipe) -> dict[str, Any]:
    return asdict(create(recipe.model, recipe.params).params)


def _shown_baseline(config: PlatformConfig, scores: Sequence[Scores]) -> str:
    present = [name for name in reversed(config.baselines) if name in {s.model for s in scores}]
    return present[0] if present else scores[0].model
