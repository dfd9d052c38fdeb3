"""What a recommender accepts: the checks at its door, and the one form of matrix behind it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.recommenders.errors import HistoryError, MatrixError

if TYPE_CHECKING:
    from movie_mlops.recommenders.known_features import TrainingFeatures

Csr = sparse.csr_array[np.float32, tuple[int, int]]
"""Users by items behind the door: float32, sorted, no duplicate, nothing but weights above zero."""

AnyCsr = sparse.csr_matrix[Any] | sparse.csr_array[Any, tuple[int, int]]
"""Users by items as a caller may give it: any real type, rows in any order."""

_INT32_MAX = int(np.iinfo(np.int32).max)


class Trained(Protocol):
    """A recommender that has been fitted, as far as one that is made of others asks about it."""

    def is_like(self, other: Any) -> bool:
        """Return whether it can stand for another recommender."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that was learned, by name."""
        ...


@dataclass(frozen=True)
class Training:
    """A training matrix that was checked.

    Attributes:
        matrix: Users by items, only weights above zero.
        times: Unix seconds of each of the matrix's values, -1 where unknown; None where no times were given.
        content: Films by features, one row for each of the matrix's columns; None where no facts were given.
        traits: Users by traits, one row for each of the matrix's rows; None where none were given.
        features: Looks up what a feature store knew; None where nothing was given.
        trained: Recommenders that have been fitted on the same matrix and times.
        engine: Where what can be dealt out is done.
    """

    matrix: Csr
    times: NDArray[np.int64] | None
    content: Csr | None = None
    traits: Csr | None = None
    features: "TrainingFeatures | None" = None
    trained: tuple[Trained, ...] = ()
    engine: Engine = HERE


def check_matrix(matrix: AnyCsr, *, n_items: int | None = None) -> Csr:
    """Return ``matrix`` in the one form that the models read; zeros are dropped, for they say nothing.

    Args:
        matrix: Users by items in CSR form.
        n_items: How many columns it must have; None where any number will do.

    Raises:
        MatrixError: It is no CSR matrix, has the wrong shape or type, or holds a value that is not finite,
            below zero, or there twice.
    """
    return check_training(matrix, None, n_items=n_items).matrix


def check_training(
    matrix: AnyCsr, times: ArrayLike | None, *, n_items: int | None = None, signed: bool = False
) -> Training:
    """Return ``matrix`` as `check_matrix` does, with ``times`` in step; with ``signed`` also what is below zero.

    Raises:
        MatrixError: The matrix is refused (see `check_matrix`), or the times are not one whole number per value.
    """
    _check_form(matrix, n_items)
    data, indices, indptr = np.asarray(matrix.data), np.asarray(matrix.indices), np.asarray(matrix.indptr)
    n_users, width = matrix.shape
    _check_structure(indices, indptr, n_users, width)
    weights = _check_weights(data, signed=signed)
    stamps = _check_times(times, len(weights))
    rows = np.repeat(np.arange(n_users, dtype=np.int32), np.diff(indptr))
    if not _sorted(rows, indices):
        order = np.lexsort((indices, rows))
        weights, indices = weights[order], indices[order]
        stamps = None if stamps is None else stamps[order]
    _check_duplicates(rows, indices)
    keep = weights != 0
    if not keep.all():
        weights, indices, rows = weights[keep], indices[keep], rows[keep]
        stamps = None if stamps is None else stamps[keep]
        indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n_users))))
    return Training(_csr(weights, indices, indptr, (n_users, width)), stamps)


def part_signs(histories: AnyCsr) -> tuple[AnyCsr, AnyCsr | None]:
    """Return what speaks for films and, where there is any, what speaks against them: with all weights positive.

    Both keep every stored place of ``histories``, so that times stay in step; nothing is checked.
    """
    given: object = histories  # a caller without a type checker may hand in anything
    data = np.asarray(given.data if isinstance(given, sparse.csr_matrix | sparse.csr_array) else ())
    if data.dtype.kind not in "if" or not (data < 0).any():
        return histories, None
    parts = []
    for sign in (1, -1):
        part = histories.copy()
        part.data = np.maximum(sign * data, 0)
        parts.append(part)
    return parts[0], parts[1]


def take_columns(matrix: Csr, position: NDArray[np.int32], n_columns: int) -> Csr:
    """Return ``matrix`` with column ``c`` at ``position[c]``, without the columns at -1; order must be kept."""
    columns = position[matrix.indices]
    keep = columns >= 0
    if keep.all():
        return _csr(matrix.data, columns, matrix.indptr, (matrix.shape[0], n_columns))
    before = np.concatenate(([0], np.cumsum(keep)))
    return _csr(matrix.data[keep], columns[keep], before[matrix.indptr], (matrix.shape[0], n_columns))


def take_times(times: NDArray[np.int64] | None, matrix: Csr, position: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Return the times that stay in step with `take_columns`."""
    return None if times is None else times[position[matrix.indices] >= 0]


def positions(known: NDArray[np.int32], n_items: int) -> NDArray[np.int32]:
    """Return for each of ``n_items`` films its place in ``known``, -1 where it has none."""
    position = np.full(n_items, -1, np.int32)
    position[known] = np.arange(len(known), dtype=np.int32)
    return position


def known_only(
    training: Training, *, by_content: bool = False
) -> tuple[Training, NDArray[np.int32], NDArray[np.int32]]:
    """Leave out the columns without a like.

    Args:
        training: What was checked.
        by_content: Whether a column without a like stays where the film has content.

    Returns:
        What is left, the columns that are left, and where each column went (-1: nowhere).
    """
    n_items = training.matrix.shape[1]
    stays = np.bincount(training.matrix.indices, minlength=n_items) > 0
    if by_content and training.content is not None:
        stays |= np.diff(training.content.indptr) > 0
    known = np.flatnonzero(stays).astype(np.int32)
    position = positions(known, n_items)
    content = None if training.content is None else training.content[known]
    left = Training(take_columns(training.matrix, position, len(known)), training.times, content, training.traits)
    return left, known, position


def check_history(items: ArrayLike, weights: ArrayLike, n_items: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return one user's history as arrays.

    Args:
        items: Index of each film, each once.
        weights: Weight of each film, finite; below zero it speaks against the film.
        n_items: How many films the recommender knows.

    Raises:
        HistoryError: The two differ in length, or hold what they must not.
    """
    films, values = np.asarray(items), np.asarray(weights)
    if films.ndim != 1 or films.shape != values.shape:
        raise HistoryError(
            f"The history has items of shape {films.shape} and weights of shape {values.shape}.",
            next_step="Give two flat arrays of the same length.",
        )
    if films.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if films.dtype.kind not in "iu" or values.dtype.kind not in "biuf":
        raise HistoryError(
            f"The history has items of type {films.dtype} and weights of type {values.dtype}.",
            next_step="Give whole numbers as items and real numbers as weights.",
        )
    different = set(films.tolist())
    if min(different) < 0 or max(different) >= n_items:
        raise HistoryError(
            f"The history holds items from {min(different)} to {max(different)}, but there are {n_items}.",
            next_step=f"Give indices from 0 to {n_items - 1}.",
        )
    if len(different) < films.size:
        raise HistoryError("The history holds an item twice.", next_step="Give each item once.")
    strengths = _to_float32(values)
    if not np.isfinite(strengths).all():
        raise HistoryError(
            "The history holds a weight that is not a finite number.",
            next_step="Give numbers: above 0 for a like, 0 says nothing about the film, below 0 for a dislike.",
        )
    return films.astype(np.int64), strengths


def check_history_times(times: ArrayLike | None, n: int) -> NDArray[np.int64] | None:
    """Return when each of a history's ``n`` films was met.

    Raises:
        HistoryError: They are not one whole number for each film.
    """
    if times is None:
        return None
    stamps = np.asarray(times)
    if stamps.shape != (n,) or (n and stamps.dtype.kind not in "iu"):
        raise HistoryError(
            f"The history has {n} items, and times of shape {stamps.shape} and type {stamps.dtype}.",
            next_step="Give unix seconds as whole numbers, one for each item, -1 where unknown.",
        )
    return stamps.astype(np.int64)


def part_of(times: NDArray[np.int64] | None, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return the chosen ones of times that may not be known."""
    return None if times is None else times[chosen]


def check_item(item: object, n_items: int) -> int:
    """Return ``item`` as an int.

    Raises:
        HistoryError: It is no index of a film.
    """
    if isinstance(item, bool) or not isinstance(item, int | np.integer) or not 0 <= item < n_items:
        raise HistoryError(f"There is no item {item!r}.", next_step=f"Give an index from 0 to {n_items - 1}.")
    return int(item)


def _csr(
    data: NDArray[np.float32], indices: NDArray[np.integer], indptr: NDArray[np.integer], shape: tuple[int, int]
) -> Csr:
    return sparse.csr_array((data, indices.astype(np.int32, copy=False), indptr), shape=shape)


def _check_form(matrix: AnyCsr, n_items: int | None) -> None:
    given: object = matrix  # a caller without a type checker may hand in anything
    if not isinstance(given, sparse.csr_matrix | sparse.csr_array):
        raise MatrixError(
            f"The matrix is a {type(matrix).__name__}, not a CSR matrix.", next_step="Give scipy.sparse.csr_matrix."
        )
    if n_items is not None and matrix.shape[1] != n_items:
        raise MatrixError(
            f"The matrix has {matrix.shape[1]} columns, but the recommender knows {n_items} items.",
            next_step="Give one column for each item of the training matrix, in the same order.",
        )
    if max(matrix.shape) > _INT32_MAX:
        raise MatrixError(
            f"The matrix has the shape {matrix.shape}.", next_step="Give fewer than 2³¹ rows and columns."
        )


def _check_structure(indices: NDArray[Any], indptr: NDArray[Any], n_users: int, n_items: int) -> None:
    if len(indptr) != n_users + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise MatrixError("The matrix's row pointers are broken.", next_step="Build it again from rows and columns.")
    if indices.size and (indices.min() < 0 or indices.max() >= n_items):
        raise MatrixError(
            f"The matrix holds columns from {indices.min()} to {indices.max()}, but has {n_items}.",
            next_step=f"Give column indices from 0 to {n_items - 1}.",
        )


def _check_weights(data: NDArray[Any], *, signed: bool) -> NDArray[np.float32]:
    if data.dtype.kind not in "biuf":
        raise MatrixError(
            f"The matrix holds values of type {data.dtype}.", next_step="Give real numbers, best float32."
        )
    weights = _to_float32(data)
    if not np.isfinite(weights).all():
        raise MatrixError("The matrix holds a value that is no finite number.", next_step="Remove NaN and infinities.")
    if not signed and weights.size and weights.min() < 0:
        raise MatrixError(
            f"The matrix holds the negative weight {weights.min()}.", next_step="Give weights of at least 0."
        )
    return weights


def _to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype == np.float32:
        return values
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        return values.astype(np.float32, copy=False)


def _check_times(times: ArrayLike | None, nnz: int) -> NDArray[np.int64] | None:
    if times is None:
        return None
    stamps = np.asarray(times)
    if stamps.shape != (nnz,) or (nnz and stamps.dtype.kind not in "iu"):
        raise MatrixError(
            f"The times have shape {stamps.shape} and type {stamps.dtype}; the matrix holds {nnz} values.",
            next_step="Give unix seconds as whole numbers, one for each stored value of the matrix, -1 where unknown.",
        )
    return stamps.astype(np.int64)


def _sorted(rows: NDArray[np.int32], indices: NDArray[Any]) -> bool:
    return bool(((rows[1:] > rows[:-1]) | (indices[1:] >= indices[:-1])).all())


def _check_duplicates(rows: NDArray[np.int32], indices: NDArray[Any]) -> None:
    twice = np.flatnonzero((rows[1:] == rows[:-1]) & (indices[1:] == indices[:-1]))
    if twice.size:
        raise MatrixError(
            f"The matrix holds row {rows[twice[0]]}, column {indices[twice[0]]} twice.",
            next_step="Give each pair of user and item once.",
        )
