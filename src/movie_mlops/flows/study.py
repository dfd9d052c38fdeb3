"""Comparing recipes beside the main job: nothing is released and no step is remembered."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import (
    Films,
    Leaderboard,
    LearningCurve,
    Scores,
    given_folds,
    learning_cases,
    learning_curve,
    write_curve_report,
    write_report,
)
from movie_mlops.flows.config import PlatformConfig, Protocol, Recipe
from movie_mlops.flows.evaluate import make_cases, strongest_baseline, with_content, with_traits
from movie_mlops.flows.judging import judge_each, judge_recipes


def study(
    feedback: pl.DataFrame | None,
    recipes: Sequence[Recipe],
    config: PlatformConfig,
    *,
    protocol: Protocol,
    folds: Path | None,
    movies: pl.DataFrame | None = None,
    users: pl.DataFrame | None = None,
    report: Path,
    title: str,
    command: str,
    progress: Progress,
    engine: Engine = HERE,
) -> tuple[Leaderboard, list[Scores]]:
    """Compare recipes with each other and with the strongest of the baselines, and write a report.

    Args:
        feedback: What is known of users and films; unused with ``folds``.
        recipes: What to compare.
        config: What is measured, and how feedback is split.
        protocol: How it is split.
        folds: A folder of given folds, instead of a split of the feedback.
        movies: One row for each film of the feedback; without it, nothing is known of the films.
        users: What is known of the users.
        report: The HTML file to write.
        title: Its title.
        command: The command that makes it again.
        progress: Who listens.
        engine: Where what can be dealt out is done.
    """
    if folds is not None:
        cases = given_folds(folds)
    else:
        assert feedback is not None
        cases = make_cases(protocol, feedback, config)
        cases = cases if movies is None else with_content(cases, movies)
        cases = cases if users is None else with_traits(cases, users)
    films = None if movies is None else Films.of(movies, cases[0].movie_ids)
    scores = judge_recipes(recipes, cases, config, films=films, progress=progress, engine=engine)
    board = write_report(
        report,
        title=title,
        scores=scores,
        baseline=strongest_baseline(config, scores),
        facts={f"Split {case.name}": case.facts for case in cases},
        command=command,
        metric=config.gate.metric,
    )
    return board, scores


def study_learning(
    feedback: pl.DataFrame,
    recipes: Sequence[Recipe],
    config: PlatformConfig,
    *,
    movies: pl.DataFrame | None = None,
    users: pl.DataFrame | None = None,
    report: Path,
    title: str,
    command: str,
    progress: Progress,
    engine: Engine = HERE,
) -> LearningCurve:
    """Compare recipes on new users after none, one and more likes, and write a report.

    Args:
        feedback: What is known of users and films.
        recipes: What to compare.
        config: What is measured, and on which numbers of likes.
        movies: One row for each film of the feedback; without it, nothing is known of the films.
        users: What is known of the users.
        report: The HTML file to write.
        title: Its title.
        command: The command that makes it again.
        progress: Who listens.
        engine: Where what can be dealt out is done.

    Raises:
        SplitImpossibleError: Nobody has enough likes.
    """
    metric = config.gate.metric
    cases = learning_cases(feedback, config.learning_curve)
    shown = list(cases.values()) if movies is None else with_content(list(cases.values()), movies)
    shown = shown if users is None else with_traits(shown, users)
    judged = judge_each(recipes, shown, config, films=None, progress=progress, engine=engine)
    by_likes = {likes: [found[number] for found in judged] for number, likes in enumerate(cases)}
    curve = learning_curve(by_likes, baseline=strongest_baseline(config, by_likes[max(by_likes)]), metric=metric)
    write_curve_report(
        report,
        title=title,
        curve=curve,
        facts={"Split": cases[max(cases)].facts},
        command=command,
    )
    return curve
