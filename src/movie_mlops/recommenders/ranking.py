"""The one order in which scores become a list: best score first, equal scores by item index."""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.errors import MovieMlopsError

NO_ITEM: Final = -1
"""Stands in a ranking where there are fewer than ``k`` items to show."""

_BLOCK_VALUES: Final = 1 << 21
"""How many scores are worked on at once: 8 MiB, so that the copies stay in the processor's cache."""


class ScoresRefusedError(MovieMlopsError):
    """A model gave scores that cannot be put in order."""

    code: ClassVar[str] = "scores-refused"


def top_k(scores: NDArray[np.float32], k: int, *, exclude: sparse.csr_matrix | None = None) -> NDArray[np.int32]:
    """Return the ``k`` best items of each row, ordered by (-score, item index).

    The order is total, so the same scores always give the same list, whatever the ties. An item whose score is
    ``-inf`` is never shown, as if it were excluded.

    Args:
        scores: float32[n, items]; left as they are.
        k: Length of the lists, at least 1; it may be greater than the number of items.
        exclude: csr[n, items] whose stored entries (a stored zero too) are never shown; ``None`` excludes nothing.

    Returns:
        int32[n, k] of item indices; :data:`NO_ITEM` fills a row that has fewer than ``k`` items to show.

    Raises:
        ScoresRefusedError: A score is NaN.
        ValueError: ``k`` is below 1, or the shapes do not fit.
    """
    _check(scores, k, exclude)
    users, items = scores.shape
    ranking = np.full((users, k), NO_ITEM, dtype=np.int32)
    if items == 0:
        return ranking
    rows = max(1, _BLOCK_VALUES // items)
    for start in range(0, users, rows):
        stop = min(start + rows, users)
        block = np.array(scores[start:stop], dtype=np.float32, order="C")
        if np.isnan(block).any():
            raise _nan_refused(block, start)
        if exclude is not None:
            block[_stored_positions(exclude, start, stop)] = -np.inf
        ranking[start:stop, : min(k, items)] = _best(block, min(k, items))
    return ranking


def _best(block: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Rank one block: find each row's k-th best score, take exactly k items at or above it, and sort those few."""
    users, items = block.shape
    threshold = np.partition(block, items - k, axis=1)[:, items - k, None]
    chosen = block >= threshold
    # Where several items tie at the boundary more than k are chosen: keep the ones with the smallest index.
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
    if crowded.size:
        above = block[crowded] > threshold[crowded]
        tied = chosen[crowded] & ~above
        wanted = k - np.count_nonzero(above, axis=1)[:, None]
        chosen[crowded] = above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= wanted))
    best = np.nonzero(chosen)[1].reshape(users, k)  # ascending by index, so a stable sort keeps that order in ties
    best_scores = np.take_along_axis(block, best, axis=1)
    order = np.argsort(-best_scores, axis=1, kind="stable")
    ranked = np.take_along_axis(best, order, axis=1).astype(np.int32)
    ranked[np.isneginf(np.take_along_axis(best_scores, order, axis=1))] = NO_ITEM
    return ranked


def _stored_positions(matrix: sparse.csr_matrix, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    pointers = matrix.indptr[start : stop + 1]
    rows = np.repeat(np.arange(stop - start, dtype=np.intp), np.diff(pointers))
    return rows, matrix.indices[pointers[0] : pointers[-1]].astype(np.intp)


def _check(scores: NDArray[np.float32], k: int, exclude: sparse.csr_matrix | None) -> None:
    if k < 1:
        message = f"k must be at least 1, not {k}"
        raise ValueError(message)
    if scores.ndim != 2:  # noqa: PLR2004 (a table has two dimensions)
        message = f"scores must be a table of users by items, not an array of shape {scores.shape}"
        raise ValueError(message)
    if exclude is not None and exclude.shape != scores.shape:
        message = f"exclude has the shape {exclude.shape}, the scores {scores.shape}"
        raise ValueError(message)


def _nan_refused(block: NDArray[np.float32], start: int) -> ScoresRefusedError:
    rows, items = np.nonzero(np.isnan(block))
    return ScoresRefusedError(
        f"The score of row {start + int(rows[0])}, item {int(items[0])} is not a number"
        f" ({rows.size:,} such scores in this block).",
        next_step="Check the model's parameters and its input; a fit that diverged must not be served.",
    )
