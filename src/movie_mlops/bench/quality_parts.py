"""What each like of a new user is worth, and each member of a blend: figures for the record, and drawings beside it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.bench.quality_config import QualityBenchConfig
from movie_mlops.core.progress import Advance
from movie_mlops.core.report_page import standalone, write_whole
from movie_mlops.evaluation import (
    WITHOUT,
    EvaluationCase,
    Scores,
    ablations,
    evaluate,
    learning_cases,
    learning_curve,
    plots,
)
from movie_mlops.flows import Recipe
from movie_mlops.flows.evaluate import with_content
from movie_mlops.flows.likes_features import as_it_answers, case_features
from movie_mlops.recommenders import BlendRecommender, Recommender, Remembered, create

_ANSWERS: Final = 2**30


def learned(
    feedback: pl.DataFrame, films: pl.DataFrame | None, config: QualityBenchConfig, drawing: Path, advance: Advance
) -> dict[str, Any]:
    """Judge models on new users after none, one and more likes, and draw it.

    Args:
        feedback: What is known of users and films.
        films: One row for each film, where anything is known.
        config: What is judged, and after how many likes.
        drawing: The SVG file.
        advance: Told of each model.

    Returns:
        Each model's figure after each number of likes, and how much that is above the first model's.

    Raises:
        SplitImpossibleError: Nobody has enough likes.
    """
    cases = learning_cases(feedback, config.learning_curve)
    shown = list(cases.values()) if films is None else with_content(list(cases.values()), films)
    by_likes: dict[int, list[Scores]] = {likes: [] for likes in cases}
    for recipe in config.learning:
        model = create(recipe.model, recipe.params)
        first = shown[0]
        told = case_features(model, first)
        model.fit(first.train, times=first.train_times, content=first.content, features=told)
        for likes, case in zip(cases, shown, strict=True):
            by_likes[likes].append(evaluate(as_it_answers(model, case), case, model=recipe.name))
        advance(1)
    curve = learning_curve(by_likes, baseline=config.learning[0].name)
    write_whole(drawing, standalone(plots.learning(curve)))
    return {"drawing": drawing.name, "split": dict(shown[0].facts), **_rounded(curve.to_json())}


def parts_of(recipe: Recipe) -> tuple[Recipe, ...]:
    """Return a blend as it is, and without each of its members and without popularity; nothing of any other recipe."""
    blend = create(recipe.model, recipe.params)
    if not isinstance(blend, BlendRecommender) or len(blend.parts) < 2:  # noqa: PLR2004 - without one there is none
        return ()
    params = asdict(blend.params)
    names = _apart([part.name for part in blend.parts])
    without = {
        name: {**params, "members": params["members"][:place] + params["members"][place + 1 :]}
        for place, name in enumerate(names)
    }
    if params["popularity"]:
        without["popularity"] = {**params, "popularity": 0.0}
    lessened = (recipe.model_copy(update={"name": recipe.name + WITHOUT + k, "params": v}) for k, v in without.items())
    return (recipe, *lessened)


def ablated(recipe: Recipe, case: EvaluationCase, metric: str, drawing: Path, advance: Advance) -> dict[str, Any]:
    """Judge a blend beside itself without each of its members, and draw what they are worth.

    Each member is trained once, and asked once.

    Args:
        recipe: The blend.
        case: What is learned from, and who is judged.
        metric: What is measured.
        drawing: The SVG file.
        advance: Told of each blend.

    Returns:
        What the whole reached, and what is lost without each part, with its interval and its corrected p-value.
    """
    parts = parts_of(recipe)
    members = create(recipe.model, recipe.params).parts
    for member in members:
        member.fit(case.train, times=case.train_times)
    remembered = Remembered(_ANSWERS)
    scores = []
    for part in parts:
        scores.append(evaluate(_blend(part, case, members, remembered), case, model=part.name))
        advance(1)
    [found] = ablations(scores, metric)
    write_whole(drawing, standalone(plots.ablation(found)))
    return {"drawing": drawing.name, "case": case.name, **_rounded(asdict(found))}


def _blend(recipe: Recipe, case: EvaluationCase, members: Sequence[Recommender], remembered: Remembered) -> Recommender:
    blend = create(recipe.model, recipe.params)
    blend.fit(case.train, times=case.train_times, trained=members)
    if isinstance(blend, BlendRecommender):
        blend.remember_in(remembered)
    return blend


def _apart(names: Sequence[str]) -> list[str]:
    """Return names that differ: the second of a kind is called so."""
    return [
        name if names.count(name) == 1 else f"{name}-{names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
