"""How fast models are judged by full ranking, beside RecTools and ranx in an environment of their own."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.bench import evaluate_rival
from movie_mlops.bench.config import EvaluateBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.own_environment import run_there
from movie_mlops.bench.record import write_record
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, Scores, evaluate
from movie_mlops.recommenders import top_k

_PATIENCE_SECONDS: Final = 900
RIVALS: Final = ("rectools", "ranx")
_EQUAL: Final = 1e-9


def bench_evaluate(
    config: EvaluateBenchConfig,
    out: Path,
    *,
    command: str = "",
    rivals: Sequence[str] = RIVALS,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Measure the way from one matrix of scores to the metrics at every cut-off; write a file.

    Everybody does the same job: mask what a user knows, find the best films of each user among all, and take nDCG,
    Recall, MAP, precision, hit rate and MRR at every cut-off. We are timed through ``evaluate``, which takes our
    unbiased and list metrics beside. The rivals take lists: for them the lists are made by ``numpy.argpartition``, a
    block of rows at a time, and what each part took is told apart, so that theirs can be held beside our own lists too
    (``with our lists``). ranx compiles itself before the clock starts.

    Their Recall and MAP divide by all that is held out, ours by ``min(k, held out)``: for the comparison of figures
    both are counted their way.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        rivals: Whom to measure beside.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A rival fails, or its figures are not ours.
    """
    machine = machine_facts()
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        folder = Path(name)
        case, scores = _made_up(config)
        runs = [_ours(case, scores, config, progress)]
        lists = top_k(scores, max(config.cutoffs), exclude=case.seen)
        _write(folder, case, scores, config.cutoffs)
        del scores
        theirs = _their_way(runs[0].pop("scores"), np.diff(case.held_out.indptr))
        skipped = []
        for rival in rivals:
            with progress.task(f"Judging by {rival}"):
                try:
                    found = run_rival(config.rivals_python, "time", folder, rival, str(config.repeats))
                except BenchError as error:
                    skipped.append({"name": rival, "reason": str(error)})
                    continue
            if (np.load(folder / "rival-lists.npy") != lists).any():
                raise BenchError(f"The lists for {rival} are not ours.", next_step="Report this: the ranking is wrong.")
            runs.append(_judged(rival, found, theirs))
    return write_record(
        out,
        "evaluate",
        command,
        machine,
        {
            "setup": {
                "users": config.users,
                "films": config.films,
                "known_per_user": config.known,
                "held_out_per_user": config.held_out,
                "cutoffs": list(config.cutoffs),
                "repeats": config.repeats,
                "seed": config.seed,
            },
            "runs": runs,
            "skipped": skipped,
            "targets": _targets(runs, config.times_faster),
        },
    )


def run_rival(python: Path | None, work: str, place: Path, rival: str, *more: str) -> dict[str, Any]:
    """Return what ``evaluate_rival.py`` printed.

    Args:
        python: The Python of the environment; ``None`` where there is none.
        work: ``time`` or ``judge``.
        place: The folder or the file with the data.
        rival: ``rectools`` or ``ranx``.
        more: Further words of the command.

    Raises:
        BenchError: There is no such Python, the rival fails, or it takes too long.
    """
    next_step = "Make its environment with scripts/setup/setup_rivals.sh, and name its Python with --rivals-python."
    if python is None:
        raise BenchError("There is no Python with RecTools and ranx.", next_step=next_step)
    words = [work, str(place), rival, *more]
    return run_there(
        python, evaluate_rival.__file__, words, name=rival, next_step=next_step, patience_seconds=_PATIENCE_SECONDS
    )


class _Given:
    """A model whose scores are there already."""

    name = "given"

    def __init__(self, scores: NDArray[np.float32]) -> None:
        self._scores = scores
        self._at = 0

    def score(
        self,
        histories: sparse.csr_matrix,
        *,
        times: NDArray[np.int64] | None = None,  # noqa: ARG002 (the port)
    ) -> NDArray[np.float32]:
        start, self._at = self._at, self._at + histories.shape[0]
        return self._scores[start : self._at]


def _made_up(config: EvaluateBenchConfig) -> tuple[EvaluationCase, NDArray[np.float32]]:
    """Return a case with a long tail, and scores that find some of what is held out; no two scores of a user tie."""
    chance = np.random.default_rng(config.seed)
    weights = 1.0 / np.arange(1, config.films + 1) ** 0.7

    def films(many: int) -> sparse.csr_matrix:
        drawn = chance.choice(config.films, size=config.users * many, p=weights / weights.sum())
        pointers = np.arange(config.users + 1) * many
        matrix = sparse.csr_matrix(
            (np.ones(drawn.size, np.float32), drawn.astype(np.int32), pointers), shape=(config.users, config.films)
        )
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    known, wanted = films(config.known), films(config.held_out)
    wanted = sparse.csr_matrix(wanted - wanted.multiply(known))
    wanted.eliminate_zeros()
    kept = np.diff(wanted.indptr) > 0
    known, wanted = known[kept], wanted[kept]
    scores = chance.standard_normal(known.shape, dtype=np.float32)
    scores += np.log(weights).astype(np.float32)
    scores[wanted.nonzero()] += 4.0
    case = EvaluationCase(
        name="bench",
        train=known,
        train_times=None,
        histories=known,
        seen=known,
        held_out=wanted,
        user_ids=[str(user) for user in range(known.shape[0])],
        movie_ids=np.arange(config.films),
    )
    return case, scores


def _ours(
    case: EvaluationCase, scores: NDArray[np.float32], config: EvaluateBenchConfig, progress: Progress
) -> dict[str, Any]:
    measured = EvaluationConfig(cutoffs=config.cutoffs)
    seconds, ranking = [], []
    evaluate(_Given(scores[:1]), _first_user(case), measured)
    with progress.task("Judging", total=config.repeats) as advance:
        for _ in range(config.repeats):
            started = time.perf_counter()
            top_k(scores, max(config.cutoffs), exclude=case.seen)
            ranking.append(round(time.perf_counter() - started, 4))
            started = time.perf_counter()
            found = evaluate(_Given(scores), case, measured)
            seconds.append(round(time.perf_counter() - started, 4))
            advance(1)
    return {
        "name": "movie-mlops",
        "seconds": seconds,
        "median_seconds": round(median(seconds), 4),
        "of_that_ranking": round(median(ranking), 4),
        "scores": found,
    }


def _first_user(case: EvaluationCase) -> EvaluationCase:
    parts = {name: getattr(case, name)[:1] for name in ("histories", "seen", "held_out")}
    return EvaluationCase(**{**vars(case), **parts, "user_ids": case.user_ids[:1]})


def _write(folder: Path, case: EvaluationCase, scores: NDArray[np.float32], cutoffs: tuple[int, ...]) -> None:
    np.save(folder / "scores.npy", scores)
    sparse.save_npz(folder / "seen.npz", case.seen, compressed=False)
    sparse.save_npz(folder / "held_out.npz", case.held_out, compressed=False)
    (folder / "cutoffs.json").write_text(json.dumps(list(cutoffs)), encoding="utf-8")


def their_way(metric: str, values: NDArray[np.float64], held_out: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return our values of a metric as RecTools and ranx define it.

    Args:
        metric: Its name with the cut-off.
        values: float64[m].
        held_out: int64[m]; how many items were held out.
    """
    name, _, cutoff = metric.partition("@")
    if name not in {"recall", "map"}:
        return values
    return np.asarray(values * np.minimum(held_out, int(cutoff)) / held_out, dtype=np.float64)


def _their_way(scores: Scores, held_out: NDArray[np.int64]) -> dict[str, float]:
    shared = [name for name in scores.per_user if name.partition("@")[0] in evaluate_rival.METRICS]
    return {name: float(their_way(name, scores.values(name), held_out).mean()) for name in shared}


def _judged(rival: str, found: dict[str, Any], ours: dict[str, float]) -> dict[str, Any]:
    apart = {name: abs(found["figures"][name] - value) for name, value in ours.items()}
    worst = max(apart, key=lambda name: apart[name])
    if apart[worst] > _EQUAL:
        raise BenchError(
            f"{rival} says {found['figures'][worst]} for {worst}, we say {ours[worst]}.",
            next_step="Report this: one of the two is wrong.",
        )
    ranking, judging = found["ranking_seconds"], found["judging_seconds"]
    seconds = [round(one + other, 4) for one, other in zip(ranking, judging, strict=True)]
    return {
        "name": f"{rival} {found['version']}",
        "seconds": seconds,
        "median_seconds": round(median(seconds), 4),
        "of_that_ranking": round(median(ranking), 4),
        "figures": found["figures"],
        "largest_difference_of_a_figure": apart[worst],
    }


def _targets(runs: list[dict[str, Any]], limit: float) -> list[dict[str, Any]]:
    ours = runs[0]
    return [
        {
            "what": "from scores to metrics",
            "rival": rival["name"],
            "limit": limit,
            "measured": (ratio := round(rival["median_seconds"] / ours["median_seconds"], 2)),
            "with_our_lists": round(
                (rival["median_seconds"] - rival["of_that_ranking"] + ours["of_that_ranking"]) / ours["median_seconds"],
                2,
            ),
            "met": ratio >= limit,
        }
        for rival in runs[1:]
    ]
