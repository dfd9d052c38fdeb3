"""Judging one fitted model on one case: full rankings, block by block."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import metrics
from movie_mlops.evaluation.case import EvaluationCase, Scorer, entry_keys
from movie_mlops.evaluation.config import EvaluationConfig
from movie_mlops.evaluation.distances import miscalibration
from movie_mlops.evaluation.errors import EvaluationError
from movie_mlops.evaluation.films import Films
from movie_mlops.evaluation.scores import Scores
from movie_mlops.recommenders import NO_ITEM, top_k


def evaluate(
    recommender: Scorer,
    case: EvaluationCase,
    config: EvaluationConfig | None = None,
    *,
    model: str | None = None,
    films: Films | None = None,
    sliced: str = "ndcg@10",
    progress: Progress = SILENT,
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
    ranking = _rank(recommender, case, config, name, progress)
    hits = _hits(ranking, case.held_out)
    held_out = np.diff(case.held_out.indptr).astype(np.int64)
    popularity = np.bincount(case.train.indices, minlength=case.train.shape[1]).astype(np.int64)
    per_user: dict[str, NDArray[np.float64]] = {}
    lists: dict[str, float] = {}
    for k in config.cutoffs:
        for metric, measure in metrics.PER_USER.items():
            per_user[f"{metric}@{k}"] = measure(hits[:, :k], held_out)
        shown = ranking[:, :k]
        exposure = np.bincount(shown[shown != NO_ITEM], minlength=popularity.size).astype(np.int64)
        lists[f"coverage@{k}"] = metrics.coverage(exposure)
        lists[f"novelty@{k}"] = metrics.novelty(exposure, popularity, case.train.shape[0])
        lists[f"gini@{k}"] = metrics.gini(exposure)
    return Scores(
        model=name,
        case=case.name,
        user_ids=case.user_ids,
        per_user=per_user,
        lists=lists,
        history_sizes=np.diff(case.histories.indptr).astype(np.int64),
        config=config,
        slices={} if films is None else _slices(ranking, hits, case, films.slices(popularity), sliced),
        miscalibration=None if films is None else _miscalibration(ranking, case, films),
    )


def _slices(
    ranking: NDArray[np.int32],
    hits: NDArray[np.bool_],
    case: EvaluationCase,
    members: Mapping[str, NDArray[np.bool_]],
    sliced: str,
) -> dict[str, NDArray[np.float64]]:
    metric, _, cutoff = sliced.partition("@")
    measure, k = metrics.PER_USER[metric], int(cutoff)
    users = np.repeat(np.arange(len(case.user_ids)), np.diff(case.held_out.indptr))
    found = {}
    for name, member in members.items():
        held_out = np.bincount(users[member[case.held_out.indices]], minlength=len(case.user_ids)).astype(np.int64)
        asked = held_out > 0
        values = np.full(held_out.size, np.nan)
        # A place without an item is no hit, whatever the last item is a member of.
        values[asked] = measure((hits & member[ranking])[asked, :k], held_out[asked])
        found[name] = values
    return found


def _miscalibration(ranking: NDArray[np.int32], case: EvaluationCase, films: Films) -> NDArray[np.float64]:
    shares = films.shares()
    rows, places = np.nonzero(ranking != NO_ITEM)
    ones = np.ones(rows.size, dtype=np.float32)
    lists = sparse.csr_matrix((ones, (rows, ranking[rows, places])), shape=case.histories.shape)
    return miscalibration((case.histories.maximum(0) @ shares).toarray(), (lists @ shares).toarray())


def _rank(
    recommender: Scorer, case: EvaluationCase, config: EvaluationConfig, name: str, progress: Progress
) -> NDArray[np.int32]:
    users, items = case.histories.shape
    block = max(1, config.block_scores // max(1, items))
    ranking = np.empty((users, max(config.cutoffs)), dtype=np.int32)
    with progress.task(f"Evaluating {name}", total=users, unit="users") as advance:
        for start in range(0, users, block):
            stop = min(start + block, users)
            scores = recommender.score(case.histories[start:stop], times=_times(case, start, stop))
            if scores.shape != (stop - start, items):
                raise EvaluationError(
                    f"{name!r} gave scores of the shape {scores.shape} instead of {(stop - start, items)}.",
                    next_step="Fit it on this case's training matrix before it is evaluated.",
                )
            ranking[start:stop] = top_k(scores, ranking.shape[1], exclude=case.seen[start:stop])
            advance(stop - start)
    return ranking


def _times(case: EvaluationCase, start: int, stop: int) -> NDArray[np.int64] | None:
    if case.history_times is None:
        return None
    return case.history_times[case.histories.indptr[start] : case.histories.indptr[stop]]


def _hits(ranking: NDArray[np.int32], held_out: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Return bool[m, k]: whether each recommended item was held out for its user."""
    users, items = held_out.shape
    keys = np.arange(users, dtype=np.int64)[:, None] * items + ranking
    return np.asarray(np.isin(keys, entry_keys(held_out)) & (ranking != NO_ITEM), dtype=np.bool_)
