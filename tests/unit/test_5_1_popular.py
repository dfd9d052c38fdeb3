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
    recommender = create("popular-recent", {"days": 36_500})
    recommender.fit(sparse.csr_matrix([[1, 1]], dtype=np.float32), times=[DAY, -1])
    assert recommender.score_one([], []).tolist() == [1.5, 0.5]


@pytest.mark.parametrize("days", [1.0, 1.5])
def test_popular_recent_keeps_its_window_s_edge_open(days: float) -> None:
    """A like exactly `days` before the latest is outside, one second later it is inside."""
    edge = 100 * DAY - int(days * DAY)
    recommender = create("popular-recent", {"days": days})
    recommender.fit(sparse.csr_matrix([[1, 1, 1]], dtype=np.float32), times=[100 * DAY, edge, edge + 1])
    assert recommender.score_one([], []).tolist() == [1.5, 0.5, 1.5]


def test_what_is_liked_first_counts_a_like_by_its_place_among_its_user_s() -> None:
    """The n-th like counts n^-1/2, those of one moment alike; two likes more are spread as those of all time are."""
    # Films in the matrix's order: 0 1 | 0 2 | 0 1.  The window ends on day 10 and begins after day 8.
    times = np.array([1, 9, 9, 9, 2, -1]) * DAY
    times[0] = 10 * DAY
    recommender = create("liked-first", {"days": 2, "fading": 0.5, "everybody": 2})
    recommender.fit(sparse.csr_matrix(LIKES, dtype=np.float32), times=times)
    # Film 0 is the second like of the first user, and shares the first place of the second one; its third is too old.
    first = [0.5**0.5 + 1 + 2 * 3 / 6, 1 + 2 * 2 / 6, 1 + 2 * 1 / 6, 0]
    assert recommender.score_one([], []).tolist() == pytest.approx(first)


def test_likes_before_the_window_and_of_unknown_time_came_first() -> None:
    """They count for nothing themselves, however wide it is, but who has liked much before is no newcomer."""
    matrix = sparse.csr_matrix([[1, 1, 1, 1]], dtype=np.float32)
    recommender = create("liked-first", {"days": 2, "fading": 1, "everybody": 0})
    recommender.fit(matrix, times=np.array([-1, 1, 1, 10]) * DAY)
    assert recommender.score_one([], []).tolist() == [0, 0, 0, 0.25]
    recommender = create("liked-first", {"days": 100, "fading": 1, "everybody": 0})
    recommender.fit(matrix, times=np.array([-1, 1, 1, 10]) * DAY)
    assert recommender.score_one([], []).tolist() == [0, 0.5, 0.5, 0.25]


def test_without_fading_it_is_what_was_liked_lately() -> None:
    """All likes of the window count alike, so that only equals are in another order than in ``popular-recent``."""
    rng = np.random.default_rng(3)
    matrix = sparse.csr_matrix((rng.random((40, 12)) < 0.4).astype(np.float32))
    times = rng.integers(0, 100, matrix.nnz) * DAY
    first = create("liked-first", {"days": 30, "fading": 0, "everybody": 0})
    recent = create("popular-recent", {"days": 30})
    for model in (first, recent):
        model.fit(matrix, times=times)
    assert first.score_one([], []).tolist() == np.floor(recent.score_one([], [])).tolist()


def test_a_training_that_ends_in_infinity_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a model's arithmetic returns, no number that is not finite is ever kept."""
    monkeypatch.setattr(PopularRecommender, "_popularity", lambda *_: np.array([1, np.inf]))
    recommender = create("popular")
    with pytest.raises(TrainingError, match="popularity"):
        recommender.fit(sparse.csr_matrix(np.ones((1, 2), np.float32)))
    with pytest.raises(NotFittedError):
        recommender.score_one([], [])
