"""iALS: the fold-in, the explanation and the training by the library."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import Recommender, TrainingError, create, ials, restore
from movie_mlops.recommenders.least_squares import LeastSquares

FACTORS = np.array([[1, 0], [1, 1], [0, 2], [-1, 1]], np.float32)
PARAMS = {"factors": 2, "regularisation": 1, "alpha": 2}


def with_factors() -> Recommender:
    arrays = {"n_items": np.array([4], np.int64), "known_items": np.arange(4, dtype=np.int32), "item_factors": FACTORS}
    return restore("ials", PARAMS, arrays)


def two_camps() -> sparse.csr_matrix:
    rng = np.random.default_rng(0)
    camp = np.arange(200)[:, None] % 2 == np.arange(30)[None, :] % 2
    return sparse.csr_matrix((rng.random((200, 30)) < np.where(camp, 0.4, 0.05)).astype(np.float32))


def fitted() -> Recommender:
    recommender = create("ials", {"factors": 8, "regularisation": 2})
    recommender.fit(two_camps())
    return recommender


def test_a_new_history_is_solved_for_exactly() -> None:
    """The vector of a new history is A⁻¹b, and its scores are that vector's products with the films'.

    Films 0 (weight 1) and 2 (weight 2) at alpha 2: A = YᵀY + I + 1·y₀y₀ᵀ + 3·y₂y₂ᵀ = [[5, 0], [0, 19]] and
    b = 2·y₀ + 4·y₂ = [2, 8], so the vector is [2/5, 8/19].
    """
    scores = with_factors().score_one([0, 2], [1, 2])
    np.testing.assert_allclose(scores, [2 / 5, 2 / 5 + 8 / 19, 16 / 19, 8 / 19 - 2 / 5], rtol=1e-6, atol=1e-7)


def test_contributions_are_the_terms_of_the_exact_sum() -> None:
    """Film 1's score 2/5 + 8/19 comes with 2/5 from film 0 and with 8/19 from film 2."""
    np.testing.assert_allclose(with_factors().explain([0, 2], [1, 2], 1), [2 / 5, 8 / 19], rtol=1e-6)


def test_similarity_is_the_cosine_of_the_vectors() -> None:
    """Film 1 is at 45° to films 0 and 2, and at 90° to film 3, which is left out."""
    films, values = with_factors().similar(1, 3)
    assert films.tolist() == [0, 2]
    np.testing.assert_allclose(values, [0.70710678, 0.70710678], rtol=1e-6)


def test_confidence_below_that_of_an_unseen_film_still_solves() -> None:
    """A weight so small that its confidence is below 1 gives finite scores, near those of an empty history."""
    scores = with_factors().score_one([0, 2], [1e-4, 1e-4])
    assert np.isfinite(scores).all()
    assert abs(scores).max() < 1e-3


def test_the_films_vectors_are_those_of_least_squares() -> None:
    """After training, each film's vector nearly solves its own equation, written out densely in float64."""
    recommender, likes = create("ials", {"factors": 3, "regularisation": 2, "iterations": 200}), two_camps()
    recommender.fit(likes)
    items = recommender.arrays()["item_factors"].astype(np.float64)
    confidence = 1 + 2 * likes.toarray()  # alpha is 3: a like has confidence 3, all else 1
    users = np.stack(
        [np.linalg.solve((items.T * row) @ items + 2 * np.eye(3), items.T @ (row * (row > 1))) for row in confidence]
    )
    again = np.stack(
        [
            np.linalg.solve((users.T * column) @ users + 2 * np.eye(3), users.T @ (column * (column > 1)))
            for column in confidence.T
        ]
    )
    np.testing.assert_allclose(again, items, atol=5e-3)


def test_taking_a_film_away_lowers_the_score_by_about_its_contribution() -> None:
    """The explanation is faithful: what films contribute and what is lost without them go together."""
    recommender, likes = fitted(), two_camps()
    told, lost = [], []
    for user in range(20):
        items, weights = likes[user].indices, likes[user].data
        target = next(film for film in range(user % 2, 30, 2) if film not in items)
        full = recommender.score_one(items, weights)[target]
        told.extend(recommender.explain(items, weights, target))
        lost.extend(
            full - recommender.score_one(np.delete(items, gone), np.delete(weights, gone))[target]
            for gone in range(len(items))
        )
    assert np.corrcoef(told, lost)[0, 1] > 0.9
    slope = np.dot(told, lost) / np.dot(told, told)
    assert 0.7 < slope < 1.5


def test_another_seed_is_another_training() -> None:
    """The seed is what the random start hangs on."""
    first, second = (create("ials", {"factors": 4, "iterations": 1, "seed": seed}) for seed in (0, 1))
    first.fit(two_camps())
    second.fit(two_camps())
    assert not np.array_equal(first.arrays()["item_factors"], second.arrays()["item_factors"])


def test_numbers_that_break_down_are_an_error() -> None:
    """Where the library returns NaN without a word, there is an error with the next step, and nothing is kept."""
    recommender = create("ials", {"factors": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TrainingError, match="regularisation"):
            recommender.fit(sparse.csr_matrix(np.full((30, 20), 1e38, np.float32)))


def test_what_is_kept_of_one_history_never_answers_for_another() -> None:
    """Other weights, other films, another order, a part: each is answered as by a model that was never asked before."""
    histories = [([0, 2], [1, 2]), ([0, 2], [2, 1]), ([0, 1], [2, 1]), ([1, 0], [2, 1]), ([1], [2]), ([0, 2], [1, 2])]
    asked = with_factors()
    for items, weights in histories:
        np.testing.assert_array_equal(asked.score_one(items, weights), with_factors().score_one(items, weights))
        np.testing.assert_array_equal(asked.explain(items, weights, 3), with_factors().explain(items, weights, 3))
    for items, weights in histories[::-1]:
        np.testing.assert_array_equal(asked.explain(items, weights, 3), with_factors().explain(items, weights, 3))


def test_a_list_with_reasons_is_solved_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reasons come from the equations that the scores came from."""
    solved: list[int] = []

    class Counted(LeastSquares):
        def __init__(self, confidences: np.ndarray, films: np.ndarray) -> None:
            solved.append(len(films))
            super().__init__(confidences, films)

    monkeypatch.setattr(ials, "LeastSquares", Counted)
    asked = with_factors()
    asked.best([0, 2], [1, 2], 2, explain=True)
    assert solved == [2]


def test_a_second_training_leaves_nothing_of_the_first() -> None:
    """A recommender that is trained again scores a history that it has just scored as a fresh one does."""
    again = fitted()
    before = again.score_one([0, 2], [1, 1])
    again.fit(two_camps()[:100])
    fresh = create("ials", {"factors": 8, "regularisation": 2})
    fresh.fit(two_camps()[:100])
    np.testing.assert_allclose(again.score_one([0, 2], [1, 1]), fresh.score_one([0, 2], [1, 1]), rtol=1e-4, atol=1e-6)
    assert abs(again.score_one([0, 2], [1, 1]) - before).max() > 1e-3
