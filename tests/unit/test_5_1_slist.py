"""SLIST against its sums, written out moment by moment."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import create

N_ITEMS = 9


def histories() -> tuple[sparse.csr_matrix, np.ndarray, list[list[int]]]:
    """Thirty histories in a random order of time; the films of each from the first to the last."""
    rng = np.random.default_rng(4)
    orders = [rng.permutation(N_ITEMS)[: rng.integers(1, N_ITEMS)].tolist() for _ in range(30)]
    orders.append(list(range(N_ITEMS)))
    dense = np.zeros((len(orders), N_ITEMS), np.float32)
    at = np.zeros((len(orders), N_ITEMS), np.int64)
    for user, order in enumerate(orders):
        for place, item in enumerate(order):
            dense[user, item], at[user, item] = 1, 1000 + 7 * place
    matrix = sparse.csr_matrix(dense)
    rows = np.repeat(np.arange(len(orders)), np.diff(matrix.indptr))
    return matrix, at[rows, matrix.indices], orders


def moments(orders: list[list[int]], memory: float, reach: float, power: float) -> tuple[np.ndarray, np.ndarray]:
    """What lies behind and ahead at each moment of each history: (moments, films) twice."""
    behind, ahead = [], []
    for order in orders:
        for now in range(len(order) - 1):
            x, y = np.zeros(N_ITEMS), np.zeros(N_ITEMS)
            for place, item in enumerate(order):
                if place <= now:
                    x[item] = np.exp(-(now - place) / memory) * len(order) ** -power
                else:
                    y[item] = np.exp(-(place - now - 1) / reach) * len(order) ** -power
            behind.append(x)
            ahead.append(y)
    return np.array(behind), np.array(ahead)


@pytest.mark.parametrize(("memory", "reach", "power"), [(3.0, 2.0, 0.0), (4.0, 4.0, 0.0), (2.0, 6.0, 0.5)])
def test_the_weights_are_those_of_the_sums_over_moments(memory: float, reach: float, power: float) -> None:
    """The closed sums give what ridge regression with a zero diagonal gives over every moment written out."""
    matrix, times, orders = histories()
    params = {"memory": memory, "reach": reach, "regularisation": 1.5, "dropout": 0.2, "history_power": power}
    recommender = create("slist", params)
    recommender.fit(matrix, times=times)
    x, y = moments(orders, memory, reach, power)
    gram = x.T @ x
    penalised = gram + np.diag(1.5 + 0.25 * np.diag(gram))
    expected = np.zeros((N_ITEMS, N_ITEMS))
    for target in range(N_ITEMS):
        others = [item for item in range(N_ITEMS) if item != target]
        expected[others, target] = np.linalg.solve(penalised[np.ix_(others, others)], (x.T @ y)[others, target])
    np.testing.assert_allclose(recommender.arrays()["weights"], expected, rtol=2e-3, atol=2e-4)


def test_what_follows_is_expected_and_what_came_before_is_not() -> None:
    """Where films always come in one order, the next one scores highest, and less the further ahead it is."""
    matrix = sparse.csr_matrix(np.ones((20, 6), np.float32))
    recommender = create("slist", {"memory": 1, "reach": 1, "regularisation": 0.1})
    recommender.fit(matrix, times=np.tile(np.arange(6), 20))
    scores = recommender.score_one([1, 2], [1, 1], times=[10, 20])
    assert scores.argmax() == 3
    assert scores[3] > scores[4] > scores[5]
    assert scores[4] > scores[0]


def test_the_latest_film_counts_most() -> None:
    """Exchanged times change the answer as decay says; a batch and one history agree; unknown times count alike."""
    matrix, times, _ = histories()
    recommender = create("slist", {"memory": 2, "regularisation": 1})
    recommender.fit(matrix, times=times)
    weights = recommender.arrays()["weights"]
    fading = np.float32(np.exp(-1 / 2))
    np.testing.assert_allclose(
        recommender.score_one([4, 7], [1, 1], times=[50, 60]), weights[7] + fading * weights[4], rtol=1e-5
    )
    np.testing.assert_allclose(
        recommender.score_one([4, 7], [1, 1], times=[60, 50]), weights[4] + fading * weights[7], rtol=1e-5
    )
    np.testing.assert_allclose(recommender.score_one([4, 7], [1, 1]), weights[4] + weights[7], rtol=1e-5)
    scores = recommender.score(matrix, times=times)
    for user in range(matrix.shape[0]):
        part = slice(matrix.indptr[user], matrix.indptr[user + 1])
        one = recommender.score_one(matrix.indices[part], matrix.data[part], times=times[part])
        np.testing.assert_allclose(one, scores[user], rtol=1e-4, atol=1e-6)
