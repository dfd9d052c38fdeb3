"""What a list of recommendations is worth, by hand and by brute force."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, EvaluationError, evaluate, metrics
from movie_mlops.evaluation.metrics import PER_USER

Rows = list[list[float]]


class Fixed:
    """A model that knows its scores by heart: those of the next users that it is asked for."""

    name = "fixed"

    def __init__(self, scores: Rows) -> None:
        self._scores = np.array(scores, dtype=np.float32)
        self._at = 0
        self.asked: list[int] = []

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Score every film for every history."""
        count = histories.shape[0]
        self.asked.append(count)
        self._at += count
        return self._scores[self._at - count : self._at]


class Timed(Fixed):
    """A model that remembers the times that it was given with each block of histories."""

    def __init__(self, scores: Rows) -> None:
        super().__init__(scores)
        self.told: list[list[int]] = []

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Score every film for every history."""
        assert times is not None
        self.told.append(times.tolist())
        return super().score(histories)


def csr(rows: Rows) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


def case(*, train: Rows, seen: Rows, held_out: Rows) -> EvaluationCase:
    return EvaluationCase(
        name="hand",
        train=csr(train),
        train_times=None,
        histories=csr(seen),
        seen=csr(seen),
        held_out=csr(held_out),
        user_ids=[f"u{i}" for i in range(len(held_out))],
        movie_ids=np.arange(len(held_out[0]), dtype=np.int64),
    )


# Ranks 1 to 4 of three lists; the users have 2, 6 and 1 items held out.
HITS = np.array([[1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0]], dtype=np.bool_)
HELD_OUT = np.array([2, 6, 1], dtype=np.int64)
LOG3, LOG5 = math.log2(3), math.log2(5)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        # The ideal list of the first user is cut at its 2 items, that of the second at the 4 places.
        ("ndcg", [(1 + 1 / 2) / (1 + 1 / LOG3), (1 / LOG3 + 1 / 2 + 1 / LOG5) / (1 + 1 / LOG3 + 1 / 2 + 1 / LOG5), 0]),
        ("recall", [2 / 2, 3 / 4, 0]),
        ("map", [(1 / 1 + 2 / 3) / 2, (1 / 2 + 2 / 3 + 3 / 4) / 4, 0]),
        ("hit_rate", [1, 1, 0]),
        ("precision", [2 / 4, 3 / 4, 0]),
        ("mrr", [1, 1 / 2, 0]),
    ],
)
def test_per_user_metrics_by_hand(metric: str, expected: list[float]) -> None:
    """Every per-user metric gives the values that were worked out by hand."""
    values = PER_USER[metric](HITS, HELD_OUT)
    assert values.dtype == np.float64
    assert values.tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("held_out", [1, 2, 3, 10])
def test_a_perfect_list_scores_one(held_out: int) -> None:
    """A list with every held-out film at its head, as far as it reaches, scores 1 however many were held out."""
    hits = np.arange(3)[None, :] < held_out
    for metric in ("ndcg", "recall", "map"):
        assert PER_USER[metric](hits, np.array([held_out])).tolist() == pytest.approx([1.0])


def test_list_metrics_by_hand() -> None:
    """Coverage, novelty and Gini give the values that were worked out by hand."""
    exposure = np.array([4, 0, 2, 2], dtype=np.int64)
    popularity = np.array([8, 5, 4, 0], dtype=np.int64)
    assert metrics.coverage(exposure) == pytest.approx(3 / 4)
    # -log2 of 8/8, 4/8 and (as if one had it) 1/8 is 0, 1 and 3 bits; shown 4, 2 and 2 times.
    assert metrics.novelty(exposure, popularity, 8) == pytest.approx((4 * 0 + 2 * 1 + 2 * 3) / 8)
    # Ascending 0 2 2 4: (-3·0 - 1·2 + 1·2 + 3·4) / (4 · 8)
    assert metrics.gini(exposure) == pytest.approx(12 / 32)


def test_gini_is_zero_for_equal_and_near_one_for_one_film() -> None:
    """Equal exposure has the Gini coefficient 0; one film of a hundred that takes all has 0.99."""
    assert metrics.gini(np.full(7, 3)) == pytest.approx(0.0)
    assert metrics.gini(np.eye(1, 100, dtype=np.int64)[0]) == pytest.approx(0.99)


def test_a_whole_evaluation_by_hand() -> None:
    """A model on a small case: known films are masked, hits are found, and the lists are summed up."""
    judged = case(
        train=[[1, 1, 0, 0, 0], [1, 0, 1, 0, 0]],
        seen=[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]],
        held_out=[[0, 0, 1, 0, 0], [0, 0, 0, 1, 1]],
    )
    model = Fixed([[9, 8, 7, 1, 0], [1, 9, 0, 5, 5]])
    scores = evaluate(model, judged, EvaluationConfig(cutoffs=(1, 2), resamples=50))
    # First user: 1, 2 (0 is known); second: 3, 4 (1 is known).
    assert scores.per_user["recall@1"].tolist() == [0, 1]
    assert scores.per_user["recall@2"].tolist() == [1, 1]
    assert scores.per_user["ndcg@2"].tolist() == pytest.approx([1 / LOG3, 1])
    assert scores.lists["coverage@2"] == pytest.approx(4 / 5)
    assert scores.lists["coverage@1"] == pytest.approx(2 / 5)
    # Popularity 2 1 1 0 0 of 2 users: films 1 to 4 have 1 bit each.
    assert scores.lists["novelty@2"] == pytest.approx(1.0)
    assert scores.history_sizes.tolist() == [1, 1]
    assert (scores.model, scores.case) == ("fixed", "hand")


def test_an_item_is_no_hit_for_the_neighbouring_user() -> None:
    """Empty places of a list never count as a hit, not even beside another user's last film."""
    judged = case(train=[[1, 1]], seen=[[1, 0], [1, 0]], held_out=[[0, 1], [0, 1]])
    scores = evaluate(Fixed([[1, 1], [1, 1]]), judged, EvaluationConfig(cutoffs=(2,), resamples=10))
    assert scores.per_user["precision@2"].tolist() == [0.5, 0.5]


def test_blocks_bound_the_memory_and_do_not_show() -> None:
    """A model is asked for no more scores at once than configured, and the results are the same."""
    rows = np.random.default_rng(1).random((7, 4)).tolist()
    judged = case(train=[[1, 1, 1, 1]], seen=[[0, 0, 0, 0]] * 7, held_out=[[0, 1, 0, 1]] * 7)
    whole, blocked = Fixed(rows), Fixed(rows)
    one = evaluate(whole, judged, EvaluationConfig(cutoffs=(2,)))
    other = evaluate(blocked, judged, EvaluationConfig(cutoffs=(2,), block_scores=12))
    assert (whole.asked, blocked.asked) == ([7], [3, 3, 1])
    assert all((one.per_user[name] == other.per_user[name]).all() for name in one.per_user)


def test_a_model_of_another_catalogue_is_refused() -> None:
    """Scores of another shape than the case's are refused with both shapes."""
    judged = case(train=[[1, 1]], seen=[[1, 0]], held_out=[[0, 1]])
    with pytest.raises(EvaluationError, match=r"\(1, 3\) instead of \(1, 2\)"):
        evaluate(Fixed([[1, 1, 1]]), judged)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_an_evaluation_equals_brute_force(data: st.DataObject) -> None:
    """On any small case, with ties, the metrics equal those of plain loops over sorted lists."""
    users, items, k = (data.draw(st.integers(low, high)) for low, high in ((1, 4), (2, 8), (1, 9)))
    scores = [[float(data.draw(st.integers(0, 3))) for _ in range(items)] for _ in range(users)]
    # 0: unknown, 1: known, 2: held out; everybody has something held out.
    state = [[data.draw(st.integers(0, 2)) for _ in range(items)] for _ in range(users)]
    for row in state:
        row[data.draw(st.integers(0, items - 1))] = 2
    judged = case(
        train=[[1.0] * items],
        seen=[[float(s == 1) for s in row] for row in state],
        held_out=[[float(s == 2) for s in row] for row in state],
    )
    result = evaluate(Fixed(scores), judged, EvaluationConfig(cutoffs=(k,), resamples=2))
    for user in range(users):
        ranked = sorted((i for i in range(items) if state[user][i] != 1), key=lambda i: (-scores[user][i], i))[:k]
        wanted = {i for i in range(items) if state[user][i] == 2}
        found = [i in wanted for i in ranked]
        best = min(k, len(wanted))
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(found) if hit)
        ideal = sum(1 / math.log2(rank + 2) for rank in range(best))
        precisions = [sum(found[: rank + 1]) / (rank + 1) for rank, hit in enumerate(found) if hit]
        expected = {
            "ndcg": gain / ideal,
            "recall": sum(found) / best,
            "map": sum(precisions) / best,
            "hit_rate": float(any(found)),
            "precision": sum(found) / k,
            "mrr": 1 / (found.index(True) + 1) if any(found) else 0.0,
        }
        for metric, value in expected.items():
            assert result.per_user[f"{metric}@{k}"][user] == pytest.approx(value, abs=1e-12)


def test_a_model_is_given_the_times_of_the_histories_that_it_scores() -> None:
    """Block by block, each model gets the times of that block's films, in their order."""
    seen = [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]
    judged = case(train=seen, seen=seen, held_out=[[0, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    model = Timed([[1.0, 2.0, 3.0, 4.0]] * 3)
    evaluate(model, replace(judged, history_times=np.arange(10, 15)), EvaluationConfig(block_scores=8, cutoffs=(2,)))
    assert model.told == [[10, 11, 12], [13, 14]]
