"""Blends: each member's scores on one scale, added up."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import (
    BlendRecommender,
    ParameterError,
    Remembered,
    UnknownRecommenderError,
    create,
    restore,
    search_space,
)
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.linear import EaseRecommender
from movie_mlops.recommenders.without import less_each

MEMBERS = [
    {"model": "ease", "weight": 2.0, "params": {"regularisation": 3}},
    {"model": "item-knn", "weight": -0.5},
]


def likes() -> sparse.csr_matrix:
    rng = np.random.default_rng(8)
    return sparse.csr_matrix((rng.random((50, 15)) < 0.3).astype(np.float32))


def standardised(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)


def test_scores_are_the_weighted_sum_of_standardised_scores() -> None:
    """Each user's scores of each member have mean 0 and deviation 1 before they are weighed; popularity is added."""
    matrix = likes()
    blend = create("blend", {"members": MEMBERS, "popularity": 0.3})
    blend.fit(matrix)
    ease, knn = create("ease", {"regularisation": 3}), create("item-knn")
    ease.fit(matrix)
    knn.fit(matrix)
    popularity = np.log(matrix.toarray().sum(axis=0))[None]
    some = matrix[:9]
    expected = 2 * standardised(ease.score(some)) - 0.5 * standardised(knn.score(some)) + 0.3 * standardised(popularity)
    np.testing.assert_allclose(blend.score(some), expected, rtol=1e-3, atol=1e-4)


def test_a_blend_of_one_ranks_as_its_member() -> None:
    """A single member with any positive weight keeps its order."""
    matrix = likes()
    blend, ease = create("blend", {"members": MEMBERS[:1]}), create("ease", {"regularisation": 3})
    blend.fit(matrix)
    ease.fit(matrix)
    np.testing.assert_array_equal(np.argsort(blend.score(matrix)), np.argsort(ease.score(matrix)))


def test_a_reason_is_what_the_score_falls_without_the_film() -> None:
    """Of the films that the members say speak for a target, each contributes the score less the score without it."""
    blend = create("blend", {"members": MEMBERS})
    blend.fit(likes())
    items, weights = np.array([1, 4, 8]), np.ones(3, np.float32)
    for target in (2, 5, 7):
        parts, score = blend.explain(items, weights, target), blend.score_one(items, weights)[target]
        for place in range(3):
            left = np.arange(3) != place
            fallen = score - blend.score_one(items[left], weights[left])[target]
            assert parts[place] == 0 or parts[place] == pytest.approx(fallen, rel=1e-3, abs=1e-5)
        assert parts.any()


def test_no_more_than_the_strongest_films_are_tried() -> None:
    """Of a long history three films for each target are left out in turn; the others contribute nothing."""
    blend = create("blend", {"members": [{"model": "ease", "params": {"regularisation": 3}}]})
    matrix = likes()
    blend.fit(matrix)
    items = np.arange(matrix.shape[1] - 1)
    parts = blend.explain_many(items, np.ones(len(items)), [len(items)])
    assert 0 < np.count_nonzero(parts) <= 3


def test_what_is_left_of_a_sum_is_told_of_its_parts() -> None:
    """Mean and deviation follow from those of all; where a row is nearly all of it, the rest is looked at itself."""
    rng = np.random.default_rng(4)
    rows = rng.random((3, 200)).astype(np.float32) * np.array([[1], [30_000], [2]], np.float32)
    lost, targets = np.array([1, 0.5, 3], np.float32), np.array([7, 0], np.int32)
    total = lost @ rows
    remains = less_each(total, rows, lost, targets)
    for place in range(3):
        left = total - lost[place] * rows[place]
        np.testing.assert_allclose(remains.scores[place], left[targets], rtol=1e-5)
        np.testing.assert_allclose(remains.means[place], left.mean(), rtol=1e-5)
        np.testing.assert_allclose(remains.deviations[place], left.std(), rtol=1e-5)


def test_reasons_change_no_score() -> None:
    """To the last bit a score is the same whether it is asked for with its reason, among others, or again later."""
    matrix = likes()
    blend = create("blend")
    blend.fit(matrix)
    for weights in (np.ones(4), np.array([1, 2, 1, 0.5]), np.array([1, 2, 3, 4])):
        explained = blend.best([1, 4, 8, 9], weights, 5, explain=True)
        other = blend.best([0, 2], np.ones(2), 5, explain=True)
        assert not np.array_equal(other.items, explained.items)
        np.testing.assert_array_equal(blend.score_one([1, 4, 8, 9], weights)[explained.items], explained.scores)


def test_members_get_the_seed_of_the_blend_unless_they_have_one() -> None:
    """The blend's seed reaches each member that takes one and has none of its own."""
    members = [{"model": "ials", "params": {"factors": 4}}, {"model": "ials", "params": {"factors": 4, "seed": 7}}]

    def learned(seed: int) -> dict[str, np.ndarray]:
        blend = create("blend", {"members": members, "seed": seed})
        blend.fit(likes())
        return blend.arrays()

    one, other = learned(1), learned(2)
    assert not np.array_equal(one["member_0_item_factors"], other["member_0_item_factors"])
    np.testing.assert_array_equal(one["member_1_item_factors"], other["member_1_item_factors"])


def test_a_blend_can_what_its_members_can() -> None:
    """Needing and reading times, similar films and reasons come from the members."""
    plain = create("blend", {"members": [{"model": "ease"}]}).capabilities
    timed = create("blend", {"members": [{"model": "slist"}, {"model": "popular"}]}).capabilities
    popular = create("blend", {"members": [{"model": "popular"}]}).capabilities
    assert (plain.needs_times, plain.reads_times, plain.explains, plain.similar) == (False, False, True, True)
    assert (timed.needs_times, timed.reads_times, timed.explains, timed.similar) == (True, True, True, True)
    assert (popular.personalised, popular.explains, popular.similar) == (False, False, False)


def test_a_restored_blend_knows_its_members() -> None:
    """Plain values, as a manifest holds them, and the arrays are the whole blend."""
    blend = create("blend", {"members": MEMBERS, "popularity": 0.1})
    blend.fit(likes())
    again = restore("blend", {"members": MEMBERS, "popularity": 0.1}, blend.arrays())
    np.testing.assert_array_equal(again.score(likes()), blend.score(likes()))


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ([], ParameterError),
        ("ease", ParameterError),
        ([{"weight": 1.0}], ParameterError),
        ([{"model": "ease", "weight": 0}], ParameterError),
        ([{"model": "ease", "weight": float("nan")}], ParameterError),
        ([{"model": "ease", "colour": 1}], ParameterError),
        ([{"model": "ease", "params": 3}], ParameterError),
        ([{"model": "ease", "params": {"regularization": 3}}], ParameterError),
        ([{"model": "eese"}], UnknownRecommenderError),
    ],
)
def test_bad_members_are_refused(members: object, error: type[Exception]) -> None:
    """No member, one without a model, a weight of nothing and unknown names are refused with the next step."""
    with pytest.raises(error) as refused:
        create("blend", {"members": members})
    assert refused.value.next_step


def test_a_blend_takes_over_what_was_trained_on_the_same_likes() -> None:
    """Byte for byte as if it had trained the member itself; what was trained on other films is not taken."""
    matrix = likes()
    ease = create("ease", {"regularisation": 3})
    ease.fit(sparse.hstack([matrix, sparse.csr_matrix((50, 2))], format="csr"))
    alone, beside = create("blend", {"members": MEMBERS}), create("blend", {"members": MEMBERS})
    alone.fit(matrix)
    beside.fit(matrix, trained=[ease])
    assert {name: array.tobytes() for name, array in alone.arrays().items()} == {
        name: array.tobytes() for name, array in beside.arrays().items()
    }
    other = matrix.tolil()
    other[:, 3] = 0
    elsewhere = create("ease", {"regularisation": 3})
    elsewhere.fit(other.tocsr())
    beside.fit(matrix, trained=[elsewhere])
    np.testing.assert_array_equal(alone.score(matrix), beside.score(matrix))


def test_members_are_asked_once_for_the_same_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blend with other weights gives what it gives without a memory; other histories are asked for anew."""
    matrix = likes()
    asked: list[int] = []
    score = EaseRecommender._score

    def counted(self: EaseRecommender, histories: Csr) -> np.ndarray:
        asked.append(histories.shape[0])
        return score(self, histories)

    heavier = matrix[:9].copy()
    heavier.data[::2] = 3
    asked_of = (matrix[:9], matrix[3:9], heavier)
    remembered = Remembered(10**6)
    for weight in (2.0, 0.7):
        members = [{**MEMBERS[0], "weight": weight}, MEMBERS[1]]
        plain, remembering = (create("blend", {"members": members}) for _ in range(2))
        plain.fit(matrix)
        remembering.fit(matrix)
        assert isinstance(remembering, BlendRecommender)
        remembering.remember_in(remembered)
        with monkeypatch.context() as watched:
            expected = [plain.score(histories) for histories in asked_of]
            watched.setattr(EaseRecommender, "_score", counted)
            for histories, scores in zip(asked_of, expected, strict=True):
                np.testing.assert_array_equal(remembering.score(histories), scores)
    assert asked == [9, 6, 9]


def test_what_is_too_much_to_remember_is_forgotten() -> None:
    """The answers that nobody asked for longest go first, and one that is larger than everything is never kept."""
    remembered = Remembered(100)
    asked: list[str] = []

    def ask(who: str, numbers: int) -> None:
        def told() -> np.ndarray:
            asked.append(who)
            return np.zeros(numbers, np.float32)

        assert remembered.answers(who, b"", told).size == numbers

    for who, numbers in (("a", 10), ("b", 10), ("a", 10), ("c", 10), ("a", 10), ("b", 10), ("huge", 26), ("b", 10)):
        ask(who, numbers)
    assert asked == ["a", "b", "c", "b", "huge"]


def test_what_is_searched_of_a_blend() -> None:
    """Weights, popularity, and how far those members are bent that say how far they are."""
    members = [{"model": "edlae", "params": {"bend": 1}}, {"model": "edlae"}]
    assert set(search_space("blend", {"members": members})) == {
        "members.0.weight",
        "members.0.params.bend",
        "members.1.weight",
        "popularity",
    }
