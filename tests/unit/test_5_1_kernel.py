"""The kernel regression over users against its formula, written out."""

import numpy as np
from scipy import sparse

from movie_mlops.recommenders import create


def likes(n_users: int = 40, n_items: int = 12) -> sparse.csr_matrix:
    """Random likes of weight 1 and 2; everybody likes something."""
    rng = np.random.default_rng(3)
    dense = (rng.random((n_users, n_items)) < 0.4) * rng.integers(1, 3, (n_users, n_items))
    dense[:, 0] = np.maximum(dense[:, 0], dense.sum(axis=1) == 0)
    return sparse.csr_matrix(dense.astype(np.float32))


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The neural tangent kernel of one hidden layer, one pair of histories at a time."""
    values = np.empty((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            c = min(1.0, float(x @ y / np.linalg.norm(x) / np.linalg.norm(y)))
            angle = np.pi - np.arccos(c)
            values[i, j] = c * angle / np.pi + (np.sqrt(1 - c * c) + angle * c) / np.pi
    return values


def test_with_every_eigenvector_it_is_ridge_regression() -> None:
    """With as many eigenvectors as users, scores are those of ``k(x) (K + λI)⁻¹ X``."""
    matrix, others = likes(), likes(7)[:, :].copy()
    recommender = create("kernel", {"regularisation": 2.5, "rank": 40})
    recommender.fit(matrix)
    x = matrix.toarray().astype(np.float64)
    coefficients = np.linalg.solve(kernel(x, x) + 2.5 * np.eye(len(x)), x)
    expected = kernel(others.toarray().astype(np.float64), x) @ coefficients
    np.testing.assert_allclose(recommender.score(others), expected, rtol=2e-3, atol=2e-3)


def test_fewer_eigenvectors_keep_the_strongest() -> None:
    """With fewer, scores are those of the strongest eigenvectors alone."""
    matrix = likes()
    recommender = create("kernel", {"regularisation": 2.5, "rank": 5})
    recommender.fit(matrix)
    x = matrix.toarray().astype(np.float64)
    values, vectors = np.linalg.eigh(kernel(x, x))
    values, vectors = values[-5:], vectors[:, -5:]
    expected = vectors @ ((values / (values + 2.5))[:, None] * (vectors.T @ x))
    np.testing.assert_allclose(recommender.score(matrix), expected, rtol=2e-3, atol=2e-3)


def test_of_too_many_users_a_sample_is_kept() -> None:
    """The bundle holds no more histories than it may, the same ones for the same seed, others for another."""
    matrix = likes(200)

    def arrays(seed: int) -> dict[str, np.ndarray]:
        recommender = create("kernel", {"users": 50, "rank": 10, "seed": seed})
        recommender.fit(matrix)
        return recommender.arrays()

    first, again, other = arrays(1), arrays(1), arrays(2)
    assert first["projection"].shape == (50, 10)
    assert first["film_users"].max() == 49
    np.testing.assert_array_equal(first["film_users"], again["film_users"])
    assert first["film_users"].tolist() != other["film_users"].tolist()


def test_users_without_a_like_take_no_place() -> None:
    """Empty rows of the training matrix leave no trace."""
    matrix = likes()
    padded = sparse.vstack([matrix, sparse.csr_matrix((9, matrix.shape[1]), dtype=np.float32)], format="csr")
    plain, with_empty = (create("kernel", {"rank": 10}) for _ in range(2))
    plain.fit(matrix)
    with_empty.fit(padded)
    for name, array in plain.arrays().items():
        np.testing.assert_array_equal(with_empty.arrays()[name], array)
