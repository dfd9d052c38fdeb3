"""Lists with a little chance in them: what is drawn, and how probable it was."""

from itertools import permutations

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import NO_ITEM, ExploringPolicy, top_k
from movie_mlops.recommenders.errors import ParameterError

SCORES = np.array([[0.4, 0.9, 0.1, 0.7, 0.2]], np.float32)


def everything(k: int, items: int = 5) -> np.ndarray:
    return np.array(list(permutations(range(items), k)), np.int32)


@pytest.mark.parametrize(("share", "pool"), [(0.0, None), (0.3, None), (0.3, 3), (1.0, None), (0.5, 2)])
def test_the_probabilities_of_all_lists_sum_to_one(share: float, pool: int | None) -> None:
    """The product of the probabilities of a list's places, over every possible list, is 1 altogether."""
    lists = everything(3)
    policy = ExploringPolicy(share, pool)
    chances = policy.propensities(np.repeat(SCORES, len(lists), axis=0), lists).prod(axis=1)
    assert chances.sum() == pytest.approx(1)
    possible = policy.reach(SCORES, 3)[0]
    assert (chances[~possible[lists].all(axis=1)] == 0).all()


@pytest.mark.parametrize("pool", [None, 4])
def test_lists_are_drawn_as_often_as_their_probability_says(pool: int | None) -> None:
    """Of 40,000 lists each possible one comes as often as its places' probabilities say, and reports the same ones."""
    policy, draws = ExploringPolicy(0.6, pool), 40_000
    scores = np.repeat(SCORES, draws, axis=0)
    drawn, told = policy.draw(scores, 2, np.random.default_rng(5))
    assert np.array_equal(told, policy.propensities(scores, drawn))
    lists = everything(2)
    expected = policy.propensities(np.repeat(SCORES, len(lists), axis=0), lists).prod(axis=1)
    seen = np.array([(drawn == one).all(axis=1).mean() for one in lists])
    assert np.abs(seen - expected).max() < 4 * np.sqrt(0.25 / draws)
    assert (seen[expected == 0] == 0).all()


def test_without_chance_it_is_the_best_list() -> None:
    """A share of 0 gives what top_k gives, each choice with probability 1."""
    scores = np.random.default_rng(1).random((30, 40)).astype(np.float32)
    lists, told = ExploringPolicy(0.0).draw(scores, 7, np.random.default_rng(2))
    assert np.array_equal(lists, top_k(scores, 7))
    assert (told == 1).all()


def test_what_is_excluded_is_never_drawn_and_a_list_may_be_short() -> None:
    """Excluded films and those scored -inf stay away, nothing comes twice, and a list ends where films do."""
    scores = np.repeat(SCORES, 500, axis=0)
    scores[:, 0] = -np.inf
    exclude = sparse.csr_matrix(np.repeat([[0, 1, 0, 0, 0]], 500, axis=0).astype(np.float32))
    lists, told = ExploringPolicy(0.5).draw(scores, 4, np.random.default_rng(3), exclude=exclude)
    assert (np.sort(lists, axis=1) == [NO_ITEM, 2, 3, 4]).all()
    assert (lists[:, 3] == NO_ITEM).all()
    assert (told[:, 3] == 1).all()
    assert np.array_equal(told, ExploringPolicy(0.5).propensities(scores, lists, exclude=exclude))


def test_the_expectation_is_the_mean_over_the_next_choice() -> None:
    """What a place is worth is the probability-weighted worth of all films that could stand there."""
    policy = ExploringPolicy(0.4, 4)
    worth = np.array([[3.0, 1.0, 9.0, 2.0, 5.0]])
    above = np.array([[3, 1]], np.int32)
    expected = policy.expectations(SCORES, above, worth)[1]
    for place in range(2):
        lists = np.repeat(above, 5, axis=0)
        lists[:, place] = np.arange(5)
        chances = policy.propensities(np.repeat(SCORES, 5, axis=0), lists)[:, place]
        assert chances.sum() == pytest.approx(1)
        assert expected[0, place] == pytest.approx(chances @ worth[0])


@pytest.mark.parametrize(("share", "pool"), [(-0.1, None), (1.1, None), (float("nan"), None), (0.1, 0)])
def test_a_policy_out_of_range_is_refused(share: float, pool: int | None) -> None:
    """A share that is no probability and a pool without films are refused."""
    with pytest.raises(ParameterError):
        ExploringPolicy(share, pool)
