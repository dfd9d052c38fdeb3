"""Item-kNN: cosine with shrinkage."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import RestoreError, TrainingError, create, gram, restore
from movie_mlops.recommenders.neighbours import strongest_of

#        film:  0  1  2  3
LIKES = sparse.csr_matrix(
    [[1, 1, 0, 0],
     [1, 1, 1, 0],
     [1, 0, 1, 0],
     [0, 0, 1, 2]], dtype=np.float32)  # fmt: skip


def fitted(neighbours: int, shrinkage: float):
    recommender = create("item-knn", {"neighbours": neighbours, "shrinkage": shrinkage})
    recommender.fit(LIKES)
    return recommender


def test_similarity_is_the_cosine_with_shrinkage() -> None:
    """Similarity is shared weight / (length · length + shrinkage): 2 / (√3 √2 + 1) for films 0 and 1, and so on."""
    recommender = fitted(10, 1)
    films, values = recommender.similar(0, 10)
    assert films.tolist() == [1, 2]
    np.testing.assert_allclose(values, [0.57979590, 0.5], rtol=1e-6)
    films, values = recommender.similar(3, 10)
    assert films.tolist() == [2]
    np.testing.assert_allclose(values, [2 / (2 * 3**0.5 + 1)], rtol=1e-6)


def test_score_is_the_weighted_sum_of_similarities() -> None:
    """A history of film 1 (weight 1) and film 2 (weight 3) scores film 0 with s(0,1) + 3 s(0,2), without shrinkage."""
    scores = fitted(10, 0).score_one([1, 2], [1, 3])
    np.testing.assert_allclose(
        scores, [0.81649658 + 3 * 0.66666667, 3 * 0.40824829, 0.40824829, 3 * 0.57735027], rtol=1e-6
    )


def test_only_the_target_s_own_neighbours_count() -> None:
    """With one neighbour each, film 2's is film 0 (0.67), and film 0's is film 1 (0.82): 2 is scored by 0 alone."""
    recommender = fitted(1, 0)
    assert [recommender.similar(item, 5)[0].tolist() for item in range(4)] == [[1], [0], [0], [2]]
    np.testing.assert_allclose(recommender.score_one([0], [1]), [0, 0.81649658, 0.66666667, 0], rtol=1e-6)
    np.testing.assert_allclose(recommender.score_one([2], [1]), [0, 0, 0, 0.57735027], rtol=1e-6)


def test_equal_neighbours_are_kept_in_the_order_of_films() -> None:
    """Where the last place is contested by equals, the lowest indices win."""
    recommender = create("item-knn", {"neighbours": 2, "shrinkage": 0})
    recommender.fit(sparse.csr_matrix(np.ones((3, 5), np.float32)))
    assert [recommender.similar(item, 5)[0].tolist() for item in range(5)] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_blocks_do_not_change_what_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row at a time gives the same arrays as everything at once."""
    at_once = fitted(2, 1).arrays()
    monkeypatch.setattr(gram, "BLOCK_BYTES", 1)
    for key, array in fitted(2, 1).arrays().items():
        np.testing.assert_array_equal(array, at_once[key])


def test_lists_of_neighbours_that_do_not_fit_together_are_refused() -> None:
    """A neighbour that is no film, and starts that fall, are refused at the restore."""
    arrays = fitted(2, 1).arrays()
    for key, wrong in (
        ("neighbours", arrays["neighbours"] + np.int32(4)),
        ("neighbour_starts", arrays["neighbour_starts"][::-1].copy()),
        ("similarities", arrays["similarities"][:-1]),
    ):
        with pytest.raises(RestoreError):
            restore("item-knn", {}, {**arrays, key: wrong})


def test_the_strongest_are_kept_whatever_the_blocks() -> None:
    """Of equals the first films are kept, nothing that is not above 0 is, and a number that is none is an error."""
    rows = np.array([[0, 3, 3, 3, 1], [0, 0, 2, -1, 0], [5, 0, 0, 0, 0]], np.float32)
    for blocks in ([rows], [rows[:1], rows[1:]], [rows[:2], rows[2:]]):
        found = strongest_of(blocks, 2)
        assert found["neighbour_starts"].tolist() == [0, 2, 3, 4]
        assert found["neighbours"].tolist() == [1, 2, 2, 0]
        assert found["similarities"].tolist() == [3, 3, 2, 5]
    rows[1, 1] = np.nan
    with pytest.raises(TrainingError, match="no number"):
        strongest_of([rows], 2)
