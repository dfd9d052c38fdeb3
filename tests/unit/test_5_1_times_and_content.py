"""How times of a history and facts of films reach the models that read them, and leave the others alone."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders import NAMES, Capabilities, HistoryError, MatrixError, Recommender, create
from movie_mlops.recommenders.config import PopularParams
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.stored import Arrays, Layout
from tests.fixtures.stage_5.models import parameters

UNKNOWN = -1
PARAMS = {"sasrec": {"epochs": 1}, "vae": {"epochs": 1, "hidden": 4, "factors": 2}}


class Probe(Recommender):
    """Scores a film by its content's sum plus the time at which the history met it."""

    name = "probe"
    capabilities = Capabilities(
        personalised=True,
        needs_times=False,
        similar=False,
        explains=True,
        reads_times=True,
        reads_content=True,
        scores_unseen=True,
    )
    params_type = PopularParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        self.training = training
        told = training.content
        facts = np.zeros(training.matrix.shape[1]) if told is None else told.sum(axis=1)
        advance(100)
        return {"facts": np.asarray(facts, np.float32)}

    def _layout(self, n_known: int) -> Layout:
        return {"facts": (np.float32, (n_known,))}

    def _adopt(self, learned: Arrays) -> None:
        self.facts = learned["facts"]

    def _score(self, histories: Csr) -> Any:
        return self._score_at(histories, None)

    def _score_at(self, histories: Csr, times: Any) -> Any:
        scores = np.tile(self.facts, (histories.shape[0], 1))
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        scores[rows, histories.indices] += UNKNOWN if times is None else times
        return scores

    def _score_one(self, items: Any, weights: Any) -> Any:
        return self._score_one_at(items, weights, None)

    def _score_one_at(self, items: Any, weights: Any, times: Any) -> Any:
        scores = self.facts.copy()
        scores[items] += UNKNOWN if times is None else times
        return scores

    def _explain_at(self, items: Any, weights: Any, targets: Any, times: Any) -> Any:
        return np.tile(np.asarray(times, np.float32), (len(targets), 1))

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        return 1


def probe() -> Probe:
    """Five films: 0, 1 and 4 are liked, 2 has content alone, 3 nothing; film i has the content i + 1."""
    recommender = Probe()
    matrix = sparse.csr_matrix(np.array([[1, 1, 0, 0, 0], [0, 0, 0, 0, 1]], np.float32))
    content = sparse.csr_matrix(np.array([[1, 0], [2, 0], [0, 3], [0, 0], [4, 1]], np.float32))
    recommender.fit(matrix, content=content)
    return recommender


def test_a_film_with_content_and_no_like_is_known() -> None:
    """What content alone tells of a film gives it a real score; of one that nothing is known of, the lowest."""
    scores = probe().score(sparse.csr_matrix((1, 5), dtype=np.float32))
    np.testing.assert_array_equal(scores, [[1, 2, 3, 0, 5]])


def test_content_stays_in_step_with_the_films_that_are_left() -> None:
    """A model sees one row of content for each column of its matrix."""
    training = probe().training
    assert training.content is not None
    assert training.matrix.shape == (2, 4)
    np.testing.assert_array_equal(training.content.toarray(), [[1, 0], [2, 0], [0, 3], [4, 1]])


def test_times_stay_in_step_with_films_that_are_sorted_or_left_out() -> None:
    """Rows in any order, stored zeros and films that nobody knows: each film keeps its own time."""
    recommender = probe()
    rows = sparse.csr_matrix((2, 5), dtype=np.float32)
    rows.data, rows.indices = np.array([1, 0, 1, 1, 1], np.float32), np.array([4, 0, 3, 1, 2], np.int32)
    rows.indptr = np.array([0, 4, 5], np.int32)
    scores = recommender.score(rows, times=[100, 200, 300, 400, 500])
    np.testing.assert_array_equal(scores, [[1, 402, 3, 0, 105], [1, 2, 503, 0, 5]])
    one = recommender.score_one([4, 0, 3, 1], [1, 0, 1, 1], times=[100, 200, 300, 400])
    np.testing.assert_array_equal(one, scores[0])
    told = recommender.explain_many([4, 0, 3, 1], [1, 0, 1, 1], [0], times=[100, 200, 300, 400])
    np.testing.assert_array_equal(told, [[100, 0, 0, 400]])
    np.testing.assert_array_equal(recommender.explain([4], [1], 0, times=[7]), [7])


def test_without_times_they_are_unknown() -> None:
    """A model that reads times answers without them too."""
    np.testing.assert_array_equal(probe().score_one([0], [1]), [0, 2, 3, 0, 5])


@pytest.mark.parametrize("times", [[1], [1, 2, 3], [1.0, 2.0], [[1, 2]]])
def test_times_out_of_step_with_a_history_are_refused(times: Any) -> None:
    """Too few, too many, in the wrong form or no whole numbers: each question refuses them."""
    recommender = probe()
    with pytest.raises(HistoryError, match="times"):
        recommender.score_one([0, 1], [1, 1], times=times)
    with pytest.raises(HistoryError, match="times"):
        recommender.explain_many([0, 1], [1, 1], [2], times=times)
    with pytest.raises(MatrixError, match="times"):
        recommender.score(sparse.csr_matrix(np.array([[1, 1, 0, 0, 0]], np.float32)), times=times)


@pytest.mark.parametrize("name", parameters())
def test_content_that_cannot_be_used_is_refused_by_all(name: str) -> None:
    """A row too few, NaN, a negative value and a dense array are refused, also by those that do not read content."""
    matrix = sparse.csr_matrix(np.eye(3, dtype=np.float32))
    for content in (
        sparse.csr_matrix((2, 4)),
        sparse.csr_matrix([[np.nan], [1], [1]]),
        sparse.csr_matrix([[-1.0], [1], [1]]),
        np.ones((3, 1)),
    ):
        with pytest.raises(MatrixError, match="content"):
            create(name, PARAMS.get(name)).fit(matrix, times=[1, 2, 3], content=content)


@pytest.mark.parametrize("name", parameters(name for name in NAMES if not create(name).capabilities.reads_content))
def test_who_does_not_read_content_learns_the_same_bytes(name: str) -> None:
    """Content changes nothing in what the other models learn: their bundles stay as they are."""
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], np.float32))
    without, given = create(name, PARAMS.get(name)), create(name, PARAMS.get(name))
    without.fit(matrix, times=[1, 2, 3])
    given.fit(matrix, times=[1, 2, 3], content=sparse.csr_matrix(np.ones((3, 2), np.float32)))
    assert without.arrays().keys() == given.arrays().keys()
    for key, array in without.arrays().items():
        np.testing.assert_array_equal(given.arrays()[key], array)


@pytest.mark.parametrize("name", parameters(name for name in NAMES if not create(name).capabilities.reads_times))
def test_who_does_not_read_times_scores_the_same_with_them(name: str) -> None:
    """Times of a history change nothing in the other models' scores."""
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 1, 1]], np.float32))
    recommender = create(name, PARAMS.get(name))
    recommender.fit(matrix, times=[1, 2, 3, 4])
    np.testing.assert_array_equal(recommender.score(matrix, times=[9, 1, 5, 3]), recommender.score(matrix))
