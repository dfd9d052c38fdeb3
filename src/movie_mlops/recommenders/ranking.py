"""The one order in which scores become a list: best score first, equal scores by item index."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.errors import MovieMlopsError

NO_ITEM: Final = -1
"""Stands in a ranking where there are fewer than ``k`` items to show."""

_BLOCK_VALUES: Final = 1 << 19
"""How many scores are worked on at once: 2 MiB, so that the copy stays in the processor's cache."""

_LEAST_GROUPS: Final = 256
_GROUPS_PER_PLACE: Final = 8
_LEAST_WIDTH: Final = 4
"""Rows with fewer items per group than this are not worth grouping."""

_MOST_THREADS: Final = 4

_CROWD: Final = 4
"""A row with more than this many times ``k`` items at or above its bound is ranked the slow way."""


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
    starts = range(0, users, rows)

    def rank(start: int) -> None:
        stop = min(start + rows, users)
        ranking[start:stop, : min(k, items)] = _rank_block(scores, start, stop, min(k, items), exclude)

    # numpy lets go of the interpreter where this takes its time, so threads do it side by side.
    threads = min(_MOST_THREADS, _cores(), len(starts))
    if threads <= 1:
        for start in starts:
            rank(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(rank, starts))
    return ranking


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rank_block(
    scores: NDArray[np.float32], start: int, stop: int, k: int, exclude: sparse.csr_matrix | None
) -> NDArray[np.int32]:
    block = np.array(scores[start:stop], dtype=np.float32, order="C")
    hidden = None
    if exclude is not None:
        positions = _stored_positions(exclude, start, stop)
        hidden = block[positions]
        block[positions] = -np.inf
    maxima = _group_maxima(block, k)
    if np.isnan(maxima).any() or (hidden is not None and np.isnan(hidden).any()):
        raise _nan_refused(np.asarray(scores[start:stop]), start)
    return _ranked(block, maxima, k)


def _group_maxima(block: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return float32[users, groups]: the best score of each group of items; NaN where one is NaN.

    Item ``j`` is in group ``j`` modulo the number of groups, so that the maximum runs along whole rows of memory. The
    items that are left over are groups of their own.
    """
    users, items = block.shape
    groups = max(_LEAST_GROUPS, _GROUPS_PER_PLACE * k)
    width = items // groups
    if width < _LEAST_WIDTH:
        return block
    whole = block[:, : width * groups].reshape(users, width, groups).max(axis=1)
    return np.concatenate([whole, block[:, width * groups :]], axis=1)


def _ranked(block: NDArray[np.float32], maxima: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Rank one block: few items reach the k-th best of the group maxima, and the k best are all among them.

    ``k`` groups have a maximum at or above that bound, so at least ``k`` items do. What this costs is reading all
    scores twice, without moving any; only the few that reach the bound are sorted.
    """
    users, items = block.shape
    if maxima is block:
        return _best(block, k)
    bound = np.partition(maxima, maxima.shape[1] - k, axis=1)[:, maxima.shape[1] - k, None]
    reaches = block >= bound
    counts = np.count_nonzero(reaches, axis=1)
    crowded = counts > _CROWD * k
    reaches[crowded] = False
    counts[crowded] = 0
    flat = np.flatnonzero(reaches)
    rows = np.repeat(np.arange(users), counts)
    places = np.arange(flat.size) - np.repeat(np.cumsum(counts) - counts, counts)
    # Ascending by index in each row, so that a stable sort keeps that order in ties; what pads a row comes last.
    found = np.full((users, max(k, int(counts.max(initial=0)))), -np.inf, dtype=np.float32)
    found[rows, places] = block.reshape(-1)[flat]
    named = np.full(found.shape, NO_ITEM, dtype=np.int32)
    named[rows, places] = flat - rows * items
    order = np.argsort(-found, axis=1, kind="stable")[:, :k]
    ranked = np.take_along_axis(named, order, axis=1)
    if crowded.any():
        ranked[crowded] = _best(block[crowded], k)
    return ranked


def _best(block: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Rank rows of few items or many ties: find the k-th best score, take exactly k items at or above it, sort them."""
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
