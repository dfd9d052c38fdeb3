"""How fast a factor model's best films are found among millions, beside scoring every one of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.retrieval_training import train_linear
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.recommenders import Recommender, restore
from movie_mlops.recommenders.rounded import RoundedVectors
from movie_mlops.recommenders.strongest import strongest

_TASTES: Final = 400
_HISTORY: Final = 30
_OF_TASTES: Final = 3
_AT_ONCE: Final = 100_000
_GIGABYTE: Final = 10**9
_LONG_TAIL: Final = "long tail"
_ALIKE: Final = "all equally long"
_FILTERS: Final = {"all films": 1.0, "one film in ten": 0.1, "one film in a thousand": 0.001}

Find = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""Finds the best films for a history."""


@dataclass(frozen=True)
class RetrievalBenchConfig:
    """The benchmark of finding the best films.

    Attributes:
        films: How many films there are.
        factors: Length of their vectors.
        queries: For how many histories the best films are found.
        k: How many.
        seed: Of everything that is made up.
        linear_films: On likes of how many films sparse-ease is trained; 0 for no training.
        linear_likes: How many likes these are.
        recall: The target for the share of the exact best films that are found.
        milliseconds: The target for the median time where most films have few likes and none is filtered out.
        gigabytes: The target for the memory of that training, at its peak.

    Raises:
        BenchError: A number is out of range.
    """

    films: int = 2_000_000
    factors: int = 128
    queries: int = 100
    k: int = 100
    seed: int = 0
    linear_films: int = 200_000
    linear_likes: int = 8_000_000
    recall: float = 0.98
    milliseconds: float = 5.0
    gigabytes: float = 8.0

    def __post_init__(self) -> None:
        for name in ("films", "factors", "queries", "k", "linear_likes"):
            if getattr(self, name) < 1:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
        if self.films < _TASTES + self.k + _HISTORY:
            raise BenchError(
                f"Lists of {self.k:,} films for {_TASTES} tastes cannot be found among {self.films:,}.",
                next_step="Give more films, or shorter lists.",
            )


def bench_retrieval(
    config: RetrievalBenchConfig, out: Path, *, command: str, progress: Progress = SILENT
) -> dict[str, Any]:
    """Find the best films of made-up factor models in one thread, train a linear one of many films, and write a file.

    One model has vectors as training leaves them, short where a film has few likes; in the other all are equally long,
    which is the worst case for a search that leaves out the short ones. Each history is solved for, the best films are
    found, and the same by scoring every film, in turn; a share of the films at random passes a filter, or all do. All
    histories of a run have the same filter: the first time, with nothing prepared for it, is told apart.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.
    """
    machine = machine_facts()
    runs: list[dict[str, Any]] = []
    prepared = {}
    with progress.task("Finding films", 2 * len(_FILTERS), "runs") as advance:
        for lengths in (_LONG_TAIL, _ALIKE):
            chance = np.random.default_rng(config.seed)
            factors, likes, tastes = _made_up(config, lengths == _LONG_TAIL, chance)
            prepared[lengths] = _prepare(factors)
            model = _model(factors)
            del factors
            histories = [_history(likes, tastes, chance) for _ in range(config.queries)]
            for name, share in _FILTERS.items():
                passing = chance.random(config.films) < share if share < 1 else None
                if passing is None or np.count_nonzero(passing) - _HISTORY >= config.k:
                    runs += _compare(model, histories, passing, config.k, {"lengths": lengths, "passing": name})
                advance(1)
            del model
    main = next(run for run in runs if run["by"] == "movie-mlops")
    linear = _linear(config)
    found = {
        "setup": {
            "films": config.films,
            "factors": config.factors,
            "histories": config.queries,
            "films_of_a_history": _HISTORY,
            "k": config.k,
            "seed": config.seed,
            "threads": 1,
        },
        "prepared": prepared,
        "runs": runs,
        "linear": linear,
        "targets": [
            at_least(f"recall of the best {config.k}, worst run", config.recall, _worst(runs)),
            at_most("long tail, all films, p50, milliseconds", config.milliseconds, main["milliseconds"]["p50"]),
            *([] if linear is None else [_fits(linear, config.gigabytes)]),
        ],
    }
    return write_record(out, "retrieval", command, machine, found)


def _linear(config: RetrievalBenchConfig) -> dict[str, Any] | None:
    if not config.linear_films:
        return None
    return train_linear(config.linear_films, config.linear_likes, config.seed, int(config.gigabytes * _GIGABYTE))


def _fits(linear: dict[str, Any], gigabytes: float) -> dict[str, Any]:
    peak = linear["sparse-ease"]["peak_memory_mib"] * 2**20 / _GIGABYTE
    return at_most(f"sparse-ease, {linear['films']:,} films, peak memory, GB", gigabytes, round(peak, 2))


def _made_up(
    config: RetrievalBenchConfig, long_tail: bool, chance: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]:
    """Return vectors, likes and tastes of films: likes fall as a power of the rank, and lengths follow them.

    From one like to a thousand, lengths grow about as those that iALS learns of MovieLens 1M do; past that no more.
    """
    n, d = config.films, config.factors
    likes = 1 + 3 * np.sqrt(n) * 200 * (chance.permutation(n) + 20.0) ** -0.9
    lengths = (likes / (likes + 500)) ** 0.7 * chance.lognormal(0, 0.25, n) if long_tail else np.ones(n)
    spectrum = (1 + np.arange(d, dtype=np.float32)) ** np.float32(-0.35)
    centres = _unit(chance.standard_normal((_TASTES, d), np.float32) * spectrum)
    tastes = chance.integers(0, _TASTES, n)
    factors = np.empty((n, d), np.float32)
    for start in range(0, n, _AT_ONCE):
        some = slice(start, min(start + _AT_ONCE, n))
        own = _unit(chance.standard_normal((some.stop - start, d), np.float32) * spectrum)
        mixed = np.float32(0.6) * centres[tastes[some]] + np.float32(0.7) * own
        mixed[:, 0] += np.float32(0.5)  # what everybody likes
        factors[some] = (mixed if long_tail else _unit(mixed)) * lengths[some, np.newaxis].astype(np.float32)
    return factors, likes, tastes


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _history(likes: NDArray[np.float64], tastes: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """Return films of a few tastes, the much liked ones more often."""
    mine = np.flatnonzero(np.isin(tastes, chance.choice(_TASTES, _OF_TASTES, replace=False)))
    # The largest of log(weight) + Gumbel noise: a draw without replacement in proportion to the weights.
    drawn = np.log(likes[mine]) + chance.gumbel(size=len(mine))
    return mine[np.argsort(-drawn)[:_HISTORY]]


def _prepare(factors: NDArray[np.float32]) -> dict[str, float]:
    began = time.perf_counter()
    rounded = RoundedVectors(factors)
    seconds = time.perf_counter() - began
    mib = 2**20
    return {
        "build_seconds": round(seconds, 2),
        "mib": round(rounded.nbytes / mib),
        "factors_mib": round(factors.nbytes / mib),
    }


def _model(factors: NDArray[np.float32]) -> Recommender:
    n, d = factors.shape
    arrays: dict[str, NDArray[Any]] = {
        "n_items": np.array([n], np.int64),
        "known_items": np.arange(n, dtype=np.int32),
        "item_factors": factors,
    }
    return restore("ials", {"factors": d}, arrays)


def _compare(
    model: Recommender,
    histories: list[NDArray[np.int64]],
    passing: NDArray[np.bool_] | None,
    k: int,
    run: dict[str, Any],
) -> list[dict[str, Any]]:
    def quickly(history: NDArray[np.int64]) -> NDArray[np.int64]:
        return model.best(history, np.ones(len(history), np.float32), k, without=history, among=passing).items

    def plainly(history: NDArray[np.int64]) -> NDArray[np.int64]:
        scores = model.score_one(history, np.ones(len(history), np.float32))
        scores[history] = -np.inf
        return strongest(scores if passing is None else np.where(passing, scores, np.float32(-np.inf)), k)

    ways: dict[str, Find] = {"movie-mlops": quickly, "every film scored": plainly}
    samples = {name: np.empty((2, len(histories))) for name in ways}
    shares = np.empty(len(histories))
    first = {}
    for name, find in ways.items():
        began = time.perf_counter()
        find(histories[0])
        first[name] = round((time.perf_counter() - began) * 1000, 3)
    for place, history in enumerate(histories):
        lists = []
        for name, find in ways.items():
            began, worked = time.perf_counter(), time.thread_time()
            lists.append(find(history))
            samples[name][:, place] = time.perf_counter() - began, time.thread_time() - worked
        shares[place] = np.isin(lists[1], lists[0]).mean()
    recalls = {"movie-mlops": shares.mean(), "every film scored": 1.0}
    return [
        {
            **run,
            "by": name,
            "milliseconds": summary(samples[name][0] * 1000),
            "first_milliseconds": first[name],
            "cpu_milliseconds": summary(samples[name][1] * 1000),
            "recall": round(float(recalls[name]), 5),
        }
        for name in ways
    ]


def _worst(runs: list[dict[str, Any]]) -> float:
    return min(float(run["recall"]) for run in runs)
