"""The evaluation prints the published numbers of the published splits before it is believed on anything else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg, sparse

from movie_mlops.evaluation import EvaluationCase, evaluate, given_folds

FOLDS = (0, 1, 2, 3)
MOST_POPULAR = (0.1622, 0.1581, 0.1597, 0.1581)
EASE = (0.3362, 0.3336, 0.3354, 0.3318)
TOLERANCE = 0.0005

pytestmark = pytest.mark.data


class Scores:
    """A model that is nothing but one function from histories to scores."""

    def __init__(self, name: str, function: Callable[[sparse.csr_matrix], NDArray[np.float32]]) -> None:
        self.name = name
        self._function = function

    def score(self, histories: sparse.csr_matrix, *, times: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Score every film for every history."""
        return self._function(histories)


def most_popular(train: sparse.csr_matrix) -> Scores:
    counts = np.bincount(train.indices, minlength=train.shape[1]).astype(np.float32)
    return Scores("popular", lambda histories: np.tile(counts, (histories.shape[0], 1)))


def ease(train: sparse.csr_matrix, ridge: float) -> Scores:
    gram = (train.T @ train).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = linalg.inv(gram, overwrite_a=True, assume_a="pos")
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    weights = weights.astype(np.float32)
    return Scores("ease", lambda histories: np.asarray(histories @ weights))


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[EvaluationCase]:
    return given_folds(shared_data / "folds" / "ml-1m-anelli2022")


def test_given_folds_are_read_whole(cases: list[EvaluationCase]) -> None:
    """Every published fold has all its rows: the data set is the training part and the held-out part together."""
    for case in cases:
        assert case.train.nnz + case.held_out.nnz == 571_531
        assert case.held_out.nnz == 116_671
        assert len(case.movie_ids) == 2_810


@pytest.mark.parametrize("fold", FOLDS)
def test_most_popular_scores_its_published_value(cases: list[EvaluationCase], fold: int) -> None:
    """Most popular reaches its known nDCG@10 on each published fold, to within 0.0005."""
    case = cases[fold]
    assert evaluate(most_popular(case.train), case).mean("ndcg@10") == pytest.approx(MOST_POPULAR[fold], abs=TOLERANCE)


@pytest.mark.parametrize("fold", [FOLDS[0], *(pytest.param(fold, marks=pytest.mark.long) for fold in FOLDS[1:])])
def test_ease_scores_its_published_value(cases: list[EvaluationCase], fold: int) -> None:
    """EASE with its published ridge reaches its known nDCG@10 on each published fold, to within 0.0005."""
    case = cases[fold]
    assert evaluate(ease(case.train, 238.56), case).mean("ndcg@10") == pytest.approx(EASE[fold], abs=TOLERANCE)
