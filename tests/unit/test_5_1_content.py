"""Films that nobody has met, recommended by what they are."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.evaluation import EvaluationCase, evaluate
from movie_mlops.recommenders import HistoryError, Recommender, RestoreError, UnsupportedError, create, restore

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


def test_what_remains_without_a_film_that_nobody_has_met() -> None:
    """Left out of a history, such a film takes what its facts said; what is left is the score of the rest."""
    recommender = trained(history_power=0.5, target_power=0.25)
    items, weights = np.array([3, 50, 20, 55]), np.array([1, 2, 1, 1], np.float32)
    left_out, targets = np.array([1, 2]), np.array([49, 7], np.int32)
    remains = recommender.remains(items, weights, left_out, targets)
    for row, place in enumerate(left_out):
        scores = recommender.score_one(np.delete(items, place), np.delete(weights, place))
        np.testing.assert_allclose(remains.scores[row], scores[targets], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(remains.deviations[row], scores.std(), rtol=1e-4)


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
        ("features", arrays["features"] + np.int32(100)),
        ("features", arrays["features"][1:]),
    ):
        with pytest.raises(RestoreError):
            restore("edlae-content", PARAMS, {**arrays, key: wrong})


BLENDS: dict[str, dict[str, object]] = {
    "blend": {"members": [{"model": "item-knn"}, {"model": "edlae-content", "weight": 0.5, "params": PARAMS}]},
    "rerank": {
        "members": [{"model": "item-knn"}, {"model": "edlae-content", "weight": 0.5, "params": PARAMS}],
        "trees": 5,
        "leaves": 4,
        "least": 5,
        "candidates": 20,
    },
}
"""Members that know films by their likes alone beside one that knows them by their facts too."""


def blended(name: str, *, facts: bool = True) -> Recommender:
    likes, _, content = world()
    recommender = create(name, BLENDS[name])
    recommender.fit(likes, content=content if facts else None)
    return recommender


def found_among_films_to_come(recommender: Recommender) -> float:
    """nDCG@10 among the films that nobody has met."""
    likes, later, _ = world()
    judged = np.flatnonzero(np.diff(later.indptr))
    case = EvaluationCase(
        name="films to come",
        train=likes,
        train_times=None,
        histories=likes[judged],
        seen=likes[judged],
        held_out=later[judged],
        user_ids=[str(user) for user in judged],
        movie_ids=np.arange(N_ITEMS),
        candidates=np.isin(np.arange(N_ITEMS), COLD),
    )
    return evaluate(recommender, case).mean("ndcg@10")


@pytest.mark.parametrize("name", BLENDS)
def test_a_blend_finds_films_to_come_through_the_member_that_knows_them(name: str) -> None:
    """A blend of a member that reads facts and one that does not ranks films that nobody has met by their facts.

    That is far above the blend without facts, to which they are all alike: what chance gives.
    """
    told, untold = (found_among_films_to_come(blended(name, facts=facts)) for facts in (True, False))
    assert told > untold + 0.15
    capabilities = create(name, BLENDS[name]).capabilities
    assert capabilities.reads_content
    assert capabilities.scores_unseen


def test_in_a_blend_films_to_come_change_nothing_among_the_others() -> None:
    """With and without facts, the films with likes have the same scores: each member's scale is that of these alone."""
    likes, _, _ = world()
    with_facts, without = blended("blend"), blended("blend", facts=False)
    np.testing.assert_allclose(with_facts.score(likes)[:, :48], without.score(likes)[:, :48], rtol=1e-4, atol=1e-5)
    assert with_facts.met.sum() == 48
    assert with_facts.known.all()
    assert without.known.sum() == 48


def test_who_does_not_know_a_film_says_what_the_others_say() -> None:
    """A film that one of two members knows has the score that it would have if both said the same of it."""
    likes, _, _ = world()
    alone = create("blend", {"members": [{"model": "edlae-content", "weight": 1.5, "params": PARAMS}]})
    alone.fit(likes, content=world()[2])
    np.testing.assert_allclose(blended("blend").score(likes)[:, COLD], alone.score(likes)[:, COLD], rtol=1e-3)


@pytest.mark.parametrize("name", BLENDS)
def test_one_history_scores_as_in_a_batch_also_for_films_to_come(name: str) -> None:
    """`score_one` and `score` of a blend agree on films met and not met, and a bundle's arrays are the whole of it."""
    likes, _, _ = world()
    recommender = blended(name)
    again = restore(name, BLENDS[name], recommender.arrays())
    for user in (0, 7):
        row = likes[user]
        one = recommender.score_one(row.indices, row.data)
        np.testing.assert_allclose(one, recommender.score(row)[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(again.score_one(row.indices, row.data), one)
    arrays = recommender.arrays()
    for wrong in (
        {"member_0_known_items": arrays["member_0_known_items"][:-1]},
        {"member_1_n_items": arrays["member_1_n_items"] + 1},
    ):
        with pytest.raises(RestoreError):
            restore(name, BLENDS[name], {**arrays, **wrong})


@pytest.mark.parametrize("name", ["edlae-content", "blend"])
def test_the_fact_that_is_named_carries_the_score(name: str) -> None:
    """For a film that nobody has met, a fact contributes what the score falls by where the film lacks it.

    Of somebody who likes one genre alone, that genre carries the films of it that nobody has met.
    """
    likes, _, content = world()
    facts = content.toarray()
    facts[COLD[6]] = facts[COLD[0]]  # the same film once more, without its genre
    facts[COLD[6], genre(COLD[0])] = 0
    recommender = create(name, BLENDS.get(name, PARAMS))
    recommender.fit(likes, content=sparse.csr_matrix(facts))
    items, weights = np.arange(0, 30, N_GENRES), np.ones(5)
    told = recommender.explain_content(items, weights, COLD[0])
    assert told.shape == (facts.shape[1],)
    assert told.argmax() == genre(COLD[0])
    scores = recommender.score_one(items, weights)
    assert told.max() == pytest.approx(scores[COLD[0]] - scores[COLD[6]], rel=1e-3)
    assert told.max() > 0
    assert not told[facts[COLD[0]] == 0].any()
    assert not recommender.explain_content(items, weights, 1).any()
    assert not recommender.explain_content([], [], COLD[0]).any()


def test_a_disliked_film_takes_off_what_its_facts_would_have_added() -> None:
    """With dislikes in the history, the facts' contributions are those of the likes less those of the dislikes."""
    recommender = trained()
    both = recommender.explain_content([3, 9, 4], [1, 2, -1], COLD[3])
    apart = recommender.explain_content([3, 9], [1, 2], COLD[3]) - recommender.explain_content([4], [1], COLD[3])
    np.testing.assert_allclose(both, apart, rtol=1e-4, atol=1e-6)


def test_facts_are_no_reason_where_they_carry_nothing() -> None:
    """Models that do not score by facts, and trees, which have no such parts, refuse; so do all for an unknown film."""
    likes, _, _ = world()
    plain = create("ease")
    plain.fit(likes)
    for recommender in (plain, blended("rerank")):
        with pytest.raises(UnsupportedError):
            recommender.explain_content([0], [1], COLD[0])
    with pytest.raises(HistoryError):
        trained().explain_content([0], [1], N_ITEMS)


@pytest.mark.parametrize("name", ["edlae-content", "blend", "rerank"])
def test_content_counts_in_the_memory_that_is_foretold(name: str) -> None:
    """More features need more memory, up to as many as are used; in a blend as for its member."""
    members = [{"model": "ease"}, {"model": "edlae-content", "params": {"features": 100}}]
    recommender = create(name, {"features": 100} if name == "edlae-content" else {"members": members})
    none, some, many = (recommender.memory_needed(500, 400, 9000, n_features=n, n_facts=900) for n in (0, 100, 10_000))
    assert none < some == many
