"""Films that nobody has met, recommended by what they are."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import Recommender, RestoreError, create, restore

N_USERS, N_ITEMS, N_GENRES = 300, 60, 6
COLD = np.arange(48, 60)
"""Films that nobody has liked; two of each genre."""

PARAMS = {"regularisation": 20, "content_regularisation": 1}


def genre(film: int) -> int:
    return film % N_GENRES


def world(seed: int = 0) -> tuple[sparse.csr_matrix, sparse.csr_matrix, sparse.csr_matrix]:
    """Users who like two of six genres: their likes of films that are out, of films to come, and the films' content.

    Content has a column for each genre, one for each of three decades, and one that a single film has.
    """
    random = np.random.default_rng(seed)
    tastes = np.array([random.permutation(N_GENRES)[:2] for _ in range(N_USERS)])
    fits = (np.arange(N_ITEMS) % N_GENRES == tastes[:, :, np.newaxis]).any(axis=1)
    likes = (random.random(fits.shape) < np.where(fits, 0.5, 0.05)).astype(np.float32)
    later = likes.copy()
    likes[:, COLD] = 0
    later[:, : COLD[0]] = 0
    content = np.zeros((N_ITEMS, N_GENRES + 4), np.float32)
    content[np.arange(N_ITEMS), np.arange(N_ITEMS) % N_GENRES] = 1
    content[np.arange(N_ITEMS), N_GENRES + random.integers(0, 3, N_ITEMS)] = 0.5
    content[0, -1] = 1
    return sparse.csr_matrix(likes), sparse.csr_matrix(later), sparse.csr_matrix(content)


def trained(**params: float) -> Recommender:
    likes, _, content = world()
    recommender = create("edlae-content", {**PARAMS, **params})
    recommender.fit(likes, content=content)
    return recommender


@pytest.mark.parametrize("powers", [{}, {"history_power": 0.5, "target_power": 0.25, "popularity_power": 0.1}])
def test_films_to_come_are_ranked_far_above_chance(powers: dict[str, float]) -> None:
    """Of the films that nobody has met, one that a user will like is above one that they will not in 8 of 10 pairs."""
    likes, later, _ = world()
    scores = trained(**powers).score(likes)[:, COLD]
    liked = later[:, COLD].toarray() > 0
    above = [
        (scores[user][liked[user]][:, np.newaxis] > scores[user][~liked[user]]).mean()
        for user in range(N_USERS)
        if liked[user].any()
    ]
    assert np.mean(above) > 0.8


def test_a_film_to_come_can_be_the_best_of_all() -> None:
    """A film that nobody has met competes with the others: it is above most films of genres that the user avoids."""
    likes, _, _ = world()
    scores = trained().score(likes)
    taste = np.array([[likes[user].toarray()[0, g:48:N_GENRES].sum() for g in range(N_GENRES)] for user in range(50)])
    for user in range(50):
        best = COLD[np.isin(COLD % N_GENRES, taste[user].argmax())]
        avoided = np.flatnonzero(np.arange(48) % N_GENRES == taste[user].argmin())
        assert np.median(scores[user, avoided]) < scores[user, best].min()


def test_somebody_who_likes_nothing_but_a_film_to_come_is_understood() -> None:
    """A film that nobody else has met speaks for the films that it is like."""
    recommender = trained()
    for film in COLD.tolist():
        scores = recommender.score_one([film], [1])
        of_genre = np.arange(N_ITEMS) % N_GENRES == genre(film)
        of_genre[film] = False
        assert scores[of_genre].min() > np.delete(scores, np.flatnonzero(of_genre | (np.arange(N_ITEMS) == film))).max()


def test_a_film_to_come_is_similar_to_films_of_its_kind() -> None:
    """The films most similar to one that nobody has met are of its genre, and it is among those of theirs."""
    recommender = trained()
    for film in COLD.tolist():
        films, _ = recommender.similar(film, 5)
        assert (films % N_GENRES == genre(film)).all()
    films, _ = recommender.similar(0, 9)
    assert set(films.tolist()) & {48, 54}


def test_contributions_sum_to_the_score_also_for_films_to_come() -> None:
    """For a history of films met and not met, contributions to films of both kinds sum to the scores."""
    recommender = trained(history_power=0.25)
    items, weights = [3, 50, 9, 55], [1, 2, 1, 1]
    told = recommender.explain_many(items, weights, list(range(N_ITEMS)))
    np.testing.assert_allclose(told.sum(axis=1), recommender.score_one(items, weights), rtol=1e-3, atol=1e-5)


def test_one_history_with_films_to_come_scores_as_in_a_batch() -> None:
    """A history of films met and not met has the same scores from `score_one` as from `score`."""
    recommender = trained(history_power=0.25)
    row = sparse.csr_matrix((np.array([1, 2, 1], np.float32), [3, 50, 59], [0, 3]), shape=(1, N_ITEMS))
    np.testing.assert_allclose(
        recommender.score_one([3, 50, 59], [1, 2, 1]), recommender.score(row)[0], rtol=1e-4, atol=1e-6
    )


def test_without_content_it_is_edlae() -> None:
    """Where nothing is known of the films, scores are those of EDLAE, and films that nobody has met are unknown."""
    likes, _, content = world()
    plain, without = create("edlae", {"regularisation": 20}), create("edlae-content", PARAMS)
    plain.fit(likes)
    without.fit(likes)
    np.testing.assert_allclose(without.score(likes), plain.score(likes), rtol=1e-4, atol=1e-5)
    given = create("edlae-content", PARAMS)
    given.fit(likes, content=content)
    np.testing.assert_allclose(given.score(likes)[:, :48], plain.score(likes)[:, :48], rtol=1e-4, atol=1e-5)


def test_only_the_most_frequent_features_are_used() -> None:
    """With fewer features than there are, the rarest are left out; the array of facts is as wide as is asked for."""
    assert trained(features=6).arrays()["between_facts"].shape == (7, 7)
    assert trained().arrays()["between_facts"].shape == (N_GENRES + 5, N_GENRES + 5)


def test_it_restores_to_the_same_scores() -> None:
    """What `arrays` carries is the whole recommender; arrays that do not fit together are refused."""
    likes, _, _ = world()
    recommender = trained()
    arrays = {key: array.copy() for key, array in recommender.arrays().items()}
    again = restore("edlae-content", PARAMS, arrays)
    np.testing.assert_array_equal(again.score(likes), recommender.score(likes))
    for key, wrong in (
        ("fact_starts", arrays["fact_starts"][:-1]),
        ("fact_columns", arrays["fact_columns"] + np.int32(100)),
        ("to_facts", arrays["to_facts"][:, :-1]),
        ("met", 1 - arrays["met"]),
    ):
        with pytest.raises(RestoreError):
            restore("edlae-content", PARAMS, {**arrays, key: wrong})


def test_content_counts_in_the_memory_that_is_foretold() -> None:
    """More features need more memory, up to as many as are used."""
    recommender = create("edlae-content", {"features": 100})
    none, some, many = (recommender.memory_needed(500, 400, 9000, n_features=n, n_facts=900) for n in (0, 100, 10_000))
    assert none < some == many
