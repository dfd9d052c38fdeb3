"""The order in which scores become a list."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders import ranking
from movie_mlops.recommenders.ranking import ScoresRefusedError, top_k

INF = float("inf")


def table(*rows: list[float]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


def test_the_best_scores_come_first() -> None:
    """A list holds the highest scores, the highest first."""
    assert top_k(table([0.1, 0.9, 0.5, 0.7]), 3).tolist() == [[1, 3, 2]]


def test_equal_scores_are_ordered_by_item() -> None:
    """Items with equal scores stand in the order of their index, at the boundary of the list too."""
    assert top_k(table([5, 7, 5, 5, 7, 5]), 4).tolist() == [[1, 4, 0, 2]]


def test_what_is_excluded_never_appears() -> None:
    """An excluded item is not in the list, however good its score and even where a zero is stored for it."""
    exclude = sparse.csr_matrix((np.array([1, 0], np.float32), [1, 3], [0, 2]), shape=(1, 4))
    assert exclude.nnz == 2
    assert top_k(table([0.1, 0.9, 0.5, 0.7]), 3, exclude=exclude).tolist() == [[2, 0, -1]]


def test_a_list_that_cannot_be_filled_ends_in_minus_one() -> None:
    """Where there are fewer items than places, or all are excluded, the places that are left hold -1."""
    exclude = sparse.csr_matrix(np.array([[0, 0], [1, 1]], np.float32))
    assert top_k(table([1, 2], [1, 2]), 4, exclude=exclude).tolist() == [[1, 0, -1, -1], [-1, -1, -1, -1]]


def test_minus_infinity_means_never_show() -> None:
    """An item with the score -inf is not shown; +inf is the best score."""
    assert top_k(table([-INF, 1, INF, -INF]), 3).tolist() == [[2, 1, -1]]


def test_nan_is_refused() -> None:
    """A score that is not a number is refused with its place, not ranked somewhere."""
    with pytest.raises(ScoresRefusedError, match="row 1, item 0 is not a number"):
        top_k(table([1, 2], [float("nan"), 1]), 1)


def test_nothing_to_rank_gives_empty_places() -> None:
    """No users give no lists; no items give lists of empty places."""
    assert top_k(np.empty((0, 3), np.float32), 2).shape == (0, 2)
    assert top_k(np.empty((1, 0), np.float32), 2).tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("scores", "k", "exclude"),
    [
        (np.zeros((1, 2), np.float32), 0, None),
        (np.zeros(2, np.float32), 1, None),
        (np.zeros((1, 2), np.float32), 1, sparse.csr_matrix((2, 2), dtype=np.float32)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    scores: NDArray[np.float32], k: int, exclude: sparse.csr_matrix | None
) -> None:
    """A list of no places, scores that are no table and an exclusion of another shape are refused."""
    with pytest.raises(ValueError, match=r"k must|table of users|exclude has"):
        top_k(scores, k, exclude=exclude)


def test_the_scores_are_left_as_they_are() -> None:
    """Ranking with exclusions does not change the caller's scores."""
    scores = table([3, 2, 1])
    top_k(scores, 2, exclude=sparse.csr_matrix(np.array([[1, 0, 0]], np.float32)))
    assert scores.tolist() == [[3, 2, 1]]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_it_equals_sorting_everything(data: st.DataObject) -> None:
    """On any scores, with ties, infinities and exclusions, the list is the start of the whole sorted order."""
    users, items, k = (data.draw(st.integers(1, n)) for n in (4, 12, 14))
    values = st.sampled_from([-INF, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, INF])
    scores = data.draw(arrays.arrays(np.float32, (users, items), elements=values))
    hidden = data.draw(arrays.arrays(np.bool_, (users, items)))
    expected = []
    for row, gone in zip(scores, hidden, strict=True):
        order = sorted((-score, item) for item, score in enumerate(row) if not gone[item] and score != -INF)
        expected.append(([item for _, item in order] + [-1] * k)[:k])
    assert top_k(scores, k, exclude=sparse.csr_matrix(hidden.astype(np.float32))).tolist() == expected


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists are the same however many users are worked on at once."""
    generator = np.random.default_rng(3)
    scores = generator.integers(0, 5, (37, 11)).astype(np.float32)
    exclude = sparse.csr_matrix((generator.random((37, 11)) < 0.3).astype(np.float32))
    whole = top_k(scores, 6, exclude=exclude)
    monkeypatch.setattr(ranking, "_BLOCK_VALUES", 25)
    assert (top_k(scores, 6, exclude=exclude) == whole).all()


@pytest.mark.parametrize("kinds", [3, 40, 100_000])
def test_long_rows_equal_sorting_everything(kinds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of thousands of items, with few and with very many ties, give the start of the whole sorted order."""
    generator = np.random.default_rng(kinds)
    scores = generator.integers(0, kinds, (60, 1_803)).astype(np.float32)
    scores[3] = -INF
    scores[4, 7:] = -INF
    hidden = generator.random(scores.shape) < 0.2
    monkeypatch.setattr(ranking, "_BLOCK_VALUES", 1_803 * 4)
    for k in (1, 10, 50):
        given = np.where(hidden, -INF, scores)
        expected = np.argsort(-given, axis=1, kind="stable")[:, :k]
        expected = np.where(np.take_along_axis(given, expected, axis=1) == -INF, -1, expected)
        assert (top_k(scores, k, exclude=sparse.csr_matrix(hidden.astype(np.float32))) == expected).all()


@pytest.mark.parametrize("place", [0, 5, 1_802])
def test_nan_is_refused_wherever_it_stands(place: int) -> None:
    """A score that is not a number is found at the ends of a long row and behind an exclusion too."""
    scores = np.zeros((2, 1_803), np.float32)
    scores[1, place] = np.nan
    exclude = sparse.csr_matrix((np.ones(1, np.float32), ([1], [5])), shape=scores.shape)
    with pytest.raises(ScoresRefusedError, match=f"row 1, item {place} is not a number"):
        top_k(scores, 10, exclude=exclude)
