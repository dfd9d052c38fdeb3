"""How good the lists are: published folds, and the future of data sets of the home, each figure with its interval."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.bench.config import QualityBenchConfig
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core.memory import peak_memory_mib, reset_peak_memory
from movie_mlops.core.progress import SILENT, Advance, Progress
from movie_mlops.evaluation import EvaluationCase, Scores, compare, evaluate, given_folds, pool, time_split
from movie_mlops.flows import Recipe
from movie_mlops.recommenders import create

_METRIC: Final = "ndcg@10"
_EASE: Final = "ease"

CHECKED: Final = (
    Recipe(name="popular", model="popular"),
    # The penalty with which the figures of the folds were published.
    Recipe(name=_EASE, model="ease", params={"regularisation": 238.56, "threads": 2}),
)
"""What is measured first on folds: whoever does not find the known figures evaluates wrongly."""

BASELINES: Final = (
    Recipe(name="popular-recent", model="popular-recent", params={"days": 30}),
    Recipe(name=_EASE, model="ease", params={"threads": 2}),
)
"""What is measured first on a split by time."""


def bench_quality(
    config: QualityBenchConfig,
    histories: Mapping[str, pl.DataFrame],
    out: Path,
    *,
    command: str = "",
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Judge recipes on given folds, and on a global time split of each data set.

    Args:
        config: What is judged.
        histories: The feedback of each data set that is split by time.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        MovieMlopsError: The folds cannot be used, or a data set cannot be split by time.
    """
    machine = machine_facts()
    judged_on_folds = (*CHECKED, *config.recipes)
    judged_in_time = (*BASELINES, *config.timed_recipes)
    cases = given_folds(config.folds) if config.folds else []
    steps = len(cases) * len(judged_on_folds) + len(histories) * len(judged_in_time)
    found: dict[str, Any] = {"metric": _METRIC, "targets": []}
    with progress.task("Training and judging", steps, "models") as advance:
        if config.folds:
            found["folds"] = _on_folds(cases, judged_on_folds, config, advance)
            best = max((found["folds"]["models"][one.name] for one in config.recipes), key=lambda row: row["mean"])
            found["targets"].append(at_least(f"{config.folds.name}: {_METRIC}", config.folds_target, best["mean"]))
            found["targets"].append(at_most("seconds of training", config.seconds, best["seconds"]))
            found["targets"].append(at_most("peak memory, MiB", config.memory_mib, best["peak_memory_mib"]))
        found["in time"] = [_in_time(*one, judged_in_time, config, advance) for one in histories.items()]
    for one in found["in time"]:
        best = max((one["models"][recipe.name] for recipe in config.timed_recipes), key=lambda row: row["mean"])
        what = f"{one['dataset']}: {_METRIC} over that of EASE"
        target = at_least(what, config.times_ease, best["times_ease"])
        found["targets"].append({**target, "met": target["met"] and best["minus_ease"]["low"] > 0})
    return write_record(out, "quality", command, machine, found)


def _on_folds(
    cases: Sequence[EvaluationCase], recipes: Sequence[Recipe], config: QualityBenchConfig, advance: Advance
) -> dict[str, Any]:
    models, ease = {}, None
    for recipe in recipes:
        judged = [_judged(recipe, case, advance) for case in cases]
        scores = pool([scores for scores, _ in judged], f"{len(cases)} folds")
        ease = scores if recipe.name == _EASE else ease
        models[recipe.name] = {
            **_row(recipe, scores, ease),
            "folds": [round(scores.mean(_METRIC), 4) for scores, _ in judged],
            "seconds": round(max(cost["seconds"] for _, cost in judged), 1),
            "peak_memory_mib": max(cost["peak_memory_mib"] for _, cost in judged),
        }
    assert config.folds is not None
    return {"folder": config.folds.name, "users": len(cases[0].user_ids), "models": models}


def _in_time(
    dataset: str, feedback: pl.DataFrame, recipes: Sequence[Recipe], config: QualityBenchConfig, advance: Advance
) -> dict[str, Any]:
    case = time_split(feedback, config.time_split)
    models, ease = {}, None
    for recipe in recipes:
        scores, cost = _judged(recipe, case, advance)
        ease = scores if recipe.name == _EASE else ease
        models[recipe.name] = {**_row(recipe, scores, ease), **cost}
    return {"dataset": dataset, "split": dict(case.facts), "models": models}


def _judged(recipe: Recipe, case: EvaluationCase, advance: Advance) -> tuple[Scores, dict[str, float]]:
    model = create(recipe.model, recipe.params)
    reset_peak_memory()
    begun = time.perf_counter()
    model.fit(case.train, times=case.train_times)
    cost = {"seconds": round(time.perf_counter() - begun, 1), "peak_memory_mib": peak_memory_mib()}
    scores = evaluate(model, case, model=recipe.name)
    advance(1)
    return scores, cost


def _row(recipe: Recipe, scores: Scores, ease: Scores | None) -> dict[str, Any]:
    interval = scores.summary()[_METRIC]
    row = {
        "model": recipe.model,
        "params": dict(recipe.params),
        "mean": round(interval.estimate, 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "coverage@10": round(scores.lists["coverage@10"], 4),
    }
    if ease is None:
        return row
    difference = {name: round(value, 4) for name, value in asdict(compare(scores, ease, _METRIC)).items()}
    return {
        **row,
        "times_ease": round(scores.mean(_METRIC) / ease.mean(_METRIC), 4),
        "minus_ease": difference,
    }
