"""What is expected of somebody of whom few likes are known: what everybody likes, and people with the same traits.

A ridge regression of likes on traits, around the share of all users who like a film:

    e(t) = p + t W,  W = (TᵀT + λI)⁻¹ Tᵀ (X - 1 pᵀ)

A trait that few users have moves little, one that nobody has nothing at all.

Reference:
    A. Hoerl, R. Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics 1970.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.stored import Arrays, Layout


def layout(n_known: int) -> Layout:
    """Return the form of the arrays of `learn_expectation`."""
    return {"expected_of_all": (np.float32, (n_known,)), "expected_by_trait": (np.float32, (None, n_known))}


def learn_expectation(matrix: Csr, traits: Csr | None, regularisation: float) -> Arrays:
    """Return p and W.

    Args:
        matrix: Users by films; any weight is a like.
        traits: Users by traits; None where nothing is known of anybody.
        regularisation: λ, in users.
    """
    n_users, n_items = matrix.shape
    of_all = np.bincount(matrix.indices, minlength=n_items) / n_users
    if traits is None:
        return {"expected_of_all": of_all.astype(np.float32), "expected_by_trait": np.empty((0, n_items), np.float32)}
    likes = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    gram = sparse.csr_array(traits.T @ traits).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += regularisation
    towards = sparse.csr_array(traits.T @ likes).toarray() - np.outer(traits.sum(axis=0), of_all)
    by_trait = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), towards, overwrite_b=True)
    return {"expected_of_all": of_all.astype(np.float32), "expected_by_trait": by_trait.astype(np.float32)}


def memory_needed(n_items: int, n_traits: int) -> int:
    """Return the peak bytes of `learn_expectation`, its result included."""
    return 20 * n_items * max(n_traits, 1) + 8 * n_traits**2


def expected(arrays: Arrays, traits: Csr | None, n_users: int) -> NDArray[np.float32]:
    """Return the share of such users who like each film: (users, films).

    Args:
        arrays: What was learned.
        traits: Users by traits; None where nothing is known of them.
        n_users: How many there are.
    """
    of_all = np.tile(arrays["expected_of_all"], (n_users, 1))
    return of_all if traits is None else np.asarray(of_all + traits @ arrays["expected_by_trait"], np.float32)
