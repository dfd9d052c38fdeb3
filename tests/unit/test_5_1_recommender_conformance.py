"""What every recommender promises, whatever it computes."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import cache

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import (
    NAMES,
    HistoryError,
    MatrixError,
    MemoryNeededError,
    NotFittedError,
    Range,
    Recommender,
    RestoreError,
    UnsupportedError,
    create,
    restore,
    search_space,
    value_at,
    with_values,
)
from tests.fixtures.stage_5.models import BY_TORCH, TRAINABLE, parameters

N_USERS, N_ITEMS, UNSEEN = 60, 14, (3, 13)
PARAMS = {
    "ease": {"regularisation": 2},
    "edlae": {
        "regularisation": 2,
        "dropout": 0.25,
        "history_power": 0.5,
        "target_power": 0.25,
        "popularity_power": 0.1,
    },
    "edlae-content": {"regularisation": 2, "dropout": 0.25, "history_power": 0.25, "content_regularisation": 0.5},
    "item-knn": {"neighbours": 5, "shrinkage": 1},
    "rp3-beta": {"neighbours": 5},
    "slim": {"l1": 0.5, "l2": 2, "neighbours": 5},
    "sparse-ease": {"regularisation": 2, "neighbours": 5},
    "ials": {"factors": 4, "regularisation": 0.5, "iterations": 8},
    "kernel": {"regularisation": 3, "rank": 20},
    "comeback": {"regularisation": 2, "days": 40},
    "slist": {"regularisation": 2, "memory": 5, "reach": 5, "dropout": 0.1},
    "blend": {"members": [{"model": "edlae", "params": {"regularisation": 2}}, {"model": "kernel", "weight": 0.5}]},
    "rerank": {
        "members": [{"model": "edlae", "params": {"regularisation": 2}}, {"model": "item-knn", "weight": 0.5}],
        "trees": 3,
        "leaves": 4,
        "least": 2,
        "candidates": 5,
        "strength": 0.2,
    },
    "popular-recent": {"days": 20},
    "sasrec": {
        "factors": 8,
        "length": 8,
        "ahead": 4,
        "targets": 4,
        "dropout": 0,
        "epochs": 25,
        "batch": 15,
        "learning_rate": 0.02,
    },
    "vae": {"hidden": 8, "factors": 4, "epochs": 12, "batch": 15, "learning_rate": 0.02},
}
# Those that are shown to who watches, step by step, while they are trained.
STEP_BY_STEP = {"ials", "sasrec", "vae"}
PERSONALISED = [name for name in NAMES if create(name).capabilities.personalised]
EXPLAINS = [name for name in NAMES if create(name).capabilities.explains]
ADDITIVE = [name for name in EXPLAINS if create(name).capabilities.additive]
SIMILAR = [name for name in NAMES if create(name).capabilities.similar]
DAY = 86_400

every = pytest.mark.parametrize("name", parameters())


def likes() -> tuple[sparse.csr_matrix, np.ndarray]:
    """60 users in two camps, 14 films of which two are never liked; one value in four weighs 2; a time for each."""
    rng = np.random.default_rng(5)
    camp = np.arange(N_USERS)[:, None] % 2 == np.arange(N_ITEMS)[None, :] % 2
    dense = (rng.random((N_USERS, N_ITEMS)) < np.where(camp, 0.6, 0.1)).astype(np.float32)
    dense[rng.random((N_USERS, N_ITEMS)) < 0.25] *= 2
    dense[:, UNSEEN] = 0
    matrix = sparse.csr_matrix(dense)
    return matrix, rng.integers(0, 100 * DAY, matrix.nnz)


@cache
def learned(name: str) -> dict[str, np.ndarray]:
    matrix, times = likes()
    recommender = create(name, PARAMS.get(name))
    recommender.fit(matrix, times=times)
    return recommender.arrays()


def trained(name: str) -> Recommender:
    """A recommender that was trained on the likes: each test's own, of arrays that are learned once."""
    return restore(name, PARAMS.get(name, {}), {key: array.copy() for key, array in learned(name).items()})


def row(matrix: sparse.csr_matrix, user: int) -> tuple[np.ndarray, np.ndarray]:
    one = matrix[user]
    return one.indices, one.data


@every
def test_scores_have_the_shape_and_type_of_the_port(name: str) -> None:
    """Scores are finite float32, one for each user and film; one history's are float32, one for each film."""
    recommender, (matrix, _) = trained(name), likes()
    scores, one = recommender.score(matrix), recommender.score_one(*row(matrix, 0))
    assert recommender.n_items == N_ITEMS
    assert scores.shape == (N_USERS, N_ITEMS)
    assert one.shape == (N_ITEMS,)
    assert scores.dtype == one.dtype == np.float32
    assert np.isfinite(scores).all()


@every
def test_one_history_scores_as_it_does_in_a_batch(name: str) -> None:
    """A user's scores are the same from `score_one` as from `score`, in training or new."""
    recommender, (matrix, _) = trained(name), likes()
    scores = recommender.score(matrix)
    for user in range(N_USERS):
        np.testing.assert_allclose(recommender.score_one(*row(matrix, user)), scores[user], rtol=2e-5, atol=2e-6)


@every
def test_the_order_of_a_history_does_not_matter(name: str) -> None:
    """A history in another order gives the same scores."""
    recommender, (matrix, _) = trained(name), likes()
    items, weights = row(matrix, 1)
    forward = recommender.score_one(items, weights)
    np.testing.assert_allclose(recommender.score_one(items[::-1], weights[::-1]), forward, rtol=2e-5, atol=2e-6)


@every
def test_scores_do_not_change_what_was_learned(name: str) -> None:
    """Writing into an answer leaves the next answer as it was, also where every film is known."""
    recommender = create(name, PARAMS.get(name))
    recommender.fit(sparse.csr_matrix(np.ones((3, 2), np.float32)), times=np.arange(6))
    first = recommender.score_one([0], [1.0])
    kept = first.copy()
    first[:] = -1
    recommender.score(sparse.csr_matrix((2, 2), dtype=np.float32))[:] = -1
    np.testing.assert_array_equal(recommender.score_one([0], [1.0]), kept)


@every
def test_a_zero_weight_says_nothing(name: str) -> None:
    """A zero that is stored counts as if it were not there: in training, in a batch and in one history."""
    matrix, times = likes()
    padded = sparse.csr_matrix(matrix.toarray() + 1)
    padded.data -= 1
    padded_times = np.full(padded.nnz, 10_000 * DAY)
    padded_times[padded.data > 0] = times
    with_zeros, without = create(name, PARAMS.get(name)), trained(name)
    with_zeros.fit(padded, times=padded_times)
    for key, array in without.arrays().items():
        np.testing.assert_array_equal(with_zeros.arrays()[key], array)
    np.testing.assert_array_equal(without.score(padded), without.score(matrix))
    np.testing.assert_array_equal(without.score_one([0, 1], [1, 0]), without.score_one([0], [1]))


@every
def test_the_caller_s_matrix_stays_as_it_was(name: str) -> None:
    """Training changes nothing in the matrix and the times that it is given."""
    matrix, times = likes()
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr, times)]
    create(name, PARAMS.get(name)).fit(matrix, times=times)
    for part, kept in zip((matrix.data, matrix.indices, matrix.indptr, times), before, strict=True):
        np.testing.assert_array_equal(part, kept)


@every
def test_unsorted_rows_and_other_types_are_read_alike(name: str) -> None:
    """The same likes with rows in another order, or as float64, train the same model, each time beside its like."""
    matrix, times = likes()
    order = np.concatenate(
        [np.arange(start, stop)[::-1] for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]
    )
    turned = sparse.csr_matrix(
        (matrix.data[order].astype(np.float64), matrix.indices[order], matrix.indptr), shape=matrix.shape
    )
    recommender = create(name, PARAMS.get(name))
    recommender.fit(turned, times=times[order])
    for key, array in trained(name).arrays().items():
        np.testing.assert_array_equal(recommender.arrays()[key], array)


@every
def test_a_film_never_seen_never_beats_a_known_one(name: str) -> None:
    """A film without a like in training has no higher score than any film with one, for every user."""
    recommender, (matrix, _) = trained(name), likes()
    scores = recommender.score(matrix)
    known = np.delete(scores, UNSEEN, axis=1)
    assert (scores[:, UNSEEN] <= known.min(axis=1, keepdims=True)).all()


@every
def test_a_history_of_unseen_films_counts_as_empty(name: str) -> None:
    """Films that the training never saw add nothing to a history."""
    recommender = trained(name)
    np.testing.assert_array_equal(recommender.score_one(UNSEEN, [1, 1]), recommender.score_one([], []))


@pytest.mark.parametrize("name", parameters(PERSONALISED))
def test_an_empty_history_gives_zeros(name: str) -> None:
    """A personalised recommender does not pretend to know somebody without a history."""
    recommender = trained(name)
    np.testing.assert_array_equal(recommender.score_one([], []), np.zeros(N_ITEMS))
    np.testing.assert_array_equal(recommender.score(sparse.csr_matrix((2, N_ITEMS))), np.zeros((2, N_ITEMS)))


@pytest.mark.parametrize("name", parameters([name for name in NAMES if name not in PERSONALISED]))
def test_what_is_not_personalised_is_the_same_for_all(name: str) -> None:
    """A recommender that says it is not personalised gives every history the same scores."""
    recommender, (matrix, _) = trained(name), likes()
    assert (recommender.score(matrix) == recommender.score_one([], [])).all()


@pytest.mark.parametrize("name", parameters(PERSONALISED))
def test_what_is_personalised_tells_the_camps_apart(name: str) -> None:
    """After two films of one camp, the camp's other films score higher on average than the other camp's."""
    scores = trained(name).score_one([0, 2], [1, 1])
    assert scores[[4, 6, 8, 10, 12]].mean() > scores[[1, 5, 7, 9, 11]].mean()


@every
def test_a_restored_recommender_gives_the_same_answers(name: str) -> None:
    """What `params` and `arrays` carry is the whole recommender, bit by bit."""
    (matrix, times), recommender = likes(), create(name, PARAMS.get(name))
    recommender.fit(matrix, times=times)
    arrays = {key: array.copy() for key, array in recommender.arrays().items()}
    again = restore(name, PARAMS.get(name, {}), arrays)
    np.testing.assert_array_equal(again.score(matrix), recommender.score(matrix))
    np.testing.assert_array_equal(again.score_one([0, 5], [1, 2]), recommender.score_one([0, 5], [1, 2]))
    assert again.arrays().keys() == recommender.arrays().keys()
    assert all(array.dtype.kind in "iuf" for array in arrays.values())


@every
def test_arrays_of_another_kind_are_refused(name: str) -> None:
    """Restoring refuses a missing array, one too many, a wrong type, a wrong length and a NaN."""
    arrays, params = trained(name).arrays(), PARAMS.get(name, {})
    floats = next(key for key, array in arrays.items() if array.dtype == np.float32)
    holed = arrays[floats].copy()
    holed.flat[0] = np.nan
    broken = [
        {key: array for key, array in arrays.items() if key != floats},
        {key: array for key, array in arrays.items() if key != "known_items"},
        {**arrays, "more": np.zeros(1)},
        {**arrays, floats: arrays[floats].astype(np.float64)},
        {**arrays, floats: arrays[floats][:-1]},
        {**arrays, floats: holed},
        {**arrays, "known_items": arrays["known_items"][::-1]},
        {**arrays, "known_items": arrays["known_items"] + np.int32(N_ITEMS)},
    ]
    for wrong in broken:
        with pytest.raises(RestoreError):
            restore(name, params, wrong)


_DIGESTS = """
import json
from tests.unit.test_5_1_recommender_conformance import digests
print(json.dumps(digests()))
"""


def digests() -> dict[str, str]:
    """SHA-256 of everything that each recommender learned and of its scores."""
    result = {}
    for name in TRAINABLE:
        recommender, digest = trained(name), hashlib.sha256()
        for key, array in sorted(recommender.arrays().items()):
            digest.update(key.encode() + array.tobytes())
        digest.update(recommender.score(likes()[0]).tobytes())
        result[name] = digest.hexdigest()
    return result


@pytest.mark.long
def test_the_same_inputs_give_the_same_bytes_in_two_processes(pytestconfig: pytest.Config) -> None:
    """Two fresh processes that train on the same likes learn the same bytes."""
    answers = [
        subprocess.run(
            [sys.executable, "-c", _DIGESTS],
            cwd=pytestconfig.rootpath,
            env={"PYTHONPATH": "src:.", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert answers[0].startswith('{"popular"')
    assert answers[0] == answers[1]


@every
def test_one_user_is_enough(name: str) -> None:
    """A single user with a single like trains, and nothing is NaN."""
    recommender = create(name, PARAMS.get(name))
    recommender.fit(sparse.csr_matrix([[0, 1, 0]], dtype=np.float32), times=[5])
    assert np.isfinite(recommender.score_one([1], [1])).all()
    assert recommender.n_items == 3


@every
def test_one_item_is_enough(name: str) -> None:
    """A single film trains, and nothing is NaN."""
    recommender = create(name, PARAMS.get(name))
    recommender.fit(sparse.csr_matrix([[1], [1], [0]], dtype=np.float32), times=[5, 6])
    assert np.isfinite(recommender.score(sparse.csr_matrix([[1], [0]], dtype=np.float32))).all()


@every
def test_empty_users_and_one_who_likes_everything_train(name: str) -> None:
    """Rows without a like, first, in the middle and last, and a user with the whole catalogue: nothing is NaN."""
    matrix, _ = likes()
    dense = matrix.toarray()
    dense[[0, 30, 31, N_USERS - 1]] = 0
    dense[5] = 1  # every film is known by this user
    recommender = create(name, PARAMS.get(name))
    full = sparse.csr_matrix(dense)
    recommender.fit(full, times=np.arange(full.nnz))
    assert np.isfinite(recommender.score(full)).all()
    assert np.isfinite(recommender.score_one(np.arange(N_ITEMS), np.ones(N_ITEMS))).all()


@every
def test_a_model_larger_than_its_data_trains(name: str) -> None:
    """More factors, neighbours, eigenvectors or candidates than there are films: nothing is NaN."""
    wanted = {field.name for field in fields(create(name).params)} & {"factors", "neighbours", "rank", "candidates"}
    matrix, times = likes()
    recommender = create(name, {**PARAMS.get(name, {}), **dict.fromkeys(wanted, 64)})
    recommender.fit(matrix, times=times)
    assert np.isfinite(recommender.score(matrix)).all()


def _csr(data: list, indices: list, indptr: list) -> sparse.csr_matrix:
    """A matrix of 2 users and 3 films as raw parts, which scipy takes without a look."""
    matrix = sparse.csr_matrix((2, 3), dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = np.array(data), np.array(indices, np.int32), np.array(indptr, np.int32)
    return matrix


def _wide(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with its last column so high that 32 bits would make it another, valid one."""
    matrix.indices = matrix.indices.astype(np.int64)
    matrix.indices[-1] += 2**32
    return matrix


BAD_MATRICES = {
    "NaN": _csr([1.0, np.nan], [0, 1], [0, 1, 2]),
    "infinite": _csr([1.0, np.inf], [0, 1], [0, 1, 2]),
    "too large for float32": _csr([1.0, 1e300], [0, 1], [0, 1, 2]),
    "complex": _csr([1.0, 1j], [0, 1], [0, 1, 2]),
    "text": _csr(["1", "2"], [0, 1], [0, 1, 2]),
    "a pair twice": _csr([1.0, 1.0], [1, 1], [0, 2, 2]),
    "a column too high": _csr([1.0, 1.0], [0, 3], [0, 1, 2]),
    "a column below zero": _csr([1.0, 1.0], [0, -1], [0, 1, 2]),
    "a column past 32 bits": _wide(_csr([1.0, 1.0], [0, 1], [0, 1, 2])),
    "more columns than 32 bits count": sparse.csr_matrix((2, 2**31 + 8), dtype=np.float32),
    "falling row pointers": _csr([1.0, 1.0], [0, 1], [0, 3, 2]),
    "another format": sparse.csc_matrix([[1.0, 0, 0], [0, 1.0, 0]]),
    "a dense array": np.ones((2, 3), np.float32),
}


@pytest.mark.parametrize("matrix", BAD_MATRICES.values(), ids=BAD_MATRICES.keys())
@every
def test_a_bad_matrix_is_refused(name: str, matrix: sparse.csr_matrix) -> None:
    """A matrix with a wrong value, place, type or form is refused in training and in scoring, with the next step."""
    recommender = create(name, PARAMS.get(name))
    with pytest.raises(MatrixError) as refused:
        recommender.fit(matrix, times=[5, 6])
    assert refused.value.next_step
    recommender.fit(sparse.csr_matrix(np.eye(2, 3, dtype=np.float32)), times=[5, 6])
    with pytest.raises(MatrixError):
        recommender.score(matrix)


@every
def test_a_negative_weight_is_refused_in_training(name: str) -> None:
    """Models learn from likes alone: a weight below zero is refused, and the recommender stays untrained."""
    recommender = create(name, PARAMS.get(name))
    with pytest.raises(MatrixError, match="negative weight"):
        recommender.fit(_csr([1.0, -1.0], [0, 1], [0, 1, 2]), times=[5, 6])
    with pytest.raises(NotFittedError):
        recommender.score_one([0], [1])


def signed() -> sparse.csr_matrix:
    """The likes, one of four of them turned into a dislike; the first user likes nothing any more."""
    matrix, _ = likes()
    matrix.data[np.random.default_rng(8).random(matrix.nnz) < 0.25] *= -0.5
    first = slice(0, matrix.indptr[1])
    matrix.data[first] = -np.abs(matrix.data[first])
    return matrix


@every
def test_a_dislike_takes_off_what_a_like_would_have_added(name: str) -> None:
    """Additive recommenders subtract the score of the disliked films, blends in their members; others leave them out.

    Where nothing is liked nothing is taken off: such a history is an empty one. One history scores as in a batch.
    """
    recommender, histories = trained(name), signed()
    liked, disliked = histories.maximum(0), (-histories).maximum(0)
    expected = recommender.score(liked)
    known = np.setdiff1d(np.arange(N_ITEMS), UNSEEN)
    if name in ADDITIVE:
        against = recommender.score(disliked)
        against[np.diff(liked.tocsr().indptr) == 0] = 0
        assert np.abs(against).max() > 0
        expected[:, known] -= against[:, known]
    told = recommender.score(histories)
    nothing = np.diff(liked.tocsr().indptr) == 0
    assert nothing[0]
    np.testing.assert_allclose(told[nothing], expected[nothing], rtol=1e-4, atol=1e-5)
    if name in {"blend", "rerank"}:
        assert np.abs(told - expected).max(axis=1)[~nothing].mean() > 0.05
    else:
        np.testing.assert_allclose(told[:, known], expected[:, known], rtol=1e-4, atol=1e-5)
    assert (told[:, UNSEEN] <= told[:, known].min(axis=1, keepdims=True) + 1e-6).all() or not told.any()
    for user in range(0, N_USERS, 7):
        one = recommender.score_one(*row(histories, user))
        np.testing.assert_allclose(one, told[user], rtol=1e-4, atol=1e-5)


def test_a_blend_hands_dislikes_to_its_members() -> None:
    """A blend of one additive member is that member's signed scores, brought to the scale of the blend."""
    blend, member = create("blend", {"members": [{"model": "ease", "params": {"regularisation": 2}}]}), trained("ease")
    matrix, _ = likes()
    blend.fit(matrix)
    histories = signed()[1:]
    known = np.setdiff1d(np.arange(N_ITEMS), UNSEEN)
    told, alone = blend.score(histories)[:, known], member.score(histories)[:, known]
    spread = alone.std(axis=1, keepdims=True)
    centred = alone - alone.mean(axis=1, keepdims=True)
    expected = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    np.testing.assert_allclose(told, expected, rtol=1e-3, atol=1e-4)
    assert np.abs(told - blend.score(histories.maximum(0))[:, known]).max() > 0.1


@pytest.mark.parametrize("name", ADDITIVE)
def test_contributions_of_likes_and_dislikes_sum_to_the_score(name: str) -> None:
    """With dislikes in the history the contributions still sum to the score, and some of them take off."""
    recommender, histories = trained(name), signed()
    scores, taken = recommender.score(histories), 0
    for user in range(0, N_USERS, 5):
        items, weights = row(histories, user)
        parts = recommender.explain_many(items, weights, [2, 9])
        np.testing.assert_allclose(parts.sum(axis=1), scores[user, [2, 9]], rtol=1e-4, atol=1e-5)
        taken += int((parts[:, weights < 0] < 0).sum())
    assert taken > 0


@every
def test_a_matrix_without_a_like_is_refused(name: str) -> None:
    """Nothing can be learned from no like at all, also where zeros are stored or there are no rows."""
    for matrix in (_csr([0.0, 0.0], [0, 1], [0, 1, 2]), sparse.csr_matrix((2, 3)), sparse.csr_matrix((0, 0))):
        with pytest.raises(MatrixError, match="no like"):
            create(name).fit(matrix, times=np.zeros(matrix.nnz, np.int64))


@every
def test_a_matrix_of_another_width_is_refused_in_scoring(name: str) -> None:
    """Histories must have the training's columns."""
    with pytest.raises(MatrixError, match="14 items"):
        trained(name).score(sparse.csr_matrix((1, 15), dtype=np.float32))


@every
def test_times_must_be_in_step_with_the_matrix(name: str) -> None:
    """Too few times, and times that are not whole numbers, are refused by every recommender."""
    matrix, times = likes()
    for wrong in (times[:-1], times.astype(np.float64), times.reshape(1, -1)):
        with pytest.raises(MatrixError, match="times"):
            create(name).fit(matrix, times=wrong)


@pytest.mark.parametrize("name", parameters([name for name in NAMES if create(name).capabilities.needs_times]))
def test_a_recommender_that_needs_times_says_so(name: str) -> None:
    """Without times, or with none known, there is an error and no silent fallback."""
    matrix, _ = likes()
    for times in (None, np.full(matrix.nnz, -1)):
        with pytest.raises(MatrixError, match="needs times"):
            create(name).fit(matrix, times=times)


@pytest.mark.parametrize(
    ("items", "weights"),
    [
        ([0, 0], [1, 1]),
        ([0], [float("nan")]),
        ([0], [float("inf")]),
        ([0], [1e300]),
        ([0], [-np.inf]),
        ([14], [1]),
        ([-1], [1]),
        ([0.5], [1]),
        ([0], ["1"]),
        ([0, 1], [1]),
        ([[0]], [[1]]),
    ],
)
@every
def test_a_bad_history_is_refused(name: str, items: list, weights: list) -> None:
    """A film twice or unknown, a weight that is no finite number, and shapes that differ are refused."""
    with pytest.raises(HistoryError):
        trained(name).score_one(items, weights)


@every
def test_nothing_answers_before_training(name: str) -> None:
    """Before `fit`, every question is refused."""
    recommender = create(name)
    questions = (
        lambda: recommender.n_items,
        lambda: recommender.score(sparse.csr_matrix((1, 1))),
        lambda: recommender.score_one([0], [1]),
        lambda: recommender.similar(0, 1),
        lambda: recommender.explain([0], [1], 0),
        lambda: recommender.explain_many([0], [1], [0]),
        recommender.arrays,
    )
    for question in questions:
        with pytest.raises(NotFittedError):
            question()


@every
def test_a_refused_training_leaves_the_recommender_as_it_was(name: str) -> None:
    """After an error in `fit`, the recommender still answers from its earlier training."""
    recommender = trained(name)
    before = recommender.score_one([0, 1], [1, 1])
    with pytest.raises(MatrixError):
        recommender.fit(BAD_MATRICES["NaN"], times=[5, 6])
    np.testing.assert_array_equal(recommender.score_one([0, 1], [1, 1]), before)


@every
@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [1, 2, 1, 0.5], [1, 60, 0.25, 2]])
def test_what_remains_without_a_film_is_the_score_of_the_rest(name: str, weights: list[float]) -> None:
    """Left out one at a time: the targets' scores, and mean and deviation of all, are those of the shorter history."""
    recommender = trained(name)
    known = recommender.arrays()["known_items"]
    items, times = known[[0, 4, 7, 9]], np.array([0, 86_400, 200_000, 86_400])
    left_out, targets = np.array([3, 0, 1]), known[[2, 8, 4]]
    for other in (known[[1, 5]], items):
        # What is kept of the history before is not taken for this one's, though its films or weights are the same.
        recommender.score_one(other, np.full(len(other), 3))
        recommender.remains(other, np.full(len(other), 3), left_out % 2, targets)
    remains = recommender.remains(items, weights, left_out, targets, times=times)
    for row, place in enumerate(left_out):
        rest = np.delete(np.arange(4), place)
        scores = recommender.score_one(items[rest], np.array(weights)[rest], times=times[rest])
        np.testing.assert_allclose(remains.scores[row], scores[targets], rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(remains.means[row], scores[known].mean(), rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(remains.deviations[row], scores[known].std(), rtol=2e-3, atol=2e-4)
    with pytest.raises(HistoryError, match="two films"):
        recommender.remains(items[:1], weights[:1], left_out[1:2], targets)
    with pytest.raises(HistoryError, match="two films"):
        recommender.remains(items, [1, 1, -1, 1], left_out, targets)


@every
@pytest.mark.parametrize("weights", [[1, 1, 2], [1, 1, -1]])
def test_the_best_films_are_those_with_the_highest_scores(name: str, weights: list[float]) -> None:
    """`best` gives what `score_one` ranks first among what is not left out, and shares it out as `explain` does."""
    recommender, items = trained(name), [0, 2, 5]
    scores = recommender.score_one(items, weights)
    counted = scores.copy()
    counted[[0, 4]] = -np.inf
    explain = recommender.capabilities.explains
    best = recommender.best(items, weights, 5, without=np.array([0, 4]), explain=explain)
    np.testing.assert_array_equal(best.items, np.argsort(-counted, kind="stable")[:5])
    passing = np.arange(N_ITEMS) % 2 == 0
    filtered = recommender.best(items, weights, N_ITEMS, without=np.array([0, 4]), among=passing)
    ranked = np.argsort(-counted, kind="stable")
    np.testing.assert_array_equal(filtered.items, ranked[passing[ranked] & (counted[ranked] > -np.inf)])
    np.testing.assert_allclose(best.scores, scores[best.items], rtol=2e-5, atol=2e-6)
    if explain:
        told = recommender.explain_many(items, weights, best.items.tolist())
        np.testing.assert_allclose(best.contributions, told, rtol=2e-5, atol=2e-6)
    assert len(recommender.best([], [], 100).items) == N_ITEMS
    with pytest.raises(HistoryError, match="0 best films"):
        recommender.best(items, weights, 0)


@pytest.mark.parametrize("name", parameters([name for name in NAMES if name not in SIMILAR]))
def test_similar_is_refused_where_it_is_not_among_the_capabilities(name: str) -> None:
    """A recommender without similar films says so."""
    with pytest.raises(UnsupportedError):
        trained(name).similar(0, 3)


@pytest.mark.parametrize("name", parameters(SIMILAR))
def test_similar_films_are_others_in_falling_order(name: str) -> None:
    """Similar films are at most k others that were seen, in falling order, above 0, and mostly of the film's camp."""
    recommender = trained(name)
    same_camp = others = 0
    for item in range(N_ITEMS):
        films, values = recommender.similar(item, 5)
        assert (films.dtype, values.dtype) == (np.int32, np.float32)
        assert len(films) == len(values) <= 5
        assert item not in films
        assert not set(films.tolist()) & set(UNSEEN)
        assert (np.diff(values) <= 0).all()
        assert (values > 0).all()
        assert len(films) == 0 or item not in UNSEEN
        same_camp += np.count_nonzero(films % 2 == item % 2)
        others += np.count_nonzero(films % 2 != item % 2)
    assert same_camp > 2 * others


@pytest.mark.parametrize("name", parameters(SIMILAR))
def test_similarities_say_of_every_film_what_similar_says_of_the_best(name: str) -> None:
    """Every film has its similarity: the similar ones what they are told with, 0 the film itself and the unseen."""
    recommender = trained(name)
    for item in range(N_ITEMS):
        films, values = recommender.similar(item, N_ITEMS)
        every = recommender.similarities(item)
        assert (every.shape, every.dtype, every[item]) == ((N_ITEMS,), np.float32, 0)
        assert (every[list(UNSEEN)] == 0).all()
        assert np.array_equal(every[films], values)
        assert np.count_nonzero(every > 0) == len(films)


@pytest.mark.parametrize("name", parameters(SIMILAR))
def test_similar_refuses_what_is_no_film_and_no_number(name: str) -> None:
    """Unknown films and a k below 1 are refused."""
    recommender = trained(name)
    for item, k in ((-1, 3), (N_ITEMS, 3), (1.5, 3), (True, 3), (0, 0)):
        with pytest.raises(HistoryError):
            recommender.similar(item, k)


@pytest.mark.parametrize("name", parameters([name for name in NAMES if name not in EXPLAINS]))
def test_explain_is_refused_where_it_is_not_among_the_capabilities(name: str) -> None:
    """A recommender without explanations says so."""
    with pytest.raises(UnsupportedError):
        trained(name).explain([0], [1], 2)
    with pytest.raises(UnsupportedError):
        trained(name).explain_many([0], [1], [2])


@pytest.mark.parametrize("name", parameters(ADDITIVE))
def test_contributions_sum_to_the_score(name: str) -> None:
    """For every user and known film, the contributions of the history's films sum to the film's score."""
    recommender, (matrix, _) = trained(name), likes()
    scores = recommender.score(matrix)
    for user in range(N_USERS):
        items, weights = row(matrix, user)
        for target in set(range(N_ITEMS)) - set(UNSEEN):
            parts = recommender.explain(items, weights, target)
            assert parts.shape == items.shape
            assert parts.dtype == np.float32
            np.testing.assert_allclose(parts.sum(), scores[user, target], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("timed", [False, True], ids=["as-a-set", "by-time"])
@pytest.mark.parametrize("name", parameters(EXPLAINS))
def test_without_the_film_that_is_named_the_score_is_lower(name: str, timed: bool) -> None:
    """Explanations are faithful: without the film that speaks most for a recommended film, that film scores lower.

    Over every user with two films and more, and each user's best three; a film is named where it speaks for another.
    """
    recommender, (matrix, stamps) = trained(name), likes()
    named = 0
    for user in range(N_USERS):
        items, weights = row(matrix, user)
        if len(items) < 2:
            continue
        times = stamps[matrix.indptr[user] : matrix.indptr[user + 1]] if timed else None
        scores = recommender.score_one(items, weights, times=times)
        unseen = np.setdiff1d(np.arange(N_ITEMS), [*items, *UNSEEN])
        best = unseen[np.argsort(-scores[unseen], kind="stable")[:3]].tolist()
        for target, parts in zip(best, recommender.explain_many(items, weights, best, times=times), strict=True):
            left = np.arange(len(items)) != parts.argmax()
            if parts.max() <= 0:
                continue
            named += 1
            without = None if times is None else times[left]
            assert recommender.score_one(items[left], weights[left], times=without)[target] < scores[target]
    assert named > 2 * N_USERS


@pytest.mark.parametrize("name", parameters(EXPLAINS))
def test_films_that_say_nothing_contribute_nothing(name: str) -> None:
    """An unseen film and a zero weight contribute 0, an unseen target receives 0, and so does an empty history."""
    recommender = trained(name)
    parts = np.array([recommender.explain([3, 0, 2], [1, 1, 0], target) for target in range(N_ITEMS)])
    assert not parts[:, [0, 2]].any()
    assert parts[:, 1].any()
    assert recommender.explain([0, 2], [1, 1], 3).tolist() == [0, 0]
    assert recommender.explain([], [], 4).shape == (0,)


@pytest.mark.parametrize("name", parameters(EXPLAINS))
def test_many_films_are_explained_as_each_one_is(name: str) -> None:
    """A row of `explain_many` is what `explain` gives for its film, in any order of films, also for an unseen one."""
    recommender, (matrix, _) = trained(name), likes()
    items, weights = row(matrix, 0)
    items, weights = np.append(items, UNSEEN[0]), np.append(weights, np.float32(1))
    targets = [9, *UNSEEN, 0, 4, 9]
    told = recommender.explain_many(items, weights, targets)
    assert (told.shape, told.dtype) == ((len(targets), len(items)), np.float32)
    assert told[0].any()
    for target, parts in zip(targets, told, strict=True):
        np.testing.assert_allclose(parts, recommender.explain(items, weights, target), rtol=1e-4, atol=1e-6)
    assert recommender.explain_many(items, weights, []).shape == (0, len(items))
    assert recommender.explain_many([], [], targets).shape == (len(targets), 0)


@pytest.mark.parametrize("name", parameters(EXPLAINS))
def test_explaining_refuses_what_is_no_film(name: str) -> None:
    """One unknown target, or a bad history, and nothing is explained."""
    recommender = trained(name)
    for target in (-1, N_ITEMS, 1.5, True):
        with pytest.raises(HistoryError):
            recommender.explain([0], [1], target)
        with pytest.raises(HistoryError):
            recommender.explain_many([0], [1], [2, target])
    with pytest.raises(HistoryError):
        recommender.explain_many([0, 0], [1, 1], [2])


@every
def test_too_little_memory_is_an_error_before_anything_is_allocated(name: str) -> None:
    """Over the limit, `fit` refuses with both figures, for as many users as like something; at it, it trains."""
    matrix, times = likes()
    matrix = sparse.csr_matrix(sparse.vstack([matrix, sparse.csr_matrix((7, N_ITEMS))]))
    recommender = create(name, PARAMS.get(name))
    needed = recommender.memory_needed(N_USERS, N_ITEMS - len(UNSEEN), matrix.nnz)
    with pytest.raises(MemoryNeededError, match=rf"on {N_USERS} users and {N_ITEMS - 2} films .* MiB are allowed"):
        recommender.fit(matrix, times=times, memory_limit_bytes=needed - 1)
    recommender.fit(matrix, times=times, memory_limit_bytes=needed)


MANY = 300_000


@every
def test_sizes_are_counted_past_32_bits(name: str) -> None:
    """The estimate is the same whoever counts users and films, and grows with them, past what 32 bits hold."""
    recommender = create(name)
    needed = recommender.memory_needed(MANY, MANY, MANY)
    assert recommender.memory_needed(*np.full(3, MANY, np.int32)) == needed
    assert recommender.memory_needed(4 * MANY, 4 * MANY, 4 * MANY) >= 2 * needed > 0


@pytest.mark.parametrize("name", [name for name in NAMES if create(name).memory_needed(MANY, MANY, MANY) > 2**36])
def test_what_no_machine_holds_is_refused_with_the_estimate(name: str) -> None:
    """A model of all pairs of 300,000 films would take 360 GB: it is refused before any of that is allocated."""
    matrix = sparse.eye_array(MANY, dtype=np.float32, format="csr")
    recommender = create(name)
    tracemalloc.start()
    with pytest.raises(MemoryNeededError, match=r"about [\d,]{7,} MiB, and 4,096 MiB are allowed"):
        recommender.fit(matrix, times=np.arange(MANY), memory_limit_bytes=2**32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**27


@pytest.mark.parametrize("n_users", [500, pytest.param(2500, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in BY_TORCH])
def test_training_takes_about_the_memory_that_it_says(name: str, n_users: int) -> None:
    """The peak of what training allocates is below `memory_needed`, and not below a fifth of it."""
    matrix = sparse.random_array((n_users, 1500), density=0.02, rng=np.random.default_rng(0), dtype=np.float32)
    matrix = matrix.tocsr()
    recommender = create(name)
    create(name).fit(likes()[0], times=likes()[1])  # so that what it imports is not counted
    tracemalloc.start()
    recommender.fit(matrix, times=np.arange(matrix.nnz))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    needed = recommender.memory_needed(n_users, 1500, matrix.nnz)
    assert needed / 5 < peak < needed


@every
def test_progress_is_told_to_the_end(name: str) -> None:
    """A listener hears one task, which ends at 100 percent."""
    heard: list[float] = []

    class Listener:
        @contextmanager
        def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator:
            assert (title, total, unit) == (f"Training {name}", 100, "%")
            yield heard.append

    matrix, times = likes()
    create(name, PARAMS.get(name)).fit(matrix, times=times, progress=Listener())
    assert sum(heard) == pytest.approx(100)


def plain_params(name: str, params: dict | None = None) -> dict:
    """Return all parameters as a manifest holds them."""
    return json.loads(json.dumps(asdict(create(name, params).params)))


@every
def test_a_training_is_watched_between_its_steps(name: str) -> None:
    """Where a training has steps, each is shown as a whole recommender, the last being what training then gives."""
    matrix, times = likes()
    shown: list[tuple[float, np.ndarray]] = []
    recommender = create(name, PARAMS.get(name))
    recommender.fit(matrix, times=times, watch=lambda so_far, share: shown.append((share, so_far.score(matrix))))
    shares = [share for share, _ in shown]
    assert shares == sorted(set(shares))
    assert bool(shown) == (name in STEP_BY_STEP)
    if shown:
        assert 0 < shares[0] < shares[-1] == pytest.approx(1)
        assert not np.array_equal(shown[0][1], shown[-1][1])
        np.testing.assert_array_equal(shown[-1][1], recommender.score(matrix))


@pytest.mark.parametrize("name", parameters(sorted(STEP_BY_STEP)))
def test_who_watches_may_end_a_training(name: str) -> None:
    """What the watcher raises comes out of `fit`, and the recommender is as it was before."""
    matrix, times = likes()
    recommender = trained(name)
    before = recommender.score(matrix)

    def enough(_so_far: Recommender, _share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        recommender.fit(matrix[:30], times=times[: matrix.indptr[30]], watch=enough)
    np.testing.assert_array_equal(recommender.score(matrix), before)
    recommender.fit(matrix, times=times)


@pytest.mark.parametrize("name", PERSONALISED)
def test_a_personalised_recommender_says_where_to_search(name: str) -> None:
    """It names parameters that it has, in bounds that it accepts, with its own default between them."""
    types = {field.name: field.type for field in fields(create(name).params)}
    space, default = search_space(name), plain_params(name)
    assert space
    for parameter, where in space.items():
        assert where.holds(value_at(default, parameter))
        if isinstance(where, Range) and parameter in types:
            assert where.whole == (types[parameter] is int)
        for end in where.ends:
            assert value_at(plain_params(name, with_values(default, {parameter: end})), parameter) == end
    assert not {"seed", "threads"} & set(space)
