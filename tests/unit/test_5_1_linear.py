"""EASE and EDLAE against their textbook formulas, computed in another way."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from movie_mlops.recommenders import ParameterError, TrainingError, closed_form, create, gram, spread
from movie_mlops.release import write_bundle

#        film:  0  1  2
LIKES = np.array([[1, 1, 0],
                  [1, 1, 1],
                  [1, 0, 1],
                  [0, 0, 2]], dtype=np.float32)  # fmt: skip


def textbook(matrix: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """B = I - P / diag(P), by an explicit inverse in float64."""
    likes = matrix.astype(np.float64)
    inverse = np.linalg.inv(likes.T @ likes + np.diag(penalties))
    return np.eye(len(inverse)) - inverse / np.diagonal(inverse)


def by_regression(matrix: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """B column by column: ridge regression of each film on the others, which never sees its own column."""
    return regression(matrix, matrix, penalties)


def regression(inputs: np.ndarray, targets: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Ridge regression of each column of the targets on all columns of the inputs but its own."""
    likes, weights = inputs.astype(np.float64), np.zeros((inputs.shape[1],) * 2)
    for target in range(inputs.shape[1]):
        others = np.delete(np.arange(inputs.shape[1]), target)
        left = likes[:, others].T @ likes[:, others] + np.diag(penalties[others])
        weights[others, target] = np.linalg.solve(left, likes[:, others].T @ targets[:, target])
    return weights


def learned(name: str, matrix: np.ndarray, **params: float) -> np.ndarray:
    recommender = create(name, params)
    recommender.fit(sparse.csr_matrix(matrix))
    return recommender.arrays()["weights"]


def random_likes(n_users: int, n_items: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    likes = (rng.random((n_users, n_items)) < 0.2).astype(np.float32) * rng.integers(1, 3, (n_users, n_items))
    likes[0, :] = 1  # every film is known
    return likes.astype(np.float32)


def test_ease_learns_the_weights_of_the_worked_example() -> None:
    """With λ = 1, XᵀX + λI = [[4,2,2],[2,3,1],[2,1,7]]; its inverse and B follow by hand."""
    inverse = np.array([[20, -12, -4], [-12, 24, 0], [-4, 0, 8]]) / 48  # cofactors over the determinant
    np.testing.assert_allclose(inverse @ [[4, 2, 2], [2, 3, 1], [2, 1, 7]], np.eye(3), atol=1e-12)
    expected = [[0, 0.5, 0.5], [0.6, 0, 0], [0.2, 0, 0]]
    np.testing.assert_allclose(learned("ease", LIKES, regularisation=1), expected, atol=1e-6)


def test_ease_scores_are_the_history_s_rows_of_weights() -> None:
    """A history of film 1 (weight 1) and film 2 (weight 2) scores the films with B₁ + 2 B₂ = [1.0, 0, 0]."""
    recommender = create("ease", {"regularisation": 1})
    recommender.fit(sparse.csr_matrix(LIKES))
    np.testing.assert_allclose(recommender.score_one([1, 2], [1, 2]), [1.0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(recommender.explain([1, 2], [1, 2], 0), [0.6, 0.4], atol=1e-6)


def test_similarity_is_the_partial_correlation() -> None:
    """Film 0's similarity to film 1 is -P₀₁ / √(P₀₀ P₁₁) = 12 / √(20 · 24), to film 2 it is 4 / √(20 · 8)."""
    recommender = create("ease", {"regularisation": 1})
    recommender.fit(sparse.csr_matrix(LIKES))
    films, values = recommender.similar(0, 5)
    assert films.tolist() == [1, 2]
    np.testing.assert_allclose(values, [0.54772256, 0.31622777], rtol=1e-5)


@pytest.mark.parametrize(("n_users", "n_items"), [(200, 30), (20, 60)])
def test_ease_is_a_ridge_regression_of_each_film_on_the_others(n_users: int, n_items: int) -> None:
    """The closed form equals n separate regressions, with many users and with few."""
    likes = random_likes(n_users, n_items)
    expected = by_regression(likes, np.full(n_items, 7.5))
    np.testing.assert_allclose(learned("ease", likes, regularisation=7.5), expected, atol=2e-5)


@pytest.mark.parametrize(("n_users", "n_items"), [(200, 30), (20, 60)])
def test_edlae_adds_the_penalty_of_dropout(n_users: int, n_items: int) -> None:
    """EDLAE is the closed form with λ + p / (1 - p) · (sum of the film's squared weights) on the diagonal."""
    likes = random_likes(n_users, n_items)
    penalties = 5 + 0.25 / 0.75 * np.square(likes).sum(axis=0)
    weights = learned("edlae", likes, regularisation=5, dropout=0.25)
    np.testing.assert_allclose(weights, textbook(likes, penalties), atol=2e-5)
    np.testing.assert_allclose(weights, by_regression(likes, penalties), atol=2e-5)


@pytest.mark.parametrize("bend", [0.3, 1])
@pytest.mark.parametrize(("n_users", "n_items"), [(200, 30), (20, 60)])
def test_cosines_of_films_are_bent_before_the_matrix_is_inverted(n_users: int, n_items: int, bend: float) -> None:
    """The Gram matrix is the tangent kernel's, by the length of each film's column; penalties and diagonal stay."""
    likes = random_likes(n_users, n_items).astype(np.float64)
    lengths = np.sqrt(np.square(likes).sum(axis=0))
    cosines = np.clip((likes / lengths).T @ (likes / lengths), 0, 1)
    angles = np.arccos(cosines)
    kernel = (cosines * (np.pi - angles) + np.sin(angles) + (np.pi - angles) * cosines) / np.pi / 2
    gram = ((1 - bend) * cosines + bend * kernel) * np.outer(lengths, lengths)
    inverse = np.linalg.inv(gram + 5 * np.eye(n_items))
    expected = np.eye(n_items) - inverse / np.diag(inverse)
    weights = learned("ease", likes.astype(np.float32), regularisation=5, bend=bend)
    np.testing.assert_allclose(weights, expected, atol=1e-4)


@pytest.mark.parametrize("power", [0, 0.4])
def test_films_of_the_same_users_are_inverted_once(monkeypatch: pytest.MonkeyPatch, power: float) -> None:
    """Where many films have the same likes, the weights are those of the whole matrix, from an inverse of the kinds."""
    sides: list[int] = []
    invert = closed_form._add_and_invert

    def counted(square: np.ndarray, diagonal: np.ndarray) -> None:
        sides.append(len(square))
        invert(square, diagonal)

    monkeypatch.setattr(closed_form, "_add_and_invert", counted)
    apart = random_likes(30, 40)
    apart[0, 20:] = 0
    twins = np.concatenate([apart, np.repeat(apart[:, :12], [5, 4, 3] * 4, axis=1), apart[:, :1] * 2], axis=1)
    kinds = len(np.unique(twins, axis=1).T)
    twins = twins[:, np.random.default_rng(1).permutation(twins.shape[1])]
    params = {"regularisation": 5, "dropout": 0.3, "bend": 0.7, "history_power": power, "target_power": power}
    weights = learned("edlae", twins, **params)
    assert sides == [kinds]
    monkeypatch.setattr(closed_form, "_MOSTLY_APART", 0)
    np.testing.assert_allclose(weights, learned("edlae", twins, **params), atol=2e-6)
    assert sides == [kinds, weights.shape[0]]


def test_a_bend_and_two_scales_are_refused() -> None:
    """What is rebuilt must be scaled as the input is: the sums towards other targets have no cosines."""
    with pytest.raises(ParameterError, match=r"target_power is 0\.2"):
        create("edlae", {"bend": 1, "history_power": 0.5, "target_power": 0.2})


def test_edlae_without_dropout_is_ease() -> None:
    """With p = 0 the two are the same model, bit by bit."""
    likes = random_likes(50, 20)
    np.testing.assert_array_equal(
        learned("edlae", likes, regularisation=5, dropout=0), learned("ease", likes, regularisation=5)
    )


def test_a_worked_example_of_histories_that_weigh_by_their_length() -> None:
    """Histories of 1, 1 and 4 films; p = ½ and q = 0: what film 0 says of film 1 follows by hand.

    The mean length is 2, so the inputs are scaled by √2, √2 and 1/√2. With λ = 1 the regression of film 1 on the other
    three films, of which only the last user has 2 and 3, has XᵀX = ½ in all places, but 2½ for film 0.
    """
    likes = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], np.float32)
    system = np.array([[2.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]) + np.eye(3)
    towards = np.full(3, 1 / np.sqrt(2))  # the last user alone has film 1 and another
    by_hand = np.array([1, 3, 3]) / np.sqrt(2) / 6.5
    np.testing.assert_allclose(system @ by_hand, towards)
    recommender = create("ease", {"regularisation": 1, "history_power": 0.5})
    recommender.fit(sparse.csr_matrix(likes))
    # A history of 2 films has the mean length; one of 4 films is scaled by 1/√2.
    np.testing.assert_allclose(recommender.score_one([0, 2], [1, 1])[1], by_hand[0] + by_hand[1], atol=1e-6)
    with_itself = recommender.score_one([0, 1, 2, 3], [1, 1, 1, 1])[1]
    np.testing.assert_allclose(with_itself, by_hand.sum() / np.sqrt(2), atol=1e-6)


@pytest.mark.parametrize("name", ["ease", "edlae"])
@pytest.mark.parametrize("powers", [(0.5, 0.25), (0.375, 0.375), (0, 0.5), (1, 0)])
@pytest.mark.parametrize(("n_users", "n_items"), [(200, 30), (20, 60)])
def test_histories_are_weighed_by_their_length_as_input_and_as_target(
    name: str, powers: tuple[float, float], n_users: int, n_items: int
) -> None:
    """The weights are those of one regression a film on scaled histories; a score puts on one scale, takes off one."""
    likes = random_likes(n_users, n_items)
    relative = np.count_nonzero(likes, axis=1) / np.count_nonzero(likes, axis=1).mean()
    inputs, targets = (likes * relative[:, np.newaxis] ** -power for power in powers)
    dropout = {"ease": {}, "edlae": {"dropout": 0.25}}[name]
    penalties = 5 + (np.square(inputs).sum(axis=0) / 3 if dropout else np.zeros(n_items))
    expected = (inputs @ regression(inputs, targets, penalties)) * relative[:, np.newaxis] ** powers[1]
    params = {"regularisation": 5, "history_power": powers[0], "target_power": powers[1], **dropout}
    recommender = create(name, params)
    recommender.fit(sparse.csr_matrix(likes))
    np.testing.assert_allclose(recommender.score(sparse.csr_matrix(likes)), expected, atol=5e-5)
    neutral = create(name, {**params, "history_power": 0, "target_power": 0})
    neutral.fit(sparse.csr_matrix(likes))
    assert np.abs(neutral.score(sparse.csr_matrix(likes)) - expected).max() > 0.01


@pytest.mark.parametrize("name", ["ease", "edlae"])
def test_popular_films_are_scored_lower_by_a_power_of_their_likes(name: str) -> None:
    """With the power ½, a film of m likes scores what it would, divided by √(m / mean m), whatever the likes weigh."""
    likes = random_likes(80, 20)
    counts = np.count_nonzero(likes, axis=0)
    scores = []
    for power in (0, 0.5):
        recommender = create(name, {"popularity_power": power})
        recommender.fit(sparse.csr_matrix(likes))
        scores.append(recommender.score(sparse.csr_matrix(likes)))
    np.testing.assert_allclose(scores[1], scores[0] / np.sqrt(counts / counts.mean()), rtol=1e-5)


def test_the_order_of_one_user_s_films_is_not_changed_by_the_history_s_own_scale() -> None:
    """Doubling a history's weights doubles its scores: what is scaled is its length, not its order."""
    recommender = create("edlae", {"history_power": 0.5, "target_power": 0.25})
    recommender.fit(sparse.csr_matrix(random_likes(80, 20)))
    once, twice = recommender.score_one([1, 4, 7], [1, 1, 1]), recommender.score_one([1, 4, 7], [2, 2, 2])
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


@pytest.mark.parametrize("n_users", [300, 1500])
def test_memory_is_foretold_with_scales_too(n_users: int) -> None:
    """Different powers for input and target take a second matrix, and `memory_needed` says so."""
    matrix = sparse.random_array((n_users, 900), density=0.02, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    recommender = create("edlae", {"history_power": 0.5, "target_power": 0.25, "popularity_power": 0.1})
    tracemalloc.start()
    recommender.fit(matrix)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    needed = recommender.memory_needed(n_users, 900, matrix.nnz)
    assert needed / 5 < peak < needed


@pytest.mark.parametrize("power", ["history_power", "target_power", "popularity_power"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["ease", "edlae"])
def test_a_power_out_of_range_is_refused(name: str, power: str, value: float) -> None:
    """A power below 0, above 1 or no number is refused by its name."""
    with pytest.raises(ParameterError, match=power):
        create(name, {power: value})


@pytest.mark.parametrize("shape", [(30, 31), (31, 30), (30, 30), (5, 80), (80, 5)])
def test_both_ways_to_solve_give_the_same_weights(shape: tuple[int, int]) -> None:
    """Inverting users by users or films by films is the same, whichever is the smaller."""
    matrix = sparse.csr_array(random_likes(*shape))
    penalties = np.linspace(1, 9, shape[1])
    for scales in (None, np.linspace(0.5, 2, shape[0])):
        by_items = closed_form.solve_by_items(matrix, penalties, scales, lambda _: None)
        by_users = closed_form.solve_by_users(matrix, penalties, scales, lambda _: None)
        np.testing.assert_allclose(by_users, by_items, atol=2e-5)
        assert not by_users.diagonal().any()
        assert not by_items.diagonal().any()


def test_the_smaller_side_is_solved_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer users than films only a users by users matrix is inverted; users without a like do not count."""
    inverted: list[int] = []
    invert = closed_form._add_and_invert

    def spy(matrix: np.ndarray, diagonal: np.ndarray) -> None:
        inverted.append(len(matrix))
        invert(matrix, diagonal)

    monkeypatch.setattr(closed_form, "_add_and_invert", spy)
    learned("ease", random_likes(20, 60))
    learned("ease", random_likes(60, 20))
    learned("ease", np.vstack([random_likes(20, 30), np.zeros((500, 30), np.float32)]))
    assert inverted == [20, 20, 20]


def test_mirroring_in_tiles_gives_the_whole_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inverse is whole and symmetric also where it is mirrored a few rows and columns at a time."""
    likes = random_likes(90, 37)
    whole = learned("ease", likes, regularisation=3)
    monkeypatch.setattr(gram, "TILE", 5)
    np.testing.assert_array_equal(learned("ease", likes, regularisation=3), whole)
    np.testing.assert_allclose(whole, textbook(likes, np.full(37, 3.0)), atol=2e-5)


@pytest.mark.parametrize("cores", [1, 2])
def test_the_compiled_loop_counts_the_same_pairs(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """What is liked together is the same to the bit from the compiled loop and from SciPy, on any number of cores."""
    monkeypatch.setattr(spread, "cores", lambda: cores)
    likes = random_likes(200, 150) * np.float32(0.3)
    likes[:, 7] = 0  # a film that nobody likes
    matrix = sparse.csr_array(likes)
    expected = (matrix.T @ matrix).toarray()
    np.testing.assert_array_equal(gram.dense_gram(matrix), expected)
    monkeypatch.setattr(gram, "WORTH_COMPILING", 0)
    np.testing.assert_array_equal(gram.dense_gram(matrix), expected)


@pytest.mark.parametrize("shape", [(40, 8), (4, 8)])
def test_numbers_that_break_down_are_an_error(shape: tuple[int, int]) -> None:
    """Weights too large for single precision are refused, with the next step; nothing is kept."""
    recommender = create("ease", {"regularisation": 1e-6})
    with pytest.raises(TrainingError, match="regularisation"):
        recommender.fit(sparse.csr_matrix(np.full(shape, 1e20, np.float32)))


def test_a_film_liked_alone_touches_no_other() -> None:
    """A film that nobody shares with another film gets and gives exactly 0."""
    weights = learned("ease", np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32), regularisation=1)
    assert not weights[2].any()
    assert not weights[:, 2].any()


@pytest.mark.parametrize("name", ["ease", "edlae"])
def test_taking_a_film_away_lowers_the_score_by_its_contribution(name: str) -> None:
    """The explanation is faithful: without a film of the history, the score falls by exactly what it contributed."""
    recommender = create(name)
    recommender.fit(sparse.csr_matrix(random_likes(100, 20)))
    items, weights = np.array([2, 5, 11, 17]), np.array([1, 2, 1, 1])
    parts = recommender.explain(items, weights, 7)
    full = recommender.score_one(items, weights)[7]
    for gone in range(4):
        rest = np.delete(np.arange(4), gone)
        without = recommender.score_one(items[rest], weights[rest])[7]
        assert full - without == pytest.approx(parts[gone], abs=1e-6)


@pytest.mark.parametrize("name", ["ease", "edlae"])
@pytest.mark.parametrize("n_users", [900, 400])
def test_the_number_of_cores_changes_no_byte(tmp_path: Path, name: str, n_users: int) -> None:
    """A training where BLAS may use one core and one where it may use two give bundles of the same bytes."""
    likes = sparse.csr_matrix(random_likes(n_users, 600))
    found = []
    for cores in (1, 2):
        model = create(name)
        with threadpool_limits(cores, user_api="blas"):
            model.fit(likes)
        bundle = write_bundle(tmp_path / str(cores), model=model, movie_ids=np.arange(600), facts={})
        found.append({file.name: file.read_bytes() for file in bundle.path.iterdir()})
    assert found[0] == found[1]
