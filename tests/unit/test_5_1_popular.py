"""The popularity baselines."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import NotFittedError, TrainingError, create
from movie_mlops.recommenders.popular import PopularRecommender

DAY = 86_400
#        film:  0  1  2  3
LIKES = [[1, 5, 0, 0],
         [1, 0, 1, 0],
         [1, 1, 0, 0]]  # fmt: skip


def test_popular_counts_users_whatever_their_weights() -> None:
    """The score of a film is the number of users who liked it; a weight of 5 is still one user."""
    recommender = create("popular")
    recommender.fit(sparse.csr_matrix(LIKES, dtype=np.float32))
    assert recommender.score_one([], []).tolist() == [3, 2, 1, 0]
    assert recommender.score(sparse.csr_matrix((2, 4))).tolist() == [[3, 2, 1, 0], [3, 2, 1, 0]]


def test_popular_recent_counts_the_window_and_breaks_ties_by_all_time() -> None:
    """Two days before the latest like count 1 each; what all time adds is below one: count / (highest count + 1)."""
    matrix = sparse.csr_matrix(LIKES, dtype=np.float32)
    # Films in the matrix's order: 0 1 | 0 2 | 0 1.  The window ends on day 10 and begins after day 8.
    times = np.array([1, 9, 2, 10, 8, -1]) * DAY
    recommender = create("popular-recent", {"days": 2})
    recommender.fit(matrix, times=times)
    assert recommender.score_one([], []).tolist() == [0.75, 1.5, 1.25, 0]


def test_popular_recent_does_not_count_unknown_times() -> None:
    """A like of unknown time is never recent, however wide the window is."""
    recommender = create("popular-recent", {"days": 100_000})
    recommender.fit(sparse.csr_matrix([[1, 1]], dtype=np.float32), times=[DAY, -1])
    assert recommender.score_one([], []).tolist() == [1.5, 0.5]


@pytest.mark.parametrize("days", [1.0, 1.5])
def test_popular_recent_keeps_its_window_s_edge_open(days: float) -> None:
    """A like exactly `days` before the latest is outside, one second later it is inside."""
    edge = 100 * DAY - int(days * DAY)
    recommender = create("popular-recent", {"days": days})
    recommender.fit(sparse.csr_matrix([[1, 1, 1]], dtype=np.float32), times=[100 * DAY, edge, edge + 1])
    assert recommender.score_one([], []).tolist() == [1.5, 0.5, 1.5]


def test_a_training_that_ends_in_infinity_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a model's arithmetic returns, no number that is not finite is ever kept."""
    monkeypatch.setattr(PopularRecommender, "_popularity", lambda *_: np.array([1, np.inf]))
    recommender = create("popular")
    with pytest.raises(TrainingError, match="popularity"):
        recommender.fit(sparse.csr_matrix(np.ones((1, 2), np.float32)))
    with pytest.raises(NotFittedError):
        recommender.score_one([], [])
