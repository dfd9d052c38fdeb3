"""What people like when they come back, against the regression written out."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import create

DAY = 86_400
N_ITEMS = 8


def visits() -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray, np.ndarray]:
    """Users with a first visit of an hour and, most of them, a second one days later; both written out as matrices."""
    rng = np.random.default_rng(3)
    first = rng.random((40, N_ITEMS)) < 0.4
    first[:, 0] = True
    second = (rng.random((40, N_ITEMS)) < 0.3) & ~first
    second[:8] = False
    at = np.where(first, rng.integers(0, 3600, first.shape), 5 * DAY + rng.integers(0, 3600, first.shape))
    matrix = sparse.csr_matrix((first | second).astype(np.float32))
    rows = np.repeat(np.arange(40), np.diff(matrix.indptr))
    # Who comes when has no part in it: only how long after their own first like.
    return matrix, at[rows, matrix.indices] + 1000 * DAY * (1 + rows), first, second


def test_the_weights_are_those_of_the_regression_of_later_visits_on_first_ones() -> None:
    """W is the ridge regression of what was liked later on what was liked first, of those who came back alone."""
    matrix, times, first, second = visits()
    recommender = create("comeback", {"regularisation": 3.0})
    recommender.fit(matrix, times=times)
    back = second.any(axis=1)
    a, b = first[back].astype(np.float64), second[back].astype(np.float64)
    expected = np.linalg.solve(a.T @ a + 3 * np.eye(N_ITEMS), a.T @ b)
    np.testing.assert_allclose(recommender.arrays()["weights"], expected, rtol=1e-4, atol=1e-5)


def test_what_follows_days_later_counts_and_what_follows_at_once_does_not() -> None:
    """Of two films that are liked after a third, the one that is liked days later is recommended."""
    dense = np.tile(np.array([1, 1, 1, 0], np.float32), (20, 1))
    dense[0, 3] = 1
    likes = sparse.csr_matrix(dense)
    times = np.tile([0, 60, 3 * DAY], 20)
    recommender = create("comeback", {"regularisation": 1.0})
    recommender.fit(likes, times=np.insert(times, 3, 120))
    scores = recommender.score_one([0], [1.0])
    assert scores[2] > 0.3
    assert abs(scores[1]) < 1e-6
    longer = create("comeback", {"regularisation": 1.0, "days": 4.0})
    longer.fit(likes, times=np.insert(times, 3, 120))
    assert not longer.score_one([0], [1.0]).any()


@pytest.mark.parametrize("unknown", [True, False])
def test_where_nobody_came_back_nothing_is_said(unknown: bool) -> None:
    """Likes of one hour, and likes of which one alone has a time, leave all films equal."""
    matrix = sparse.csr_matrix(np.ones((5, 3), np.float32))
    times = np.full(15, -1) if unknown else np.arange(15)
    times[0] = 7
    recommender = create("comeback")
    recommender.fit(matrix, times=times)
    assert not recommender.score_one([0], [1.0]).any()
