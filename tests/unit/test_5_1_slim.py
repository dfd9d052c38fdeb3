"""SLIM: the sparse weights that are not negative."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import ParameterError, TrainingError, create

#        film:  0  1  2
LIKES = np.array([[1, 1, 0],
                  [1, 1, 0],
                  [1, 1, 1],
                  [1, 0, 0],
                  [0, 1, 0],
                  [0, 1, 0]], dtype=np.float32)  # fmt: skip


def random_likes(n_users: int, n_items: int) -> np.ndarray:
    """Likes of which some weigh 2, in two camps, so that some films have nothing to say for each other."""
    rng = np.random.default_rng(4)
    camp = np.arange(n_users)[:, None] % 2 == np.arange(n_items)[None, :] % 2
    likes = (rng.random((n_users, n_items)) < np.where(camp, 0.4, 0.05)).astype(np.float32)
    return likes * rng.integers(1, 3, likes.shape).astype(np.float32)


def learned(likes: np.ndarray, **params: float) -> np.ndarray:
    """W: column j holds what the films say for film j."""
    recommender = create("slim", params)
    recommender.fit(sparse.csr_matrix(likes))
    return recommender.score(sparse.csr_matrix(np.eye(likes.shape[1], dtype=np.float32)))


def test_two_films_rebuild_each_other_by_hand() -> None:
    """With films 0 and 1 alone, XᵀX = [[4, 3], [3, 5]]; at λ₁ = λ₂ = 1 the weights are (3 - 1) / (5 + 1) and 2 / 5."""
    np.testing.assert_allclose(learned(LIKES[:, :2], l1=1, l2=1), [[0, 2 / 5], [2 / 6, 0]], atol=1e-5)


def test_films_with_no_more_in_common_than_the_first_penalty_say_nothing() -> None:
    """Films 0 and 2, and 1 and 2, have one user in common, which is no more than λ₁ = 1."""
    weights = learned(LIKES, l1=1, l2=1)
    assert not weights[2].any()
    assert not weights[:, 2].any()
    assert learned(LIKES, l1=0.5, l2=1)[2].any()


@pytest.mark.parametrize(("l1", "l2"), [(0.5, 3), (4, 1), (0, 20)])
def test_no_weight_can_be_changed_for_the_better(l1: float, l2: float) -> None:
    """The weights are the optimum: the slope is 0 at every weight above 0, and not downwards at every other one."""
    likes = random_likes(150, 24)
    weights = learned(likes, l1=l1, l2=l2).astype(np.float64)
    gram = likes.T.astype(np.float64) @ likes
    slopes = gram @ weights - gram + l2 * weights + l1
    others = ~np.eye(24, dtype=bool)
    used = weights > 0
    assert (weights >= 0).all()
    assert not weights.diagonal().any()
    assert used.sum() > 40
    assert (~used & others).sum() > 40
    np.testing.assert_allclose(slopes[used], 0, atol=0.02)
    assert slopes[~used & others].min() > -0.02


def test_only_the_largest_weights_are_kept() -> None:
    """With 3 neighbours each film keeps its 3 largest weights as they are."""
    likes = random_likes(150, 24)
    whole, some = learned(likes, l1=0.5, l2=3), learned(likes, l1=0.5, l2=3, neighbours=3)
    kept = some > 0
    assert (kept.sum(axis=0) == 3).all()
    np.testing.assert_array_equal(some[kept], whole[kept])
    assert (np.where(kept, -np.inf, whole).max(axis=0) <= np.where(kept, whole, np.inf).min(axis=0)).all()


def test_numbers_that_break_down_are_an_error() -> None:
    """Weights too large for single precision are refused, and nothing is kept."""
    with pytest.raises(TrainingError, match="smaller weights"):
        learned(np.full((30, 4), 1e20, np.float32))


@pytest.mark.parametrize("params", [{"l1": -1}, {"l2": 0}, {"neighbours": 0}, {"l1": float("nan")}])
def test_parameters_out_of_range_are_refused(params: dict) -> None:
    """A penalty that makes no sense is refused by its name."""
    with pytest.raises(ParameterError, match=next(iter(params))):
        create("slim", params)
