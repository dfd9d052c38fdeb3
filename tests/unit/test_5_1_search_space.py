"""The words in which a recommender says where its parameters may lie."""

import pytest

from movie_mlops.recommenders import Choice, ParameterError, Range, search_space


@pytest.mark.parametrize(("low", "high", "log"), [(2, 2, False), (3, 2, False), (0, 1, True), (float("nan"), 1, False)])
def test_what_is_no_range_is_refused(low: float, high: float, log: bool) -> None:
    """Bounds that leave nothing between them, or that have no logarithm, are an error where they are written."""
    with pytest.raises(ParameterError, match="lower bound below the upper one"):
        Range(low, high, log=log)


def test_a_range_and_a_choice_know_what_lies_in_them() -> None:
    """Bounds belong to a range; a choice has nothing but its values, and each of them is an end."""
    assert [Range(1, 4).holds(value) for value in (0.9, 1, 2.5, 4, 4.1, "2")] == [False, True, True, True, False, False]
    assert Range(1, 4).ends == (1, 4)
    assert Choice(("cosine", "jaccard")).holds("jaccard")
    assert not Choice(("cosine", "jaccard")).holds("pearson")
    assert Choice((True, False)).ends == (True, False)


def test_what_has_nothing_to_choose_says_so() -> None:
    """Popularity of all time has no parameter, and so an empty space."""
    assert search_space("popular") == {}
