"""What is worth knowing of somebody new: lists after none, one and more likes, with traits of the users and without."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.bench.config import NewcomersBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_least
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import EvaluationCase, LearningCurve, Scores, evaluate, learning_cases, learning_curve
from movie_mlops.flows.evaluate import with_traits
from movie_mlops.recommenders import create

_METRIC: Final = "ndcg@10"
_POPULAR: Final = "popular"
_BLEND: Final = "blend"
_EXPECTING: Final = "blend, expecting"
_BY_TRAITS: Final = "blend, expecting by traits"


def bench_newcomers(
    config: NewcomersBenchConfig,
    feedback: pl.DataFrame,
    users: pl.DataFrame,
    out: Path,
    *,
    command: str = "",
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Judge a blend, the same with what is expected of anybody, and of people with the same traits, on new users.

    Args:
        config: What is judged.
        feedback: What is known of users and films.
        users: What is known of the users.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: Nothing is known of the users.
        SplitImpossibleError: Nobody has enough likes.
    """
    machine = machine_facts()
    if users.is_empty():
        raise BenchError(
            "Nothing is known of the users of this data set.",
            next_step="Bring it in with a file of users: movie-mlops ingest load --source … --users FILE",
        )
    by_likes = learning_cases(feedback, config.curve)
    plain = list(by_likes.values())
    expecting = {**config.params, "expectation": config.expectation}
    contenders: dict[str, tuple[str, Mapping[str, Any], list[EvaluationCase]]] = {
        _POPULAR: ("popular", {}, plain),
        _BLEND: ("blend", {**config.params, "expectation": 0}, plain),
        _EXPECTING: ("blend", expecting, plain),
        _BY_TRAITS: ("blend", expecting, with_traits(plain, users)),
    }
    scores: dict[int, list[Scores]] = {likes: [] for likes in by_likes}
    seconds = {}
    with progress.task("Training and judging", len(contenders), "models") as advance:
        for name, (model, params, cases) in contenders.items():
            made = create(model, params)
            begun = time.perf_counter()
            made.fit(cases[0].train, times=cases[0].train_times, traits=cases[0].train_traits)
            seconds[name] = round(time.perf_counter() - begun, 1)
            for likes, case in zip(by_likes, cases, strict=True):
                scores[likes].append(evaluate(made, case, model=name))
            advance(1)
    curve, by_itself = (learning_curve(scores, baseline=name, metric=_METRIC) for name in (_POPULAR, _EXPECTING))
    first, gained = min(by_likes), _differences(curve)
    return write_record(
        out,
        "newcomers",
        command,
        machine,
        {
            "metric": _METRIC,
            "split": dict(plain[0].facts),
            "likes": list(by_likes),
            "expectation": config.expectation,
            "models": {
                name: {
                    "seconds": seconds[name],
                    "values": [round(point.value.estimate, 4) for point in points],
                    "intervals": [[round(point.value.low, 4), round(point.value.high, 4)] for point in points],
                }
                for name, points in curve.models.items()
            },
            "by traits minus popular": gained,
            "by traits minus expecting": _differences(by_itself),
            "targets": [at_least(f"{_BY_TRAITS} minus {_POPULAR}, {first} likes, low end", 0, gained[0]["low"])],
        },
    )


def _differences(curve: LearningCurve) -> list[dict[str, float]]:
    """Return by how much traits are better than the curve's baseline after each number of likes."""
    told = [point.difference for point in curve.models[_BY_TRAITS]]
    return [{name: round(value, 4) for name, value in asdict(one).items()} for one in told if one is not None]
