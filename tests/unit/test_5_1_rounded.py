"""The quick way to a factor model's best films gives what the slow one gives."""

from unittest import mock

import numpy as np
import pytest
import simsimd
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.recommenders import restore, rounded
from movie_mlops.recommenders.least_squares import LeastSquares
from movie_mlops.recommenders.rounded import RoundedVectors
from movie_mlops.recommenders.strongest import strongest

NOBODY = np.empty(0, np.int64)


def vectors(n: int, d: int, *, seed: int, heavy: bool = False) -> np.ndarray:
    """Vectors of many lengths, some of them zero, some with one large number."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((n, d)) * rng.lognormal(0, 1.5, (n, 1))
    if heavy:
        made[rng.random((n, d)) < 0.02] *= 40
    made[rng.random(n) < 0.05] = 0
    return made.astype(np.float32)


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_candidates_hold_the_largest_products(seed: int, heavy: bool) -> None:
    """Whatever the vectors' lengths, the k largest products are among a small part that is left of them."""
    n, d = 5000 + 17 * seed, 24
    kept, rng = vectors(n, d, seed=seed, heavy=heavy), np.random.default_rng(100 + seed)
    quick = RoundedVectors(kept)
    for _ in range(20):
        asked = rng.standard_normal(d).astype(np.float32)
        left_out = rng.choice(n, 300, replace=False)
        products = kept @ asked
        products[left_out] = -np.inf
        among = quick.candidates(asked, 10, left_out)
        assert among is not None
        assert np.isin(strongest(products, 10), among).all()
        assert not np.isin(left_out, among).any()
        assert len(among) < n / 10


def long_tailed(n: int, d: int, seed: int) -> np.ndarray:
    """Vectors as a factor model has them: most films have few likes, and short vectors."""
    rng = np.random.default_rng(seed)
    lengths = rng.permutation((np.arange(n) + 20.0) ** -0.6)
    return (rng.standard_normal((n, d)) * lengths[:, None]).astype(np.float32)


def test_among_twenty_thousand_none_of_the_hundred_best_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the hundred largest products are among the candidates, and short vectors are not even looked at."""
    n, d = 20_000, 32
    kept, rng = long_tailed(n, d, seed=8), np.random.default_rng(9)
    quick, looked = RoundedVectors(kept), []
    cdist = simsimd.cdist
    monkeypatch.setattr(simsimd, "cdist", lambda one, many, kind: looked.append(len(many)) or cdist(one, many, kind))
    for _ in range(30):
        asked = rng.standard_normal(d).astype(np.float32)
        looked.clear()
        among = quick.candidates(asked, 100, NOBODY)
        assert among is not None
        assert np.isin(strongest(kept @ asked, 100), among).all()
        assert (np.diff(among) > 0).all()
        assert sum(looked) < n / 2


def test_a_short_vector_that_points_the_right_way_is_not_missed() -> None:
    """Behind thousands of longer vectors that point elsewhere, one just long enough to beat them is found."""
    kept = np.zeros((6000, 4), np.float32)
    kept[:, 0], kept[:, 1] = 0.1, 1
    kept[5500:] = 0.01
    kept[5990] = (0.11, 0, 0, 0)
    among = RoundedVectors(kept).candidates(np.array([1, 0, 0, 0], np.float32), 1, NOBODY)
    assert among is not None
    assert 5990 in among


@given(
    seed=st.integers(0, 2**20),
    left=st.one_of(st.integers(8, 30), st.integers(30, 1500)),
    flat=st.booleans(),
    longest=st.booleans(),
    filtered=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_what_is_left_out_never_comes_and_nothing_else_is_missing(
    seed: int, left: int, flat: bool, longest: bool, filtered: bool
) -> None:
    """However many films a filter leaves, long vectors or short: the candidates hold the best of them, no other."""
    n, d, k = 1500, 6, 3
    rng = np.random.default_rng(seed)
    kept = long_tailed(n, d, seed)
    if flat:
        kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    order = np.argsort(np.linalg.norm(kept, axis=1)) if longest else rng.permutation(n)
    without = np.concatenate((order[left:], order[-5:]))  # twice is as good as once
    passing = None
    if filtered:
        passing, without = np.ones(n, np.bool_), order[-5:]
        passing[order[left:]] = False
    asked = rng.standard_normal(d).astype(np.float32)
    # In small looks: that of four thousand would be the first and the last.
    with mock.patch.multiple(rounded, _FIRST_LOOK=32, _LONGEST_LOOK=128):
        among = RoundedVectors(kept).candidates(asked, k, without, passing)
    without = np.concatenate((order[left:], order[-5:]))
    products = kept @ asked
    products[without] = -np.inf
    assert among is not None
    assert np.isin(strongest(products, k), among).all()
    assert not np.isin(without, among).any()


def test_filters_that_come_again_are_the_ones_that_are_asked_for() -> None:
    """Of many filters, as many films in each, asked for in any order and changed afterwards, each has its own best."""
    n, d = 6000, 8
    kept, rng = long_tailed(n, d, seed=3), np.random.default_rng(4)
    quick = RoundedVectors(kept)
    filters = [np.isin(np.arange(n), rng.choice(n, 400, replace=False)) for _ in range(12)]
    plain = quick.nbytes
    for turn in range(60):
        among = filters[rng.integers(12)] if turn % 2 else filters[turn % 3]
        if turn % 10 == 9:
            among[:] = np.roll(among, 7)
        asked, left_out = rng.standard_normal(d).astype(np.float32), rng.choice(np.flatnonzero(among), 20)
        products = np.where(among, kept @ asked, -np.inf)
        products[left_out] = -np.inf
        found = quick.candidates(asked, 10, left_out, among)
        assert found is not None
        assert np.isin(strongest(products, 10), found).all()
        assert among[found].all()
        assert not np.isin(left_out, found).any()
    assert quick.nbytes <= plain + 8 * (n + 400 * 4)
    assert quick.nbytes > plain


def test_where_nothing_is_won_every_film_is_scored() -> None:
    """Few vectors, a long list, nothing to ask with, or hardly a film left: there are no candidates."""
    kept = vectors(3000, 8, seed=1)
    quick, asked = RoundedVectors(kept), np.ones(8, np.float32)
    assert quick.candidates(asked, 10, NOBODY) is not None
    assert quick.candidates(asked, 30, NOBODY) is None
    assert quick.candidates(np.zeros(8, np.float32), 10, NOBODY) is None
    assert quick.candidates(asked, 10, np.arange(2995)) is None
    assert quick.candidates(asked, 10, NOBODY, np.arange(3000) < 5) is None
    assert RoundedVectors(kept[:200]).candidates(asked, 2, NOBODY) is None
    assert RoundedVectors(kept[:0]).candidates(asked, 1, NOBODY) is None


def test_scores_that_are_all_below_zero_are_ranked_too() -> None:
    """What fills the last block up is never among the candidates, though its products are the largest."""
    kept = -np.abs(vectors(2001, 6, seed=2)) - 1
    asked = np.ones(6, np.float32)
    among = RoundedVectors(kept).candidates(asked, 5, NOBODY)
    assert among is not None
    assert among.max() < 2001
    assert np.isin(strongest(kept @ asked, 5), among).all()


@pytest.mark.parametrize("share", [1.0, 0.7, 0.1, 0.01, 0.001])
def test_the_best_films_are_those_of_all_scores(share: float) -> None:
    """A factor model gives the same films, scores and reasons by the quick way as by scoring every film that passes."""
    n, known, factors = 4000, np.flatnonzero(np.arange(4000) % 7 != 3).astype(np.int32), 16
    rng = np.random.default_rng(3)
    arrays = {
        "n_items": np.array([n], np.int64),
        "known_items": known,
        "item_factors": vectors(len(known), factors, seed=4) * np.float32(0.1),
    }
    recommender = restore("ials", {"factors": factors}, arrays)
    passing = None if share == 1 else rng.random(n) < share
    for length in (1, 5, 15, 16, 40):
        items = rng.choice(known, length, replace=False)
        weights = rng.uniform(0.2, 2, length).astype(np.float32)
        best = recommender.best(items, weights, 10, without=items, among=passing, explain=True)
        scores = recommender.score_one(items, weights)
        ranked = scores.copy() if passing is None else np.where(passing, scores, -np.inf)
        ranked[items] = -np.inf
        expected = strongest(ranked, 10)
        np.testing.assert_array_equal(best.items, expected[ranked[expected] > -np.inf])
        np.testing.assert_allclose(best.scores, scores[best.items], rtol=1e-5)
        told = recommender.explain_many(items, weights, best.items.tolist())
        np.testing.assert_allclose(best.contributions, told, rtol=1e-4, atol=1e-6)


def test_equals_come_in_their_order_also_beside_films_that_nobody_met() -> None:
    """Where the last of the best have a score of 0, so has what the training never saw, and it has its place."""
    known = np.arange(5, 4000, dtype=np.int32)
    factors = np.zeros((len(known), 8), np.float32)
    factors[:20] = np.random.default_rng(6).uniform(0.1, 1, (20, 8))
    arrays = {"n_items": np.array([4000], np.int64), "known_items": known, "item_factors": factors}
    best = restore("ials", {"factors": 8}, arrays).best([5], [1.0], 25)
    assert best.items.tolist()[20:] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("likes", [1, 3, 7, 8, 30])
def test_a_history_is_solved_as_its_equations_say(likes: int) -> None:
    """Between the films or between the factors: the vector and the films' worth are those of a double's solution."""
    rng = np.random.default_rng(likes)
    everything = rng.standard_normal((200, 8)) / 15
    films, targets = everything[:likes], everything[50:54]
    # Below 1 a film counts for less than those that nobody met.
    confidences = rng.uniform(0.3, 40, likes)
    system = np.eye(8) + films.T @ ((confidences - 1)[:, None] * films)
    squares = LeastSquares(confidences.astype(np.float32), films.astype(np.float32))
    np.testing.assert_allclose(squares.vector, np.linalg.solve(system, films.T @ confidences), rtol=1e-3, atol=1e-5)
    expected = films @ np.linalg.solve(system, targets.T)
    np.testing.assert_allclose(squares.worth(targets.astype(np.float32)), expected, rtol=1e-3, atol=1e-5)
