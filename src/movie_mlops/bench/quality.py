"""How good the lists are: published folds, and the future of data sets of the home, each figure with its interval."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.quality_config import BASELINES, CHECKED, EASE, RECENT, QualityBenchConfig
from movie_mlops.bench.quality_parts import ablated, learned, parts_of
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core.memory import peak_memory_mib, reset_peak_memory
from movie_mlops.core.progress import SILENT, Advance, Progress
from movie_mlops.evaluation import (
    EvaluationCase,
    Scores,
    compare,
    evaluate,
    given_folds,
    known_of_given_fold,
    pool,
    time_split,
)
from movie_mlops.flows import Recipe
from movie_mlops.flows.evaluate import with_content
from movie_mlops.flows.likes_features import as_it_answers, case_features
from movie_mlops.recommenders import LibraryMissingError, create

_METRIC: Final = "ndcg@10"
_UNBIASED: Final = "ndcg_unbiased@10"
_RIVALS: Final = {EASE: "EASE", RECENT: "popularity of the last days"}

Row = dict[str, Any]


def bench_quality(
    config: QualityBenchConfig,
    histories: Mapping[str, pl.DataFrame],
    out: Path,
    *,
    films: Mapping[str, pl.DataFrame] | None = None,
    command: str = "",
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Judge recipes on given folds, and on a global time split of each data set.

    Args:
        config: What is judged.
        histories: The feedback of each data set that is split by time.
        out: The JSON file, replaced whole; drawings are put beside it.
        films: What is known of the films of a data set, one row each, where anything is.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        MovieMlopsError: The folds cannot be used, or a data set cannot be split by time.
    """
    machine = machine_facts()
    bench = _Bench(config, out)
    cases = given_folds(config.folds) if config.folds else []
    found: dict[str, Any] = {"metric": _METRIC, "unbiased": _UNBIASED, "targets": [], "in time": []}
    with progress.task("Training and judging", bench.steps(len(cases), histories), "models") as advance:
        if config.folds:
            found["folds"] = bench.on_folds(config.folds, cases, advance)
            found["targets"] += bench.targets_on_folds(found["folds"])
        for name, feedback in histories.items():
            one = bench.in_time(name, feedback, (films or {}).get(name), advance)
            found["in time"].append(one)
            found["targets"] += bench.targets_in_time(one)
    return write_record(out, "quality", command, machine, found)


class _Known(NamedTuple):
    """What new users and their likes are taken from."""

    name: str
    feedback: pl.DataFrame
    films: pl.DataFrame | None


class _Bench:
    """What is judged, and where drawings go."""

    def __init__(self, config: QualityBenchConfig, out: Path) -> None:
        self._config, self._out = config, out
        self._on_folds = (*CHECKED, *config.recipes)

    def steps(self, folds: int, datasets: Collection[str]) -> int:
        """Return how many models are trained and judged."""
        curves = len(self._config.learning) if self._config.curves else 0
        on_folds = folds * len(self._on_folds) + (curves + self._parts(self._config.champion)) * bool(folds)
        in_time = [len(self._in_time(name)) + curves + self._parts(self._champion_of(name)) for name in datasets]
        return on_folds + sum(in_time)

    def on_folds(self, folder: Path, cases: Sequence[EvaluationCase], advance: Advance) -> Row:
        """Judge every recipe on every fold."""
        models: dict[str, Row] = {}
        pooled: dict[str, Scores] = {}
        for recipe in self._on_folds:
            judged: list[tuple[Scores, dict[str, float]]] = []
            try:
                for case in cases:
                    judged.append(_judged(recipe, case, self._config.patience))
                    advance(1)
            except _LeftOutError as error:
                models[recipe.name] = _left_out(recipe, error)
                advance(len(cases) - len(judged))
                continue
            pooled[recipe.name] = pool([scores for scores, _ in judged], f"{len(cases)} folds")
            models[recipe.name] = {
                **_row(recipe, pooled[recipe.name], pooled, _METRIC),
                "folds": [round(scores.mean(_METRIC), 4) for scores, _ in judged],
                "seconds": round(max(cost["seconds"] for _, cost in judged), 1),
                "peak_memory_mib": max(cost["peak_memory_mib"] for _, cost in judged),
            }
        found = {"folder": folder.name, "users": len(cases[0].user_ids), "models": models}
        champion = self._champion(self._config.champion, pooled, advance)
        known = _Known(folder.name, known_of_given_fold(folder, 0), None)
        return {**found, **self._parted(known, cases[0], champion, advance)}

    def in_time(self, dataset: str, feedback: pl.DataFrame, films: pl.DataFrame | None, advance: Advance) -> Row:
        """Judge every recipe on what comes after a moment, having learned from what came before."""
        case = time_split(feedback, self._config.time_split)
        if films is not None:
            [case] = with_content([case], films)
        models: dict[str, Row] = {}
        known: dict[str, Scores] = {}
        for recipe in self._in_time(dataset):
            try:
                known[recipe.name], cost = _judged(recipe, case, self._config.patience)
            except _LeftOutError as error:
                models[recipe.name] = _left_out(recipe, error)
                continue
            finally:
                advance(1)
            models[recipe.name] = {
                **_row(recipe, known[recipe.name], known, _METRIC),
                "unbiased": _figures(known[recipe.name], known, _UNBIASED),
                **cost,
            }
        champion = self._champion(self._champion_of(dataset), known, advance)
        found = {"dataset": dataset, "split": dict(case.facts), "models": models}
        return {**found, **self._parted(_Known(dataset, feedback, films), case, champion, advance)}

    def targets_on_folds(self, found: Row) -> list[Row]:
        """Hold the champion against what is aimed at."""
        name = self._config.champion
        best = found["models"].get(name)
        if best is None or "mean" not in best:
            return []
        return [
            at_least(f"{found['folder']}: {_METRIC}", self._config.folds_target, best["mean"]),
            at_most("seconds of training", self._config.seconds, best["seconds"]),
            at_most("peak memory, MiB", self._config.memory_mib, best["peak_memory_mib"]),
        ]

    def targets_in_time(self, found: Row) -> list[Row]:
        """Hold the champion against EASE and against popularity, by the plain metric and by the unbiased one."""
        name = self._champion_of(found["dataset"])
        best = found["models"].get(name)
        if best is None or "mean" not in best:
            return []
        targets = []
        for metric, figures in ((_METRIC, best), (_UNBIASED, best["unbiased"])):
            for rival, called in _RIVALS.items():
                least = self._config.times_ease if rival == EASE else 1.0
                what = f"{found['dataset']}: {metric} over that of {called}"
                target = at_least(what, least, figures[f"times_{rival}"])
                lead = figures[f"minus_{rival}"]
                targets.append({**target, "met": target["met"] and lead["low"] > 0, "model": name, "difference": lead})
        return targets

    def _parted(self, known: _Known, case: EvaluationCase, champion: Recipe | None, advance: Advance) -> Row:
        """Return what each like of a new user is worth, and what each part of the champion is."""
        found: Row = {}
        if self._config.curves:
            drawing = self._out.with_name(f"{self._out.stem}-learning-{known.name}.svg")
            found["learning curve"] = learned(known.feedback, known.films, self._config, drawing, advance)
        if champion is not None and self._parts(champion.name):
            drawing = self._out.with_name(f"{self._out.stem}-ablation-{known.name}.svg")
            found["ablation"] = ablated(champion, case, _METRIC, drawing, advance)
        return found

    def _in_time(self, dataset: str) -> tuple[Recipe, ...]:
        return (*BASELINES, *self._config.timed_recipes, *self._config.tuned.get(dataset, ()))

    def _champion_of(self, dataset: str) -> str | None:
        """Return what is held against targets on a data set: what did best in validation there, where anything did."""
        if dataset in self._config.champions:
            return self._config.champions[dataset]
        tuned = self._config.tuned.get(dataset)
        return tuned[0].name if tuned else self._config.timed_champion

    def _champion(self, name: str | None, judged: Mapping[str, Scores], advance: Advance) -> Recipe | None:
        """Return the champion; nothing, and its parts are done with, where it could not be judged."""
        if name in judged:
            return self._recipe(name)
        advance(self._parts(name))
        return None

    def _parts(self, champion: str | None) -> int:
        recipe = self._recipe(champion)
        return 0 if recipe is None or not self._config.curves else len(parts_of(recipe))

    def _recipe(self, name: str | None) -> Recipe | None:
        found = (recipe for recipes in self._config.tuned.values() for recipe in recipes)
        every = (*self._on_folds, *self._config.timed_recipes, *found)
        return next((one for one in every if one.name == name), None)


class _Patience:
    """Hears how far a training is, and ends it when it takes too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until = seconds, time.perf_counter() + seconds

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:  # noqa: ARG002
        """Listen to a task."""
        yield self._check

    def _check(self, _amount: float) -> None:
        if time.perf_counter() > self._until:
            raise _LeftOutError(f"its training was ended after {self._seconds:g} seconds", next_step="Give it more.")


class _LeftOutError(BenchError):
    """A recipe is not judged, and why."""


def _judged(recipe: Recipe, case: EvaluationCase, patience: float) -> tuple[Scores, dict[str, float]]:
    """Return what a recipe reached and what it cost.

    Raises:
        _LeftOutError: The library that trains it is not installed, or it takes too long.
    """
    model = create(recipe.model, recipe.params)
    reset_peak_memory()
    begun = time.perf_counter()
    try:
        model.fit(
            case.train,
            times=case.train_times,
            content=case.content,
            features=case_features(model, case),
            progress=_Patience(patience),
        )
    except LibraryMissingError as error:
        libraries = ", ".join(model.capabilities.libraries)
        raise _LeftOutError(f"it is trained by {libraries}", next_step=error.next_step) from error
    cost = {"seconds": round(time.perf_counter() - begun, 1), "peak_memory_mib": peak_memory_mib()}
    return evaluate(as_it_answers(model, case), case, model=recipe.name), cost


def _left_out(recipe: Recipe, error: _LeftOutError) -> Row:
    return {"model": recipe.model, "params": dict(recipe.params), "left_out": error.problem.rstrip(".")}


def _row(recipe: Recipe, scores: Scores, known: Mapping[str, Scores], metric: str) -> Row:
    return {
        "model": recipe.model,
        "params": dict(recipe.params),
        **_figures(scores, known, metric),
        "coverage@10": round(scores.lists["coverage@10"], 4),
    }


def _figures(scores: Scores, known: Mapping[str, Scores], metric: str) -> Row:
    """Return a metric with its interval, and beside what each rival that was judged so far reached."""
    interval = scores.summary()[metric]
    figures: Row = {
        "mean": round(interval.estimate, 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
    }
    for name in _RIVALS:
        rival = known.get(name)
        if rival is not None:
            lead = {part: round(value, 4) for part, value in asdict(compare(scores, rival, metric)).items()}
            base = rival.mean(metric)
            figures[f"times_{name}"] = round(scores.mean(metric) / base, 4) if base else None
            figures[f"minus_{name}"] = lead
    return figures
