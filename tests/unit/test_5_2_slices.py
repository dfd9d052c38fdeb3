"""Slices of the films, distances between distributions, and how lists follow the genres of histories."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.evaluation import (
    RARE,
    EvaluationCase,
    Films,
    evaluate,
    miscalibration,
    pool,
    segments_by_films,
    total_variation,
)

MOVIES = pl.DataFrame(
    {
        "movie_id": [10, 11, 12, 13],
        "year": [1994, 1999, None, 2003],
        "genres": [["Western"], ["Drama", "Western"], [], ["Drama"]],
    },
    schema={"movie_id": pl.Int64, "year": pl.Int32, "genres": pl.List(pl.String)},
)
IDS = np.array([9, 10, 11, 12, 13], dtype=np.int64)


def csr(rows: list[list[float]]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


class Fixed:
    """A model that shows the same films to everybody."""

    name = "fixed"

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Return 5, 4, 3, 2, 1 for the films of everybody."""
        return np.tile(np.arange(5, 0, -1, dtype=np.float32), (histories.shape[0], 1))


def case(name: str = "hand") -> EvaluationCase:
    """Two users who know film 13; one is to find films 10 and 12, the other film 11."""
    known = csr([[0, 0, 0, 0, 1], [0, 0, 0, 0, 1]])
    return EvaluationCase(
        name=name,
        train=csr([[3, 3, 3, 0, 1], [3, 3, 3, 1, 0], [3, 3, 0, 0, 0], [3, 0, 0, 0, 0]]),
        train_times=None,
        histories=known,
        seen=known,
        held_out=csr([[0, 1, 0, 1, 0], [0, 0, 1, 0, 0]]),
        user_ids=["a", "b"],
        movie_ids=IDS,
    )


def test_films_are_in_the_order_of_the_case() -> None:
    """A film that the catalogue lacks has no genre and no year, and moves no other film."""
    films = Films.of(MOVIES, IDS)
    assert films.genre_names == ("Drama", "Western")
    assert films.genres.toarray().tolist() == [[0, 0], [0, 1], [1, 1], [0, 0], [1, 0]]
    assert films.years.tolist() == [-1, 1994, 1999, -1, 2003]
    assert films.of_genre("Western").tolist() == [1, 2]
    assert films.of_genre("Opera").tolist() == []
    assert films.shares().toarray()[2].tolist() == [0.5, 0.5]


def test_slices_are_genres_decades_and_the_long_tail() -> None:
    """The rare films are the least liked ones that have a fifth of the likes between them."""
    slices = Films.of(MOVIES, IDS).slices(np.array([50, 30, 12, 6, 2]))
    assert {name: member.tolist() for name, member in slices.items()} == {
        "genre: Drama": [False, False, True, False, True],
        "genre: Western": [False, True, True, False, False],
        "decade: 1990s": [False, True, True, False, False],
        "decade: 2000s": [False, False, False, False, True],
        RARE: [False, False, True, True, True],
    }


def test_what_a_model_finds_is_told_by_kind_of_film() -> None:
    """Each slice has the mean over those who had such films to find, and how many they are; small ones are left out."""
    known = np.array([0.5, 1.0, 0.0, 0.5, 0.25, np.nan])
    few = np.where(np.arange(6) < 4, 1.0, np.nan)
    scores = replace(
        evaluate(Fixed(), case()),
        user_ids=list("abcdef"),
        slices={"genre: Western": known, "genre: Drama": few, RARE: np.zeros(6)},
    )
    western, rare = segments_by_films(scores)
    assert (western.label, western.users, western.value.estimate) == ("genre: Western", 5, 0.45)
    assert western.value.low < 0.45 < western.value.high
    assert (rare.label, rare.users, rare.value.low, rare.value.high) == (RARE, 6, 0.0, 0.0)
    assert segments_by_films(replace(scores, slices={})) == []


def test_a_slice_asks_for_nothing_but_its_films() -> None:
    """In a slice only its films are to be found; who has none of them there is no part of it."""
    scores = evaluate(Fixed(), case(), films=Films.of(MOVIES, IDS))
    # Everybody's list is 9, 10, 11, 12: the western 10 is at rank 2, the western 11 at rank 3.
    assert scores.slices["genre: Western"] == pytest.approx([1 / math.log2(3), 0.5])
    assert scores.slices["genre: Drama"][1] == pytest.approx(0.5)
    assert np.isnan(scores.slices["genre: Drama"][0])
    assert np.isnan(scores.slices["decade: 2000s"]).all()
    assert evaluate(Fixed(), case()).slices == {}


def test_slices_of_several_folds_are_joined_where_they_are_known() -> None:
    """A user counts with the mean of the folds in which the slice had something to find."""
    films = Films.of(MOVIES, IDS)
    one, other = (evaluate(Fixed(), case(name), films=films) for name in ("fold-0", "fold-1"))
    other = type(other)(**{**vars(other), "slices": {n: np.array([np.nan, 0.0]) for n in other.slices}})
    pooled = pool([one, other], "2 folds")
    assert pooled.slices["genre: Western"] == pytest.approx([1 / math.log2(3), 0.25])
    assert pooled.miscalibration == pytest.approx(one.miscalibration)


def test_calibration_by_hand() -> None:
    """Steck's divergence: 0 where the proportions are the same, and a hundredth of the history keeps it finite."""
    same = miscalibration(np.array([[2.0, 2.0]]), np.array([[7.0, 7.0]]))
    assert same == pytest.approx([0.0], abs=1e-12)
    other = miscalibration(np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]]))
    assert other == pytest.approx([math.log(1 / 0.01)])
    half = miscalibration(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert half == pytest.approx([math.log(1 / (0.99 * 0.5 + 0.01))])
    assert np.isnan(miscalibration(np.zeros((1, 2)), np.ones((1, 2)))).all()


def test_the_lists_of_a_case_are_held_against_the_histories() -> None:
    """Everybody liked a drama, and the lists hold 1.5 westerns and half a drama."""
    scores = evaluate(Fixed(), case(), films=Films.of(MOVIES, IDS))
    assert scores.miscalibration == pytest.approx([math.log(1 / (0.99 * 0.25 + 0.01))] * 2)


def test_total_variation_is_the_share_that_lies_elsewhere() -> None:
    """Three of ten moved is 0.3, whatever the number of rows; nothing in common is 1."""
    assert total_variation(np.array([5.0, 5.0]), np.array([80.0, 20.0])) == pytest.approx(0.3)
    assert total_variation(np.array([1.0, 0.0]), np.array([0.0, 9.0])) == 1.0
