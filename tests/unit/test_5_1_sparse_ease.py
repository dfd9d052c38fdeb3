"""EASE with few weights for each film."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import MemoryNeededError, ParameterError, create, sparse_ease


def likes(users: int = 200, films: int = 30, seed: int = 3) -> sparse.csr_matrix:
    """Likes of several weights, with a twin, a film of one like and one that nobody likes."""
    rng = np.random.default_rng(seed)
    popular = np.linspace(0.05, 0.5, films)
    dense = ((rng.random((users, films)) < popular) * rng.integers(1, 3, (users, films))).astype(np.float32)
    dense[:, 1] = dense[:, 2]
    dense[:, 4] = 0
    dense[:, 7] = 0
    dense[0, 7] = 1
    return sparse.csr_matrix(dense)


def columns(matrix: sparse.csr_matrix, **params: float) -> np.ndarray:
    """What each film adds to each other one."""
    recommender = create("sparse-ease", params)
    recommender.fit(matrix)
    return recommender.score(sparse.csr_matrix(np.eye(matrix.shape[1], dtype=np.float32)))


def test_with_all_films_as_neighbours_it_is_ease() -> None:
    """Where every two films have a like in common and none is left out, the weights are EASE's closed form."""
    matrix, ease = likes(), create("ease", {"regularisation": 20})
    matrix = sparse.csr_matrix(sparse.vstack([matrix, matrix.sum(axis=0) > 0]), dtype=np.float32)
    ease.fit(matrix)
    expected = ease.score(sparse.csr_matrix(np.eye(matrix.shape[1], dtype=np.float32)))
    np.testing.assert_allclose(columns(matrix, regularisation=20, neighbours=30), expected, atol=2e-6)


@pytest.mark.parametrize("often", [4096, 5, 1])
def test_the_weights_are_a_regression_on_the_neighbours(monkeypatch: pytest.MonkeyPatch, often: int) -> None:
    """A film's neighbours explain most of it alone, and their weights solve the least squares."""
    monkeypatch.setattr(sparse_ease, "_OFTEN", often)
    monkeypatch.setattr(sparse_ease, "_PAIRS_AT_ONCE", 50)
    matrix, penalty = likes(), 7.0
    found, dense = columns(matrix, regularisation=penalty, neighbours=6), matrix.toarray().astype(np.float64)
    gram = dense.T @ dense
    for film in np.flatnonzero(np.diagonal(gram)):
        gains = gram[:, film] ** 2 / (np.diagonal(gram) + penalty)
        gains[film] = -1
        best = np.argsort(-gains.astype(np.float32), kind="stable")[:6]
        best = best[gains[best] > 0]
        system = gram[np.ix_(best, best)] + penalty * np.eye(len(best))
        expected = np.zeros(len(gram))
        expected[best] = np.linalg.solve(system, gram[best, film])
        np.testing.assert_allclose(found[:, film], expected, rtol=1e-4, atol=1e-6)


def test_films_may_speak_against_others() -> None:
    """Unlike those of item-kNN and SLIM, weights may be below zero."""
    assert columns(likes(), regularisation=1, neighbours=20).min() < 0


def test_counting_is_the_same_with_and_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """What films have in common is the same number by the compiled loop and by NumPy."""
    from movie_mlops.recommenders import compiled  # noqa: PLC0415 - numba is slow to import

    monkeypatch.setattr(sparse_ease, "_OFTEN", 3)
    quick = columns(likes(), regularisation=5, neighbours=8)
    monkeypatch.setattr(compiled, "add_common", compiled._add_common_plainly)
    np.testing.assert_array_equal(columns(likes(), regularisation=5, neighbours=8), quick)


def test_two_hundred_thousand_films_are_said_to_fit_where_ease_is_refused() -> None:
    """For 200,000 films the estimate is below 8 GB; EASE would take twenty times that, and is refused untried."""
    sizes = (1_000_000, 200_000, 50_000_000)
    assert create("sparse-ease").memory_needed(*sizes) < 8e9
    assert create("ease").memory_needed(*sizes) > 160e9
    many = sparse.eye_array(200_000, dtype=np.float32, format="csr")
    with pytest.raises(MemoryNeededError, match="Training sparse-ease"):
        create("sparse-ease").fit(many, memory_limit_bytes=2**28)
    with pytest.raises(MemoryNeededError, match="Training ease"):
        create("ease").fit(many, memory_limit_bytes=8 * 10**9)


def test_it_is_nearly_as_good_as_ease() -> None:
    """On made-up tastes, hidden likes are found nearly as often as by EASE, with a tenth of the weights."""
    rng = np.random.default_rng(0)
    taste, film = rng.integers(0, 8, 600), rng.integers(0, 8, 300)
    near = 0.02 + 0.25 * (taste[:, None] == film)
    dense = (rng.random((600, 300)) < near).astype(np.float32)
    hidden = (rng.random(dense.shape) < 0.2) & (dense > 0)
    known = sparse.csr_matrix(dense * ~hidden)

    def found(name: str, params: dict) -> float:
        recommender = create(name, params)
        recommender.fit(known)
        scores = recommender.score(known)
        scores[known.toarray() > 0] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :20]
        return float(np.take_along_axis(hidden, best, axis=1).sum() / hidden.sum())

    ease = found("ease", {"regularisation": 30})
    assert found("sparse-ease", {"regularisation": 30, "neighbours": 30}) > 0.95 * ease > 0.3


@pytest.mark.parametrize("params", [{"regularisation": 0}, {"neighbours": 0}, {"neighbours": 2.5}])
def test_parameters_out_of_range_are_refused(params: dict) -> None:
    """A penalty or a number that makes no sense is refused by its name or kind."""
    with pytest.raises(ParameterError):
        create("sparse-ease", params)
