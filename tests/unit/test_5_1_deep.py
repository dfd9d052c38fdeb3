"""The models that PyTorch trains: what they learn, and that answering needs plain arrays alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import NAMES, LibraryMissingError, Recommender, create, extras, restore
from movie_mlops.recommenders.config import SasrecParams, VaeParams
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.sequences import BUCKETS, in_order, rank_buckets, time_buckets
from tests.fixtures.stage_5.models import BY_TORCH, parameters

DAY = 86_400
SMALL = {
    "vae": {"hidden": 16, "factors": 8, "epochs": 25, "batch": 50, "learning_rate": 0.02},
    "sasrec": {"factors": 16, "length": 12, "targets": 8, "dropout": 0, "epochs": 60, "batch": 50, "ahead": 1},
}

deep = pytest.mark.parametrize("name", parameters(BY_TORCH))


def tastes(n_users: int, seed: int) -> sparse.csr_matrix:
    """Users of five tastes; of 40 films, eight belong to each; a user likes five of these and one of any."""
    random = np.random.default_rng(seed)
    dense = np.zeros((n_users, 40), np.float32)
    for user in range(n_users):
        dense[user, random.permutation(8)[:5] * 5 + user % 5] = 1
        dense[user, random.integers(40)] = 1
    return sparse.csr_matrix(dense)


def in_a_ring(n_users: int, n_items: int, seed: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Histories of six films; after film i comes film i + 1, after the last the first; one film a day."""
    random = np.random.default_rng(seed)
    films = (random.integers(0, n_items, n_users)[:, np.newaxis] + np.arange(6)) % n_items
    order = np.argsort(films, axis=1)
    matrix = sparse.csr_matrix(
        (np.ones(films.size, np.float32), np.sort(films, axis=1).ravel(), np.arange(n_users + 1) * 6),
        shape=(n_users, n_items),
    )
    return matrix, (DAY * (order + 1000)).ravel()


def fitted(name: str, matrix: sparse.csr_matrix, times: np.ndarray | None = None) -> Recommender:
    recommender = create(name, SMALL[name])
    recommender.fit(matrix, times=np.arange(matrix.nnz) if times is None else times)
    return recommender


def test_the_autoencoder_finds_the_taste_of_somebody_new() -> None:
    """For 50 new users of whom half of what they like is shown, films of their taste fill nine tenths of the best."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    recommender = fitted("vae", tastes(300, 0))
    shown = np.zeros((50, 40), np.float32)
    for user in range(50):
        shown[user, [user % 5, 5 + user % 5, 10 + user % 5]] = 1
    scores = recommender.score(sparse.csr_matrix(shown))
    scores[shown > 0] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :5]
    assert (best % 5 == (np.arange(50) % 5)[:, np.newaxis]).mean() > 0.9


def test_the_sequential_model_reads_the_order() -> None:
    """In a ring of films the next one is first for nine in ten; the same films in the order of reverse get another."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    matrix, times = in_a_ring(200, 12, 0)
    recommender = fitted("sasrec", matrix, times)
    new, when = in_a_ring(60, 12, 1)
    scores = recommender.score(new, times=when)
    latest = new.indices.reshape(60, 6)[np.arange(60), when.reshape(60, 6).argmax(axis=1)]
    scores[new.toarray() > 0] = -np.inf
    assert (scores.argmax(axis=1) == (latest + 1) % 12).mean() > 0.9
    one, other = (recommender.score_one([3, 4, 5], [1, 1, 1], times=stamps) for stamps in ([1, 2, 3], [3, 2, 1]))
    assert np.abs(one - other).max() > 0.5


def test_the_sequential_model_reads_times() -> None:
    """The same films in the same order, far apart in time or on one day, are answered differently."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    random = np.random.default_rng(3)
    # After films 0, 1 and 2 on one day comes 3; where the last comes after a year, 4.
    matrix = sparse.csr_matrix(np.zeros((200, 6), np.float32))
    late = np.arange(200) % 2 == 1
    items = np.stack([np.zeros(200), np.ones(200), np.full(200, 2), np.where(late, 4, 3)], axis=1).astype(np.int32)
    when = np.stack(
        [np.zeros(200), np.full(200, 60), np.where(late, 400 * DAY, 120), np.where(late, 400 * DAY + 60, 180)], axis=1
    )
    when += random.integers(0, 40, 200)[:, np.newaxis]
    matrix = sparse.csr_matrix((np.ones(800, np.float32), items.ravel(), np.arange(201) * 4), shape=(200, 6))
    recommender = fitted("sasrec", matrix, when.astype(np.int64).ravel())
    soon = recommender.score_one([0, 1, 2], [1, 1, 1], times=[0, 60, 120])
    later = recommender.score_one([0, 1, 2], [1, 1, 1], times=[0, 60, 400 * DAY])
    assert soon[3] - soon[4] > 0.5
    assert later[4] - later[3] > 0.5


def test_unknown_times_make_a_history_a_set() -> None:
    """Without times, or with none known, the order of a history changes nothing; a known time makes it count again."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    recommender = fitted("sasrec", *in_a_ring(200, 12, 0))
    as_set = recommender.score_one([3, 4, 5], [1, 1, 1])
    np.testing.assert_array_equal(recommender.score_one([3, 4, 5], [1, 1, 1], times=[-1, -1, -1]), as_set)
    np.testing.assert_allclose(recommender.score_one([5, 3, 4], [1, 1, 1]), as_set, rtol=1e-4, atol=1e-5)
    assert np.abs(recommender.score_one([3, 4, 5], [1, 1, 1], times=[-1, -1, 9]) - as_set).max() > 0.1


def test_the_autoencoder_answers_as_pytorch_does() -> None:
    """With nothing hidden and no noise, what training calls the loss is what the answers of plain arrays come to."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    from movie_mlops.recommenders import torch_training, vae_training  # noqa: PLC0415 - they import PyTorch

    matrix = tastes(30, 0)
    matrix.data *= 1 + np.arange(matrix.nnz) % 3
    params = VaeParams(hidden=16, factors=8, dropout=0, pull=0)
    with torch_training.seeded(params) as (device, chance):
        training = vae_training._Training(matrix, params, device, chance)
        with vae_training.torch.no_grad():
            training.parameters[1].normal_()
            training.parameters[4][:, 8:] = 0
            training.parameters[5][8:] = -60
            lost = float(training.loss(np.arange(30), 0.0))
        names = [name for name in create("vae").layout(40) if name not in {"n_items", "known_items"}]
        arrays = dict(zip(names, map(torch_training.plain, training.parameters), strict=True))
    arrays["code"], arrays["code_bias"] = arrays["code"][:, :8], arrays["code_bias"][:8]
    common = {"n_items": np.array([40]), "known_items": np.arange(40, dtype=np.int32)}
    scores = restore("vae", {"hidden": 16, "factors": 8}, {**common, **arrays}).score(matrix)
    told = matrix.data * (scores[np.repeat(np.arange(30), np.diff(matrix.indptr)), matrix.indices] - np.log(40))
    assert lost == pytest.approx(-told.sum() / 30, rel=1e-4)


def test_the_sequential_model_answers_as_pytorch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for any film after a whole history, training loses what the answers of plain arrays leave to chance."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    from movie_mlops.recommenders import sasrec_training, torch_training  # noqa: PLC0415 - they import PyTorch

    matrix, times = in_a_ring(20, 12, 0)
    matrix.data *= 1 + np.arange(matrix.nnz) % 3
    params = SasrecParams(factors=8, dropout=0)
    items, weights = matrix[0].indices, matrix[0].data
    order = np.argsort(times[:6])
    with torch_training.seeded(params) as (device, chance):
        training = sasrec_training._Training(Training(sparse.csr_array(matrix), times), params, device, chance)
        with sasrec_training.torch.no_grad():
            for name, tensor in training.parameters.items():
                if "scale" not in name:
                    tensor.add_(sasrec_training.torch.randn(tensor.shape, generator=chance) * 0.3)
            batch = sasrec_training._Batch(1, 6, 1)
            batch.fill(0, items[order], weights[order])
            batch.ask(0, np.array([5]), np.array([2]), times[order])
            monkeypatch.setattr(training, "_draw", lambda _users: batch)
            lost = float(training.loss(np.array([0]), 0.0))
        arrays = {name: torch_training.plain(tensor) for name, tensor in training.parameters.items()}
    common = {"n_items": np.array([12]), "known_items": np.arange(12, dtype=np.int32)}
    scores = restore("sasrec", {"factors": 8}, {**common, **arrays}).score_one(items, weights, times=times[:6])
    assert lost == pytest.approx(np.log(12) - scores[items[order[2]]], rel=1e-4)


@deep
def test_a_score_is_how_many_times_likelier_a_film_is(name: str) -> None:
    """Over all known films the chances that the scores stand for sum to 1, so that two histories can be compared."""
    matrix = tastes(60, 0)
    scores = fitted(name, matrix).score(matrix[:5])
    np.testing.assert_allclose(np.exp(scores).mean(axis=1), 1, rtol=1e-4)


@deep
def test_a_history_of_the_same_films_is_explained_by_what_leaving_one_out_changes(name: str) -> None:
    """A contribution is the score with the film less the score without it, to the last digits."""
    matrix = tastes(60, 0)
    recommender = fitted(name, matrix)
    items, weights = matrix[0].indices, matrix[0].data
    scores = recommender.score_one(items, weights)
    parts = recommender.explain_many(items, weights, [0, 17])
    for place in range(len(items)):
        left = np.arange(len(items)) != place
        without = recommender.score_one(items[left], weights[left])
        np.testing.assert_allclose(parts[:, place], (scores - without)[[0, 17]], rtol=1e-3, atol=1e-5)


_ANSWERS = """
import json, sys
import numpy as np
sys.modules["torch"] = None  # an import of it fails
from movie_mlops.recommenders import restore
told = json.load(sys.stdin)
for name, (params, arrays) in told.items():
    model = restore(name, params, {key: np.array(array, np.dtype(kind)) for key, (kind, array) in arrays.items()})
    print(json.dumps(model.score_one([0, 5], [1, 1], times=[1, 2]).tolist()))
"""


def test_answering_needs_no_pytorch() -> None:
    """In a process in which PyTorch cannot be imported, restored models give the same scores."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    models = {name: fitted(name, tastes(40, 0)) for name in BY_TORCH}
    told = {
        name: (SMALL[name], {key: (array.dtype.str, array.tolist()) for key, array in model.arrays().items()})
        for name, model in models.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", _ANSWERS], input=json.dumps(told), capture_output=True, text=True, check=True
    )
    for (_, model), line in zip(models.items(), done.stdout.splitlines(), strict=True):
        np.testing.assert_array_equal(
            np.array(json.loads(line), np.float32), model.score_one([0, 5], [1, 1], times=[1, 2])
        )


@pytest.mark.parametrize("name", BY_TORCH)
def test_without_pytorch_one_sentence_says_how_to_get_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training where PyTorch is missing is refused with the command that installs it."""
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    with pytest.raises(LibraryMissingError, match="not installed") as refused:
        create(name).fit(sparse.csr_matrix(np.eye(2, dtype=np.float32)), times=[1, 2])
    assert "scripts/setup/setup_deep.sh" in refused.value.next_step


_MEMORY = """
import json
import numpy as np
from scipy import sparse
from movie_mlops.core.memory import peak_memory_mib
from movie_mlops.recommenders import create

def peak():
    # Not getrusage: its peak is handed down by the process that started this one.
    return 2**20 * peak_memory_mib()

def data(users, films):
    matrix = sparse.random_array((users, films), density=0.02, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    return matrix, np.arange(matrix.nnz)

for name in {names}:
    matrix, times = data(200, 50)
    create(name, {{"epochs": 1}}).fit(matrix, times=times)
matrix, times = data(400, 12_000)
for name in {names}:
    before = peak()
    model = create(name, {{"epochs": 1}})
    model.fit(matrix, times=times)
    print(json.dumps([name, model.memory_needed(400, 12_000, matrix.nnz), peak() - before]))
"""


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak memory of a process is read as Linux has it")
def test_training_takes_about_the_memory_that_it_says() -> None:
    """The growth of a process of its own is below what is foretold, and not below a sixth of it."""
    pytest.importorskip("torch", reason="PyTorch is not installed; scripts/setup/setup_deep.sh installs it")
    # From the smaller one, so that what it took is not there already for the other.
    for name in BY_TORCH:
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY.format(names=[name])], capture_output=True, text=True, check=True
        )
        _, needed, taken = json.loads(done.stdout)
        assert needed / 6 < taken < needed, (name, needed, taken)


def test_histories_are_ordered_by_time_and_unknown_ones_come_first() -> None:
    """Ascending times, films of one time in their own order, and the unknown before all."""
    order = in_order(np.array([5, 3, 9, 1], np.int32), np.array([70, 70, -1, 20]))
    assert order.tolist() == [2, 3, 1, 0]


def test_distances_fall_into_buckets_that_grow() -> None:
    """Ranks up to eight have a bucket each, times double; all stay inside, and an unknown time has bucket 0."""
    ranks = rank_buckets(np.arange(5000))
    assert ranks[:9].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert (np.diff(ranks) >= 0).all()
    assert (ranks.min(), ranks.max()) == (1, BUCKETS - 1)
    gaps = time_buckets(np.array([100]), np.array([100, 99, 97, 0, -1]))
    assert gaps.tolist() == [1, 2, 3, 8, 0]
    assert time_buckets(np.array([2**40]), np.array([0])).tolist() == [BUCKETS - 1]


def test_those_trained_by_pytorch_are_known_by_their_capabilities() -> None:
    """The models that need an extra say so, and no other does."""
    assert set(BY_TORCH) == {"vae", "sasrec"}
    assert [name for name in NAMES if create(name).capabilities.libraries] == list(BY_TORCH)
