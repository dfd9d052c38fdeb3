"""RP3β: walks of three steps."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import ParameterError, create

#        film:  0  1  2
LIKES = np.array([[1, 1, 0],
                  [1, 1, 1],
                  [2, 0, 1]], dtype=np.float32)  # fmt: skip


def by_walking(likes: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """Sum up every walk from film i to user u to film j, one by one."""
    n_users, n_items = likes.shape
    result = np.zeros((n_items, n_items))
    for i in range(n_items):
        for u in range(n_users):
            for j in range(n_items):
                if i != j and likes[u, i] > 0 and likes[u, j] > 0:
                    back, on = likes[u, i] / likes[:, i].sum(), likes[u, j] / likes[u].sum()
                    result[i, j] += back**alpha * on**alpha / likes[:, j].sum() ** beta
    return result


def learned(likes: np.ndarray, **params: float) -> np.ndarray:
    recommender = create("rp3-beta", params)
    recommender.fit(sparse.csr_matrix(likes))
    return recommender.score(sparse.csr_matrix(np.eye(likes.shape[1], dtype=np.float32)))


def test_a_walk_by_hand() -> None:
    """From film 1 a walk gets to film 2 by user 1 alone: ½ · ⅓, and film 2 has two likes."""
    assert learned(LIKES, alpha=1, beta=0)[1, 2] == pytest.approx(1 / 2 * 1 / 3)
    assert learned(LIKES, alpha=1, beta=1)[1, 2] == pytest.approx(1 / 2 * 1 / 3 / 2)
    assert learned(LIKES, alpha=0.5, beta=0)[1, 2] == pytest.approx((1 / 2 * 1 / 3) ** 0.5)


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (0.7, 0.4), (1.5, 1)])
def test_all_walks_are_summed(alpha: float, beta: float) -> None:
    """What a film says for another is the sum over all walks, whatever the likes weigh."""
    rng = np.random.default_rng(2)
    likes = ((rng.random((20, 9)) < 0.4) * rng.integers(1, 4, (20, 9))).astype(np.float32)
    likes[0] = 1
    np.testing.assert_allclose(learned(likes, alpha=alpha, beta=beta), by_walking(likes, alpha, beta), rtol=2e-5)


def test_each_film_keeps_those_that_say_most_for_it() -> None:
    """With one neighbour, only the strongest film speaks for each."""
    whole, one = learned(LIKES, neighbours=3), learned(LIKES, neighbours=1)
    assert (np.count_nonzero(one, axis=0) == 1).all()
    np.testing.assert_array_equal(one.max(axis=0), whole.max(axis=0))


@pytest.mark.parametrize("params", [{"alpha": 0}, {"beta": -0.1}, {"neighbours": 0}])
def test_parameters_out_of_range_are_refused(params: dict) -> None:
    """A power that makes no sense is refused by its name."""
    with pytest.raises(ParameterError, match=next(iter(params))):
        create("rp3-beta", params)
