"""Models brought up to date between trainings are what training them anew gives, within what is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.bench import BenchError, UpdatesBenchConfig, bench_updates
from movie_mlops.recommenders import Change, MatrixError, Recommender, UpdateError, create, updated

USERS, FILMS, CIRCLES = 300, 120, 6


def world(seed: int, users: int = USERS, films: int = FILMS) -> np.ndarray:
    """Return who likes what: circles of people with films of their own, and a few others."""
    rng = np.random.default_rng(seed)
    own = np.arange(users)[:, None] % CIRCLES == np.arange(films)[None, :] % CIRCLES
    liked: np.ndarray = rng.random((users, films)) < np.where(own, 0.35, 0.03)
    return liked.astype(np.float32)


def grown(seed: int, *, changed: int = 12, newcomers: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return likes before and after: some people said more or took something back, others came, so did films."""
    rng = np.random.default_rng(seed + 100)
    before = np.zeros((USERS + newcomers, FILMS + 4), np.float32)
    before[:USERS, :FILMS] = world(seed)
    after = before.copy()
    for user in rng.choice(USERS, changed, replace=False):
        after[user, rng.choice(FILMS + 4, 3, replace=False)] = 1
        after[user, rng.choice(np.flatnonzero(before[user]), 1)] = 0
    after[USERS:] = (rng.random((newcomers, FILMS + 4)) < 0.1).astype(np.float32)
    after[0, FILMS:] = 1
    # And nobody likes this one any more.
    after[:, 3] = 0
    return before, after


def fitted(name: str, likes: np.ndarray, **params: Any) -> Recommender:
    model = create(name, params)
    model.fit(sparse.csr_array(likes))
    return model


def brought_up(
    model: Recommender, before: np.ndarray, after: np.ndarray, places: np.ndarray | None = None
) -> Recommender:
    columns = np.arange(after.shape[1]) if places is None else places
    return updated(model, Change(sparse.csr_array(before), sparse.csr_array(after), columns))


def lists(model: Recommender, likes: np.ndarray, k: int = 10) -> np.ndarray:
    scores = np.where(likes > 0, -np.inf, model.score(sparse.csr_array(likes)))
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("regularisation", [5.0, 250.0])
def test_ease_brought_up_is_ease_trained_anew(seed: int, regularisation: float) -> None:
    """The Woodbury identity is exact: every weight within 1e-5, with films that come and films that nobody likes."""
    before, after = grown(seed)
    anew = fitted("ease", after, regularisation=regularisation)
    found = brought_up(fitted("ease", before, regularisation=regularisation), before, after)
    assert np.array_equal(found.arrays()["known_items"], anew.arrays()["known_items"])
    assert np.abs(found.arrays()["weights"] - anew.arrays()["weights"]).max() < 1e-5
    assert np.allclose(found.score(sparse.csr_array(after)), anew.score(sparse.csr_array(after)), atol=1e-4)


def test_many_updates_one_after_the_other_stay_at_what_training_gives() -> None:
    """Thirty updates in a row, each on the one before: errors do not add up to more than 1e-5."""
    likes = world(7)
    rng = np.random.default_rng(7)
    model = fitted("ease", likes, regularisation=20.0)
    for _ in range(30):
        later = likes.copy()
        later[rng.integers(USERS), rng.integers(FILMS)] = 1
        later[rng.integers(USERS), rng.integers(FILMS)] = 0
        model, likes = brought_up(model, likes, later), later
    anew = fitted("ease", likes, regularisation=20.0)
    assert np.abs(model.arrays()["weights"] - anew.arrays()["weights"]).max() < 1e-5


def test_films_may_come_in_between() -> None:
    """New films need not come last: where each item of the model is now is told, and the others are new."""
    before, after = grown(1)
    model = fitted("ease", before[:, :FILMS], regularisation=20.0)
    order = np.random.default_rng(0).permutation(FILMS + 4)
    places = np.argsort(order)[:FILMS]
    found = brought_up(model, before[:, order], after[:, order], places)
    anew = fitted("ease", after[:, order], regularisation=20.0)
    assert np.allclose(
        found.score(sparse.csr_array(after[:, order])), anew.score(sparse.csr_array(after[:, order])), atol=1e-4
    )


def test_popularity_grows_by_what_is_new() -> None:
    """Counts that are carried on are those that counting everything gives, to the last byte."""
    before, after = grown(2)
    found, anew = brought_up(fitted("popular", before), before, after), fitted("popular", after)
    assert {name: array.tobytes() for name, array in found.arrays().items()} == {
        name: array.tobytes() for name, array in anew.arrays().items()
    }


def test_ials_goes_on_from_what_it_learned() -> None:
    """A few iterations from the old vectors find what training finds: eight in ten films of the lists."""
    before, after = grown(3)
    params = {"factors": 16, "regularisation": 5.0}
    old = fitted("ials", before, **params)
    found, anew = brought_up(old, before, after), fitted("ials", after, **params)
    assert found.arrays()["item_factors"].shape == anew.arrays()["item_factors"].shape
    same = [len(set(a) & set(b)) / 10 for a, b in zip(lists(found, after), lists(anew, after), strict=True)]
    assert np.mean(same) >= 0.8
    # The same twice: nothing in it is left to chance.
    assert np.array_equal(found.arrays()["item_factors"], brought_up(old, before, after).arrays()["item_factors"])


def test_what_was_given_stays_as_it_was() -> None:
    """An update makes a new model; the one that serves meanwhile is not touched."""
    before, after = grown(4)
    for name in ("popular", "ease", "ials"):
        model = fitted(name, before)
        kept = {key: array.copy() for key, array in model.arrays().items()}
        brought_up(model, before, after)
        assert all(np.array_equal(kept[key], array) for key, array in model.arrays().items())


def test_what_cannot_be_brought_up_says_so() -> None:
    """Another kind, histories that are scaled, too much that changed, matrices that do not belong together: refused."""
    before, after = grown(5)
    with pytest.raises(UpdateError, match="item-knn"):
        brought_up(fitted("item-knn", before), before, after)
    with pytest.raises(UpdateError, match="scaled"):
        brought_up(fitted("ease", before, history_power=0.3), before, after)
    with pytest.raises(UpdateError, match="quicker"):
        brought_up(fitted("ease", before), before, np.roll(after, 1, axis=0))
    with pytest.raises(MatrixError):
        brought_up(fitted("ease", before), before, after[:, :-1])
    with pytest.raises(MatrixError, match="no like"):
        brought_up(fitted("ease", before), before, np.zeros_like(after))


@pytest.mark.long
def test_the_benchmark_holds_updates_against_trainings_and_keeps_the_record(tmp_path: Path) -> None:
    """Each model, world and number of changed users has its row: times, likeness, largest difference."""
    config = UpdatesBenchConfig(users=200, films=(80,), likes=10, changed=(5,), models=("popular", "ease"), runs=1)
    found = bench_updates(config, tmp_path / "updates.json")
    assert found == json.loads((tmp_path / "updates.json").read_text())
    assert [(row["model"], row["changed_users"], row["same_films"]) for row in found["rows"]] == [
        ("popular", 5, 1.0),
        ("ease", 5, 1.0),
    ]
    assert all(row["largest_difference"] < 1e-5 and row["seconds_anew"] > 0 for row in found["rows"])
    with pytest.raises(BenchError, match="something new"):
        UpdatesBenchConfig(users=10)
