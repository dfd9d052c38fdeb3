"""What a model must do whatever its scores are: behavioural tests on a sample of real users.

Invariance and directional expectation, as Ribeiro et al. (*Beyond Accuracy*, ACL 2020) call them: nothing may change
where nothing that matters changed, and what changes must change the right way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import EVENT_ID, EVENT_TIME, INGESTED_AT, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.evaluation import Films
from movie_mlops.features import FeedbackConfig, feedback
from movie_mlops.recommenders import Recommender, top_k
from movie_mlops.release.gates.audience import Audience
from movie_mlops.release.gates.config import BehaviourGate, BehaviourTest
from movie_mlops.release.gates.verdict import Check, unjudged

LENGTH: Final = 10
_CHOICES: Final = 20
_LOOKALIKES: Final = 10


@dataclass(frozen=True)
class Trial:
    """What the tests are made with.

    Attributes:
        model: Fitted.
        movie_ids: int64[items], ascending.
        films: Facts of the same films.
        audience: The sampled users.
        likes: int64[items]; how many of all users like each film.
        said: The interactions of the sampled users.
        feedback: What counts as liking.
    """

    model: Recommender
    movie_ids: NDArray[np.int64]
    films: Films
    audience: Audience
    likes: NDArray[np.int64]
    said: pl.DataFrame
    feedback: FeedbackConfig


Outcome = tuple[NDArray[np.bool_], str]
"""bool[n]: for whom it is as it must be; and what was tried, in words."""


def judge_behaviour(trial: Trial, config: BehaviourGate) -> list[Check]:
    """Run every behavioural test on the sampled users."""
    return [_judge(trial, test, config) for test in config.tests]


def _judge(trial: Trial, test: BehaviourTest, config: BehaviourGate) -> Check:
    name = f"behaviour-{test.name}"
    if len(trial.audience) < config.least_users:
        return unjudged(name, f"{test.name}: {len(trial.audience)} users are too few to try it on.")
    generator = np.random.default_rng(config.seed)
    holds, tried = _KINDS[test.kind](trial, test, generator)
    if holds.size < config.least_users:
        return unjudged(name, f"{test.name}: {tried}; that can be tried on {holds.size} users, which are too few.")
    share = 1.0 - float(holds.mean())
    passed = share <= test.tolerated
    sentence = (
        f"{test.name}: {tried}; so it was not for {share:.1%} of {holds.size} sampled users"
        f" ({test.tolerated:.1%} tolerated)."
    )
    return Check(name, passed, share, None, None, sentence, limit=test.tolerated)


def _adding_a_like(trial: Trial, test: BehaviourTest, generator: np.random.Generator) -> Outcome:
    assert test.genre is not None
    tried = f"one more liked {test.genre} film takes no {test.genre} film out of the list"
    of_genre = trial.films.of_genre(test.genre)
    favourites = of_genre[np.argsort(-trial.likes[of_genre], kind="stable")][:_CHOICES]
    favourites = favourites[trial.likes[favourites] > 0]
    if favourites.size == 0:
        return np.empty(0, dtype=np.bool_), tried
    met = trial.audience.seen[:, favourites].toarray() > 0
    users = np.flatnonzero(~met.all(axis=1))
    added = favourites[np.where(met[users], -1.0, generator.random((users.size, favourites.size))).argmax(axis=1)]
    group, one_more = trial.audience.take(users), _entries(added, trial.movie_ids.size)
    seen = group.seen + one_more
    before = _lists(trial.model, group.histories, seen)
    after = _lists(trial.model, group.histories + one_more, seen)
    is_genre = np.zeros(trial.movie_ids.size + 1, dtype=np.bool_)
    is_genre[of_genre] = True
    return is_genre[after].sum(axis=1) >= is_genre[before].sum(axis=1), tried


def _taking_a_like_back(trial: Trial, _test: BehaviourTest, generator: np.random.Generator) -> Outcome:
    tried = f"a dislike of a liked film brings no more of its {_LOOKALIKES} nearest films into the list"
    users = np.flatnonzero(np.diff(trial.audience.histories.indptr) > 1)
    if not trial.model.capabilities.similar or not users.size:
        return np.empty(0, dtype=np.bool_), tried
    group = trial.audience.take(users)
    taken = np.asarray([generator.choice(row.indices) for row in group.histories], dtype=np.int64)
    kept = group.histories.copy()
    kept.data[kept.indices == np.repeat(taken, np.diff(kept.indptr))] = 0.0
    before = _lists(trial.model, group.histories, group.seen)
    after = _lists(trial.model, kept, group.seen)
    holds = []
    for user, film in enumerate(taken):
        nearest, _ = trial.model.similar(int(film), _LOOKALIKES)
        holds.append(np.isin(after[user], nearest).sum() <= np.isin(before[user], nearest).sum())
    return np.asarray(holds, dtype=np.bool_), tried


def _order_of_history(trial: Trial, _test: BehaviourTest, generator: np.random.Generator) -> Outcome:
    histories, seen = trial.audience.histories, trial.audience.seen
    scores = np.empty(histories.shape, dtype=np.float32)
    for user in range(histories.shape[0]):
        row = slice(histories.indptr[user], histories.indptr[user + 1])
        order = generator.permutation(histories.indptr[user + 1] - histories.indptr[user])
        scores[user] = trial.model.score_one(histories.indices[row][order], histories.data[row][order])
    same = (top_k(scores, LENGTH, exclude=seen) == _lists(trial.model, histories, seen)).all(axis=1)
    return same, "the order of a history changes nothing"


def _like_twice(trial: Trial, _test: BehaviourTest, generator: np.random.Generator) -> Outcome:
    tried = "a like that is said twice changes nothing"
    once = feedback(trial.said.lazy(), trial.feedback).filter(pl.col(WEIGHT) > 0)
    chosen = once.sample(fraction=1.0, shuffle=True, seed=int(generator.integers(1 << 31))).unique(USER_ID, keep="any")
    liked = trial.said.join(chosen.select(USER_ID, MOVIE_ID), on=[USER_ID, MOVIE_ID])
    latest = liked.sort(EVENT_TIME, nulls_last=False).unique([USER_ID, MOVIE_ID], keep="last")
    again = latest.with_columns(
        (pl.col(EVENT_ID) + " again").alias(EVENT_ID),
        pl.col(EVENT_TIME) + timedelta(seconds=1),
        pl.col(INGESTED_AT) + timedelta(seconds=1),
    )
    twice = feedback(pl.concat([trial.said, again]).lazy(), trial.feedback)
    other = Audience.of(twice, trial.movie_ids)
    before = _lists(trial.model, trial.audience.histories, trial.audience.seen)
    if other.user_ids != trial.audience.user_ids:
        return np.zeros(len(trial.audience), dtype=np.bool_), tried
    return (_lists(trial.model, other.histories, other.seen) == before).all(axis=1), tried


_KINDS: Final[Mapping[str, Callable[[Trial, BehaviourTest, np.random.Generator], Outcome]]] = {
    "adding-a-like": _adding_a_like,
    "taking-a-like-back": _taking_a_like_back,
    "order-of-history": _order_of_history,
    "like-twice": _like_twice,
}


def _lists(model: Recommender, histories: sparse.csr_matrix, seen: sparse.csr_matrix) -> NDArray[np.int32]:
    return top_k(model.score(histories), LENGTH, exclude=seen)


def _entries(items: NDArray[np.int64], n_items: int) -> sparse.csr_matrix:
    """Return csr[n, items] with one entry of weight 1 in each row."""
    ones = np.ones(items.size, dtype=np.float32)
    return sparse.csr_matrix((ones, items, np.arange(items.size + 1)), shape=(items.size, n_items))
