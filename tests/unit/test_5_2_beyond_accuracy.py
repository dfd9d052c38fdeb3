"""What lists are worth beyond hits: without the bonus for popular films, and in what they hold."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, EvaluationError, Films, evaluate, metrics

LOG3 = math.log2(3)


def csr(rows: list[list[float]]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


class Fixed:
    """A model that scores film 0 highest, then 1, and on, for everybody."""

    name = "fixed"

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Return falling scores."""
        return np.tile(np.arange(histories.shape[1], 0, -1, dtype=np.float32), (histories.shape[0], 1))


def case() -> EvaluationCase:
    """Likes in training: 9, 4, 3, 0 and 1; with what is held out 9, 4, 4, 1 and 1. The last user knows film 0."""
    likes = [9, 4, 3, 0, 1]
    return EvaluationCase(
        name="hand",
        train=csr([[float(row < many) for many in likes] for row in range(9)]),
        train_times=None,
        histories=csr([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]),
        seen=csr([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]),
        held_out=csr([[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]),
        user_ids=["a", "b"],
        movie_ids=np.arange(5, dtype=np.int64),
    )


def test_unbiased_metrics_by_hand() -> None:
    """A hit counts by one over the root of the film's likes; the mean is what was reached over what could be."""
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(2, 3)))
    # Lists: a: 0 2 (3), b: 1 2 (3). a finds film 2 of weight 1/2 at rank 2; b finds film 3 of weight 1 at rank 3.
    assert found.per_user["ndcg_unbiased@2"].tolist() == pytest.approx([0.5 / LOG3 / 0.75, 0.0])
    assert found.mean("ndcg_unbiased@3") == pytest.approx((0.5 / LOG3 + 1 / 2) / (0.5 + 1))
    assert found.mean("recall_unbiased@2") == pytest.approx(0.5 / 1.5)
    assert found.mean("recall_unbiased@3") == pytest.approx(1.0)


def test_without_a_power_unbiased_ndcg_is_ndcg() -> None:
    """Where all films are taken for equally visible and all users have as much to find, nothing changes."""
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(3,), propensity_power=0.0))
    assert found.per_user["ndcg_unbiased@3"].tolist() == pytest.approx(found.per_user["ndcg@3"].tolist())


def test_a_perfect_model_has_one_and_a_popular_one_loses() -> None:
    """On random cases the mean of perfect lists is 1, and hits on popular films are worth less than on rare ones."""
    generator = np.random.default_rng(5)
    popularity = np.arange(30, 0, -1) ** 2
    wanted = (generator.random((50, 30)) < 0.2).astype(np.float32)
    wanted[:, 0] = wanted[:, 29] = 1.0
    weights = metrics.propensity_weights(popularity, 0.5)
    ranked = np.argsort(-(wanted * weights), axis=1)[:, :10]
    best = np.take_along_axis(wanted * weights, ranked, axis=1)
    for measure in metrics.UNBIASED.values():
        assert measure(best, best).mean() == pytest.approx(1.0)
        first, last = np.zeros_like(best), np.zeros_like(best)
        first[:, 0], last[:, 0] = weights[0], weights[29]
        assert measure(last, best).mean() > 5 * measure(first, best).mean() > 0


def test_the_weights_cancel_a_known_bias() -> None:
    """Where films are seen with a known probability, the weighted recall is that of everything people like."""
    generator = np.random.default_rng(11)
    likes = (generator.random((4_000, 12)) < 0.5).astype(np.float64)
    seen_with = np.linspace(1.0, 0.05, 12)
    observed = likes * (generator.random(likes.shape) < seen_with)
    shown = np.arange(6)
    truth = likes[:, shown].sum() / likes.sum()
    plain = observed[:, shown].sum() / observed.sum()
    weights = metrics.propensity_weights((seen_with * 10_000).astype(np.int64), 1.0)
    gains = observed * weights
    best = -np.sort(-gains, axis=1)
    weighted = metrics.unbiased_recall(gains[:, shown], best).mean()
    assert plain - truth > 0.2
    assert abs(weighted - truth) < 0.01


def test_serendipity_counts_what_popularity_would_not_have_shown() -> None:
    """A hit that the most popular films the user does not know would have been does not count."""
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(2, 3)))
    # Most popular unknown: a: 0 2 3, b: 1 2 4; b's film 3 is in no popular list of three.
    assert found.per_user["recall@3"].tolist() == [1.0, 1.0]
    assert found.per_user["serendipity@3"].tolist() == [0.0, 1.0]


def test_popularity_lift_by_hand() -> None:
    """Lists are held against histories: twice as popular is 1, as popular is 0, and nobody is nothing."""
    assert metrics.popularity_lift(np.array([4.0, 8.0]), np.array([2.0, 4.0])) == pytest.approx(1.0)
    assert metrics.popularity_lift(np.array([4.0, np.nan]), np.array([4.0, 4.0])) == pytest.approx(0.0)
    assert np.isnan(metrics.popularity_lift(np.array([4.0]), np.array([np.nan])))
    # a: films 0 and 2 (9 and 3 likes) after 1 and 4 (4 and 1); b: films 1 and 2 after film 0.
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(2,)))
    assert found.lists["popularity_lift@2"] == pytest.approx((6 + 3.5) / (2.5 + 9) - 1)


def test_diversity_by_hand() -> None:
    """Films of one genre are alike, of two unlike, half-half in between; films without a genre are no part of it."""
    movies = pl.DataFrame(
        {"movie_id": [0, 1, 2, 3], "year": [None] * 4, "genres": [["A"], ["B"], ["A", "B"], []]},
        schema={"movie_id": pl.Int64, "year": pl.Int32, "genres": pl.List(pl.String)},
    )
    films = Films.of(movies, np.arange(5, dtype=np.int64))
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(2, 3)), films=films)
    # a: 0 2 3, b: 1 2 3: a pair of one genre with both, 1 - 1 / sqrt 2 apart.
    assert found.lists["diversity@2"] == pytest.approx(1 - 1 / math.sqrt(2))
    assert found.lists["diversity@3"] == pytest.approx(1 - 1 / math.sqrt(2))
    assert metrics.diversity(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([2, 2])).tolist() == [0.0, 1.0]
    assert np.isnan(metrics.diversity(np.zeros((1, 2)), np.array([1]))).all()
    assert "diversity@3" not in evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(3,))).lists


def test_unbiased_slices_ask_for_nothing_but_their_films() -> None:
    """The unbiased metric can be sliced too; a slice without a film to find is unknown."""
    movies = pl.DataFrame(
        {"movie_id": [2, 3], "year": [None, None], "genres": [["A"], ["B"]]},
        schema={"movie_id": pl.Int64, "year": pl.Int32, "genres": pl.List(pl.String)},
    )
    films = Films.of(movies, np.arange(5, dtype=np.int64))
    found = evaluate(Fixed(), case(), EvaluationConfig(cutoffs=(3,)), films=films, sliced="ndcg_unbiased@3")
    assert found.slices["genre: A"][0] == pytest.approx(1 / LOG3)
    assert np.isnan(found.slices["genre: A"][1])
    assert found.slices["genre: B"][1] == pytest.approx(1 / 2)


def test_a_power_below_zero_is_refused() -> None:
    """A negative power would reward popularity, and is refused."""
    with pytest.raises(EvaluationError, match="propensity_power is -1"):
        EvaluationConfig(propensity_power=-1.0)
