"""Traits of users: what is expected of somebody of whom few likes are known."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import (
    NAMES,
    HistoryError,
    MatrixError,
    MemoryNeededError,
    ParameterError,
    Recommender,
    UnsupportedError,
    create,
    restore,
)
from tests.fixtures.stage_5.models import parameters

N_USERS, N_ITEMS = 120, 20
MEMBERS = [{"model": "ease", "params": {"regularisation": 5}}]
PARAMS: dict[str, dict[str, Any]] = {
    "blend": {"members": MEMBERS, "expectation": 2.0, "trait_regularisation": 5},
    "rerank": {
        "members": MEMBERS,
        "expectation": 2.0,
        "trait_regularisation": 5,
        "trees": 3,
        "leaves": 4,
        "least": 2,
        "candidates": 6,
    },
}
SMALL = {"sasrec": {"epochs": 1}, "vae": {"epochs": 1, "hidden": 4, "factors": 2}}


def world() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Users of two kinds, who like the even or the odd films more; a third trait says nothing. Some have no trait."""
    rng = np.random.default_rng(4)
    kind = np.arange(N_USERS) % 2
    fits = np.arange(N_ITEMS) % 2 == kind[:, np.newaxis]
    likes = (rng.random(fits.shape) < np.where(fits, 0.5, 0.15)).astype(np.float32)
    traits = np.stack([kind == 0, kind == 1, rng.random(N_USERS) < 0.5], axis=1).astype(np.float32)
    traits[:6] = 0
    return sparse.csr_matrix(likes), sparse.csr_matrix(traits)


def trained(name: str = "blend", *, told: bool = True, **params: Any) -> Recommender:
    likes, traits = world()
    recommender = create(name, {**PARAMS[name], **params})
    recommender.fit(likes, traits=traits if told else None)
    return recommender


@pytest.mark.parametrize("name", PARAMS)
def test_who_likes_nothing_yet_gets_what_people_like_them_like(name: str) -> None:
    """Without a like the films of the trait's kind are on top; without a like and a trait nothing is said of any."""
    recommender = trained(name)
    for kind in (0, 1):
        scores = recommender.score_one([], [], traits=np.eye(3)[kind])
        assert set(np.argsort(-scores)[:8] % 2) == {kind}
    assert not recommender.score_one([], []).any()
    assert not recommender.score_one([], [], traits=[0, 0, 0]).any()


@pytest.mark.parametrize("name", PARAMS)
def test_one_user_scores_as_in_a_batch_and_after_restoring(name: str) -> None:
    """`score_one` and `score` agree with traits and without; what was restored says the same."""
    (likes, traits), recommender = world(), trained(name)
    again = restore(name, PARAMS[name], {key: array.copy() for key, array in recommender.arrays().items()})
    some = sparse.csr_matrix(likes[:12].toarray() * (np.arange(12)[:, np.newaxis] % 4 > 0))
    for known in (None, traits[:12]):
        scores = recommender.score(some, traits=known)
        np.testing.assert_array_equal(again.score(some, traits=known), scores)
        for user in range(12):
            row = some[user]
            one = recommender.score_one(
                row.indices, row.data, traits=None if known is None else known[user].toarray()[0]
            )
            np.testing.assert_allclose(one, scores[user], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("traits", [None, [0, 1, 0]])
def test_the_best_films_are_those_of_all_scores(name: str, traits: list[int] | None) -> None:
    """`best` finds what `score_one` ranks first with the same traits, and shares it out as `explain_many` does."""
    recommender = trained(name)
    for items in ([], [2, 7]):
        weights, without = np.ones(len(items)), np.array(items, np.int64)
        found = recommender.best(items, weights, 4, without=without, traits=traits, explain=True)
        scores = recommender.score_one(items, weights, traits=traits)
        scores[items] = -np.inf
        np.testing.assert_array_equal(found.items, np.argsort(-scores, kind="stable")[:4])
        assert found.contributions is not None
        told = recommender.explain_many(items, weights, found.items.tolist(), traits=traits)
        np.testing.assert_allclose(found.contributions, told, rtol=1e-4, atol=1e-6)


def test_what_is_expected_loses_weight_with_each_like() -> None:
    """Beside what its members say, a trait moves the scores of n likes by n^-1.5 of what it moves those of one."""
    recommender = trained()

    def moved(n: int) -> np.ndarray:
        items = np.arange(n)
        told = [recommender.score_one(items, np.ones(n), traits=np.eye(3)[kind]) for kind in (0, 1)]
        return told[0] - told[1]

    assert np.abs(moved(1)).max() > 0.5
    for n in (4, 9):
        np.testing.assert_allclose(moved(n), moved(1) / n**1.5, rtol=1e-3, atol=1e-4)


def test_a_user_of_whom_nothing_is_known_is_taken_for_anybody() -> None:
    """With a like and no trait, what everybody likes counts: also where others are told with traits."""
    likes, _ = world()
    recommender = trained()
    popular = np.bincount(likes.indices, minlength=N_ITEMS)
    plain = create("blend", {"members": MEMBERS})
    plain.fit(likes)
    added = recommender.score_one([3], [1]) - plain.score_one([3], [1])
    assert np.corrcoef(added, popular)[0, 1] > 0.999
    np.testing.assert_allclose(recommender.score_one([3], [1], traits=[0, 0, 0]), recommender.score_one([3], [1]))


def test_it_is_off_unless_asked_for() -> None:
    """A blend does not read traits by default: it learns the same bytes with them, and scores the same."""
    likes, traits = world()
    plain, given = create("blend", {"members": MEMBERS}), create("blend", {"members": MEMBERS})
    plain.fit(likes)
    given.fit(likes, traits=traits)
    assert not given.capabilities.reads_traits
    assert trained().capabilities.reads_traits
    assert plain.arrays().keys() == given.arrays().keys()
    np.testing.assert_array_equal(given.score(likes, traits=traits), plain.score(likes))
    with pytest.raises(UnsupportedError):
        given.explain_traits([0], [1], 2, [1, 0, 0])


@pytest.mark.parametrize("name", parameters(NAMES))
def test_who_does_not_read_traits_learns_the_same_bytes(name: str) -> None:
    """Traits change nothing in what the models learn by default: their bundles stay as they are."""
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], np.float32))
    without, given = create(name, SMALL.get(name)), create(name, SMALL.get(name))
    without.fit(matrix, times=[1, 2, 3])
    given.fit(matrix, times=[1, 2, 3], traits=sparse.csr_matrix(np.ones((2, 4), np.float32)))
    for key, array in without.arrays().items():
        np.testing.assert_array_equal(given.arrays()[key], array)


@pytest.mark.parametrize("name", PARAMS)
def test_a_trait_that_is_named_carries_the_score(name: str) -> None:
    """A trait contributes what the score falls by where the user is told without it; what they lack contributes 0."""
    recommender = trained(name)
    target = int(recommender.score_one([], [], traits=[1, 0, 0]).argmax())
    for items in ([], [1, 3, 5]):
        weights = np.ones(len(items))
        told = recommender.explain_traits(items, weights, target, [1, 0, 1])
        score = recommender.score_one(items, weights, traits=[1, 0, 1])[target]
        for place in (0, 2):
            without = [1, 0, 1]
            without[place] = 0
            fallen = score - recommender.score_one(items, weights, traits=without)[target]
            assert told[place] == pytest.approx(fallen, rel=1e-3, abs=1e-5)
        assert told[1] == 0
        assert told.argmax() == 0
        assert told[0] > 0
    assert not recommender.explain_traits([1], [1], target, [0, 0, 0]).any()


@pytest.mark.parametrize("traits", [None, [0, 1, 0]])
def test_a_film_contributes_what_falls_also_of_what_is_expected(traits: list[int] | None) -> None:
    """Films of the history are reasons beside the traits: each contributes what the whole score falls by without it."""
    recommender = trained()
    for items in ([1, 4, 9], [5]):
        weights = np.ones(len(items))
        scores = recommender.score_one(items, weights, traits=traits)
        scores[items] = -1
        target = int(scores.argmax())
        parts, score = recommender.explain(items, weights, target, traits=traits), scores[target]
        assert parts.any()
        for place in np.flatnonzero(parts):
            left = np.delete(items, place)
            fallen = score - recommender.score_one(left, np.ones(len(left)), traits=traits)[target]
            assert parts[place] == pytest.approx(fallen, rel=1e-3, abs=1e-4)


BAD = {
    "NaN": sparse.csr_matrix([[np.nan, 1, 0]] * N_USERS),
    "negative": sparse.csr_matrix([[-1.0, 1, 0]] * N_USERS),
    "a row too few": sparse.csr_matrix(np.ones((N_USERS - 1, 3))),
    "dense": np.ones((N_USERS, 3)),
}


@pytest.mark.parametrize("name", ["ease", "blend"])
@pytest.mark.parametrize("traits", BAD.values(), ids=BAD.keys())
def test_traits_that_cannot_be_used_are_refused_by_all(name: str, traits: Any) -> None:
    """NaN, negative values, a user too few and a dense array are refused in training and scoring, read or not."""
    likes, good = world()
    recommender = create(name, PARAMS.get(name))
    with pytest.raises(MatrixError, match="traits") as refused:
        recommender.fit(likes, traits=traits)
    assert refused.value.next_step
    recommender.fit(likes, traits=good)
    with pytest.raises(MatrixError, match="traits"):
        recommender.score(likes, traits=traits)


@pytest.mark.parametrize("traits", [[1, 0], [1, 0, 0, 0], [np.nan, 0, 0], [-1, 0, 0], [[1, 0, 0]], ["F", "", ""]])
def test_traits_of_one_user_that_cannot_be_used_are_refused(traits: Any) -> None:
    """Too few or too many traits, no finite numbers, negative ones, another form and words are refused."""
    recommender = trained()
    for ask in (
        lambda: recommender.score_one([0], [1], traits=traits),
        lambda: recommender.explain([0], [1], 2, traits=traits),
        lambda: recommender.explain_traits([0], [1], 2, traits),
    ):
        with pytest.raises(HistoryError, match="trait"):
            ask()


def test_trained_without_traits_it_takes_none() -> None:
    """Where nothing was known of anybody in training, traits of a user are refused, and the common level is left."""
    recommender = trained(told=False)
    with pytest.raises(HistoryError, match="trained with 0"):
        recommender.score_one([0], [1], traits=[1, 0, 0])
    assert recommender.score_one([0], [1]).any()


@pytest.mark.parametrize("params", [{"expectation": -1}, {"expectation": float("nan")}, {"trait_regularisation": 0}])
def test_bad_parameters_are_refused(params: dict[str, float]) -> None:
    """An expectation below 0 or without a value and a penalty of nothing are refused."""
    with pytest.raises(ParameterError):
        create("blend", params)


def test_traits_count_in_the_memory_that_is_foretold() -> None:
    """More traits need more memory, and a training that would take too much is refused before it begins."""
    recommender, plain = create("blend", PARAMS["blend"]), create("blend", {"members": MEMBERS})
    few, many = (recommender.memory_needed(500, 400, 9000, n_traits=n) for n in (3, 3000))
    assert few < many
    assert plain.memory_needed(500, 400, 9000, n_traits=3000) == plain.memory_needed(500, 400, 9000)
    likes, _ = world()
    wide = sparse.csr_matrix((N_USERS, 100_000), dtype=np.float32)
    with pytest.raises(MemoryNeededError):
        recommender.fit(likes, traits=wide, memory_limit_bytes=1 << 24)
