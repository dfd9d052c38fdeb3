"""Judging one fitted model on one case: full rankings, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation.case import EvaluationCase, Scorer
from movie_mlops.evaluation.config import EvaluationConfig
from movie_mlops.evaluation.distances import miscalibration
from movie_mlops.evaluation.errors import EvaluationError
from movie_mlops.evaluation.films import Films
from movie_mlops.evaluation.lists import Lists
from movie_mlops.evaluation.scores import Scores
from movie_mlops.recommenders import top_k

_FIRST: Final = 8


def evaluate(
    recommender: Scorer,
    case: EvaluationCase,
    config: EvaluationConfig | None = None,
    *,
    model: str | None = None,
    films: Films | None = None,
    sliced: str = "ndcg@10",
    progress: Progress = SILENT,
    engine: Engine = HERE,
) -> Scores:
    """Judge a fitted model: every item is ranked for every user, what the user knows is masked, and lists are scored.

    Args:
        recommender: Fitted on ``case.train``.
        case: The split.
        config: What to measure; by default lists of ten.
        model: Name in the results; by default the recommender's own ``name``.
        films: Facts of the case's films; with them the slices and the calibration of the lists are measured too.
        sliced: The per-user metric that is taken on each slice of the films.
        progress: Told of each user.
        engine: Where the items are ranked, some users at a time; the lists are measured here.

    Raises:
        EvaluationError: The case has nobody to judge, or the model gives scores of another shape.
    """
    config = config or EvaluationConfig()
    if not case.user_ids:
        raise EvaluationError(
            f"The evaluation case {case.name!r} has no user with something held out.",
            next_step="Use more feedback, a greater test share, or another protocol.",
        )
    name = model or str(getattr(recommender, "name", type(recommender).__name__))
    popularity = np.bincount(case.train.indices, minlength=case.histories.shape[1]).astype(np.float32)
    judged = _Judged(recommender, name, popularity, case.candidates, max(config.cutoffs))
    lists = Lists(_rank(judged, case, config, progress, engine), case, config.propensity_power)
    of_all: dict[str, float] = {}
    for k in config.cutoffs:
        of_all |= lists.of_all(k, films)
    apart = None if films is None else _miscalibration(lists, films)
    if apart is not None and np.isfinite(apart).any():
        of_all[f"miscalibration@{max(config.cutoffs)}"] = float(np.nanmean(apart))
    return Scores(
        model=name,
        case=case.name,
        user_ids=case.user_ids,
        per_user={measured: lists.measure(*_parts(measured)) for measured in config.metrics},
        lists=of_all,
        history_sizes=np.diff(case.histories.indptr).astype(np.int64),
        config=config,
        slices={} if films is None else _slices(lists, films, sliced),
        miscalibration=apart,
    )


def _parts(metric: str) -> tuple[str, int]:
    name, _, cutoff = metric.partition("@")
    return name, int(cutoff)


def _slices(lists: Lists, films: Films, sliced: str) -> dict[str, NDArray[np.float64]]:
    metric, k = _parts(sliced)
    return {name: lists.measure(metric, k, member) for name, member in films.slices(lists.popularity).items()}


def _miscalibration(lists: Lists, films: Films) -> NDArray[np.float64]:
    shares = films.shares()
    return miscalibration((lists.case.histories.maximum(0) @ shares).toarray(), (lists.matrix() @ shares).toarray())


@dataclass(frozen=True)
class _Judged:
    """What is the same for all users: the model, what may be in a list, and how long it is."""

    recommender: Scorer
    name: str
    popularity: NDArray[np.float32]
    candidates: NDArray[np.bool_] | None
    length: int


@dataclass(frozen=True)
class _Users:
    """Some users: what the model is shown of them, and what is not recommended again."""

    histories: sparse.csr_matrix
    times: NDArray[np.int64] | None
    traits: sparse.csr_matrix | None
    seen: sparse.csr_matrix


def _rank(
    judged: _Judged, case: EvaluationCase, config: EvaluationConfig, progress: Progress, engine: Engine
) -> NDArray[np.int32]:
    users, items = case.histories.shape
    block = max(1, config.block_scores // max(1, items))
    ranking = np.empty((users, judged.length), dtype=np.int32)
    start = 0
    with progress.task(f"Evaluating {judged.name}", total=users, unit="users") as advance:
        for ranked in engine.each(_ranked, judged, _blocks(case, block)):
            ranking[start : start + len(ranked)] = ranked
            start += len(ranked)
            advance(len(ranked))
    return ranking


def _blocks(case: EvaluationCase, size: int) -> Iterator[_Users]:
    users = case.histories.shape[0]
    for start in range(0, users, size):
        stop = min(start + size, users)
        yield _Users(
            case.histories[start:stop],
            _times(case, start, stop),
            None if case.traits is None else case.traits[start:stop],
            case.seen[start:stop],
        )


def _ranked(judged: _Judged, users: _Users) -> NDArray[np.int32]:
    """Return the best items of some users."""
    # Whoever is never judged on traits need not take any.
    known: dict[str, Any] = {} if users.traits is None else {"traits": users.traits}
    scores = judged.recommender.score(users.histories, times=users.times, **known)
    if scores.shape != users.histories.shape:
        raise EvaluationError(
            f"{judged.name!r} gave scores of the shape {scores.shape} instead of {users.histories.shape}.",
            next_step="Fit it on this case's training matrix before it is evaluated.",
        )
    scores = _popular_where_untold(scores, judged.popularity)
    if judged.candidates is not None:
        scores = np.where(judged.candidates, scores, np.float32(-np.inf))
    return top_k(scores, judged.length, exclude=users.seen)


def _popular_where_untold(scores: NDArray[np.float32], popularity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scores, and where all films are equal how popular each is: so the API answers, and so it is judged."""
    # Most rows differ in their first films already: the others alone are looked through.
    untold = np.flatnonzero((scores[:, :_FIRST] == scores[:, :1]).all(axis=1))
    untold = untold[(scores[untold] == scores[untold, :1]).all(axis=1)]
    if len(untold):
        scores = scores.copy()
        scores[untold] = popularity
    return scores


def _times(case: EvaluationCase, start: int, stop: int) -> NDArray[np.int64] | None:
    if case.history_times is None:
        return None
    return case.history_times[case.histories.indptr[start] : case.histories.indptr[stop]]
