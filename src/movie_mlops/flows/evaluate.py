"""Step 3: every recipe is trained on the past and judged on the future; the best personal one is the candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from movie_mlops.core.columns import EVENT_TIME
from movie_mlops.core.digests import file_digest
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import (
    EvaluationCase,
    Films,
    Scores,
    cold_films,
    cold_users,
    compare,
    leave_one_out,
    segments_by_films,
    segments_by_history,
    strong_generalisation,
    time_split,
    user_folds,
    write_report,
)
from movie_mlops.features import film_content, user_traits
from movie_mlops.flows.config import PlatformConfig, Protocol, Recipe
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.judging import cannot_be_taken, judge_recipes, needs_times
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.scores import write_scores
from movie_mlops.flows.steps import Result
from movie_mlops.recommenders import create


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
    movies: pl.DataFrame,
    facts: Mapping[str, Any],
    serving: str | None = None,
    progress: Progress,
) -> Result:
    """Judge the recipes, write the report and the scores of each user.

    Args:
        platform: The stores.
        feedback: What is known of users and films.
        recipes: What to try.
        movies: Years and genres of the films.
        facts: What the report says of the data.
        serving: Under which name the recipe of what serves is judged; it is in any case.
        progress: Who listens.

    Raises:
        FlowError: No recipe can be released.
    """
    config = platform.config
    # Without traits of users: the API is told them of people without an account alone, and models are judged as they
    # answer the users that there are.
    cases = with_content(make_cases(config.protocol, feedback, config), movies)
    films = Films.of(movies, cases[0].movie_ids)
    # The champion's own recipe is judged for comparison; it is a candidate where the project still lists it.
    listed = {recipe.name for recipe in config.recipes} - set(config.baselines)
    users = max(len(case.user_ids) for case in cases)
    releasable = [recipe for recipe in recipes if recipe.name in listed]
    vain = cannot_be_taken(releasable, users, config, serving=serving)
    scores = judge_recipes(
        [recipe for recipe in recipes if recipe.name not in vain],
        cases,
        config,
        films=films,
        progress=progress,
        if_time=listed - {serving},
        engine=platform.engine,
    )
    candidates = [s for s in scores if s.model in listed]
    if not candidates:
        raise FlowError(
            "Every recipe that could be tried is a baseline, so that there is nothing to release.",
            next_step="Add a personal model under 'recipes' in config/platform.yaml.",
        )
    skipped = {
        recipe.name: _why_not(recipe, users if recipe.name in vain else None)
        for recipe in recipes
        if recipe.name not in {s.model for s in scores}
    }
    metric = config.gate.metric
    best = preferred(candidates, recipes, metric)
    board = write_report(
        report_path(platform.workspace),
        title=f"Which model for {platform.workspace.dataset}?",
        scores=scores,
        baseline=_shown_baseline(config, scores),
        facts={"Data": dict(facts), "Split": cases[0].facts, **({"Left out": skipped} if skipped else {})},
        command=f"movie-mlops evaluate --dataset {platform.workspace.dataset}",
        metric=metric,
    )
    write_scores(scores_path(platform.workspace), scores)
    return {
        "case": cases[0].name,
        "facts": dict(cases[0].facts),
        "candidate": best.model,
        "models": {
            s.model: {
                **{name: asdict(interval) for name, interval in s.summary().items()},
                **{name: {"estimate": value} for name, value in s.lists.items()},
            }
            for s in scores
        },
        "users": len(best.user_ids),
        "level": config.evaluation.level,
        "metric": metric,
        "differences": {
            one.model: asdict(compare(best, one, metric)) for one in scores if one.model in config.baselines
        },
        "segments": {
            one.model: [asdict(segment) for segment in segments_by_history(one, metric)]
            for one in scores
            if one is best or one.model in config.baselines
        },
        "films": {
            one.model: [asdict(segment) for segment in segments_by_films(one)]
            for one in scores
            if one is best or one.model in config.baselines
        },
        "skipped": skipped,
        # Of what may be released: the champion, which is judged for comparison, may lead.
        "verdict": board.verdict_of(best.model),
        "scores_sha256": file_digest(scores_path(platform.workspace)),
    }


def preferred(candidates: Sequence[Scores], recipes: Sequence[Recipe], metric: str) -> Scores:
    """Return what is best: of equals the first, and a composed one only where its lead is beyond doubt.

    What is made of others takes longer to train, to answer and to explain; a lead that may be chance is not worth that.

    Args:
        candidates: What was judged of what may be released, in the order of preference; at least one.
        recipes: By which recipe each was made.
        metric: Where more is better.
    """
    composed = {recipe.name for recipe in recipes if create(recipe.model, recipe.params).capabilities.composed}
    best = max(candidates, key=lambda one: one.mean(metric))
    single = [one for one in candidates if one.model not in composed]
    if best.model not in composed or not single:
        return best
    simpler = max(single, key=lambda one: one.mean(metric))
    return best if compare(best, simpler, metric).low > 0 else simpler


def judged(config: PlatformConfig, evaluated: Result) -> Result:
    """Return what a bundle says of how its recipe was judged: on whom, against what, and for whom it does how well."""
    candidate = evaluated["candidate"]
    return {
        **{name: evaluated[name] for name in ("case", "users", "level", "metric")},
        "split": evaluated["facts"],
        "baselines": {
            name: {"metrics": evaluated["models"][name], "difference": difference}
            for name, difference in evaluated["differences"].items()
        },
        **{
            parts: {"candidate" if name == candidate else name: found for name, found in evaluated[parts].items()}
            for parts in ("segments", "films")
        },
        "positive_rating": config.feedback.positive_rating,
    }


def outcome_is_there(workspace: Workspace, made: Result) -> bool:
    """Return whether the report and the scores of each user are still what the evaluation wrote."""
    scores = scores_path(workspace)
    return report_path(workspace).exists() and scores.exists() and file_digest(scores) == made["scores_sha256"]


def report_path(workspace: Workspace) -> Path:
    """Return where the evaluation writes its report."""
    return workspace.reports / "evaluation.html"


def scores_path(workspace: Workspace) -> Path:
    """Return where the evaluation keeps the scores of each user."""
    return workspace.reports / "evaluation-scores.parquet"


def make_cases(protocol: Protocol, feedback: pl.DataFrame, config: PlatformConfig) -> list[EvaluationCase]:
    """Split the feedback.

    Raises:
        TimesMissingError: A split by time is asked for and some of the feedback has no time.
        SplitImpossibleError: The feedback is too little for the split.
    """
    timed = feedback[EVENT_TIME].null_count() == 0
    if protocol == "time" or (protocol == "auto" and timed):
        return [time_split(feedback, config.time_split)]
    if protocol == "strong-generalisation":
        return [strong_generalisation(feedback, config.strong_generalisation)]
    if protocol == "leave-one-out":
        return [leave_one_out(feedback, config.leave_one_out)]
    if protocol == "cold-users":
        return [cold_users(feedback, config.cold_users)]
    if protocol == "cold-films":
        return [cold_films(feedback, config.cold_films)]
    return user_folds(feedback, config.user_folds)


def with_content(cases: Sequence[EvaluationCase], movies: pl.DataFrame) -> list[EvaluationCase]:
    """Return the cases with what is known of their films.

    Args:
        cases: Of one project.
        movies: One row for each film.
    """
    return [replace(case, content=film_content(movies, case.movie_ids).matrix, films=movies) for case in cases]


def with_traits(cases: Sequence[EvaluationCase], users: pl.DataFrame) -> list[EvaluationCase]:
    """Return the cases with what is known of their users; unchanged where that is nothing.

    Args:
        cases: Of one project.
        users: One row for each user.
    """
    if users.is_empty():
        return list(cases)
    told = []
    for case in cases:
        assert case.train_user_ids is not None
        learned = user_traits(users, case.train_user_ids)
        judged = user_traits(users, case.user_ids, learned.names)
        told.append(replace(case, train_traits=learned.matrix, traits=judged.matrix))
    return told


def _is_same(one: Recipe, other: Recipe) -> bool:
    return one.model == other.model and _full(one) == _full(other)


def _full(recipe: Recipe) -> dict[str, Any]:
    return asdict(create(recipe.model, recipe.params).params)


def _why_not(recipe: Recipe, users: int | None) -> str:
    if users is not None:
        return f"with {users:,} judged users a lead of what is made of others would not be beyond doubt"
    return "it needs times" if needs_times(recipe) else "the time was used up"


def strongest_baseline(config: PlatformConfig, scores: Sequence[Scores]) -> str:
    """Return the best of the baselines that were judged, or the first model where none was."""
    present = [one for one in scores if one.model in config.baselines]
    return max(present, key=lambda one: one.mean(config.gate.metric)).model if present else scores[0].model


def _shown_baseline(config: PlatformConfig, scores: Sequence[Scores]) -> str:
    present = [name for name in reversed(config.baselines) if name in {s.model for s in scores}]
    return present[0] if present else scores[0].model
