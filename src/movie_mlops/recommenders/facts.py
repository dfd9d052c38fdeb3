"""What is known of films and of users beside the likes: the checks at the door."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from movie_mlops.recommenders.errors import HistoryError, MatrixError
from movie_mlops.recommenders.inputs import AnyCsr, Csr, check_matrix


def check_content(content: AnyCsr | None, n_items: int) -> Csr | None:
    """Return facts of the films in the one form that the models read.

    Args:
        content: Films by features in CSR form; a value is above zero where the film has the feature, and says how much.
        n_items: How many films there are.

    Raises:
        MatrixError: It is no such matrix, or does not have one row for each film.
    """
    checked = _check_facts(content, "content of the films")
    if checked is not None and checked.shape[0] != n_items:
        raise MatrixError(
            f"The content has {checked.shape[0]} rows, but there are {n_items} items.",
            next_step="Give one row for each column of the training matrix, in the same order.",
        )
    return checked


def check_traits(traits: AnyCsr | None, n_users: int, n_traits: int | None = None) -> Csr | None:
    """Return what is known of the users in the one form that the models read.

    Args:
        traits: Users by traits in CSR form; a value is above zero where the user has the trait. A row may be empty.
        n_users: How many users there are.
        n_traits: How many traits the training had; None where any number will do.

    Raises:
        MatrixError: It is no such matrix, or does not have one row for each user and one column for each trait.
    """
    checked = _check_facts(traits, "traits of the users")
    if checked is not None and checked.shape[0] != n_users:
        raise MatrixError(
            f"The traits have {checked.shape[0]} rows, but there are {n_users} users.",
            next_step="Give one row for each row of the matrix, in the same order, empty where nothing is known.",
        )
    if checked is not None and n_traits is not None and checked.shape[1] != n_traits:
        raise MatrixError(
            f"The traits have {checked.shape[1]} columns, but the recommender was trained with {n_traits}.",
            next_step="Give one column for each trait of the training, in the same order.",
        )
    return checked


def check_traits_of_one(traits: ArrayLike | None, n_traits: int | None) -> Csr | None:
    """Return one user's traits as a matrix of one row.

    Args:
        traits: How much of each trait there is, 0 for none.
        n_traits: As for `check_traits`.

    Raises:
        HistoryError: They are not one number of at least 0 for each trait.
    """
    if traits is None:
        return None
    values = np.asarray(traits)
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise HistoryError(
            f"The traits have shape {values.shape} and type {values.dtype}.",
            next_step="Give one flat array of numbers.",
        )
    try:
        return check_traits(sparse.csr_array(values[np.newaxis]), 1, n_traits)
    except MatrixError as error:
        raise HistoryError(error.problem, next_step=error.next_step) from error


def _check_facts(facts: AnyCsr | None, what: str) -> Csr | None:
    if facts is None:
        return None
    try:
        return check_matrix(facts)
    except MatrixError as error:
        raise MatrixError(f"The {what} cannot be used. {error.problem}", next_step=error.next_step) from error
