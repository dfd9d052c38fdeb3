"""What the protocols have in common: ranks within users, and refusals."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import EVENT_TIME
from movie_mlops.evaluation.errors import SplitImpossibleError, TimesMissingError
from movie_mlops.evaluation.matrices import Feedback


def first_half(data: Feedback, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool[n]: the earlier half of each user's chosen rows, the greater half where their number is odd."""
    size = np.bincount(data.users[rows], minlength=len(data.user_ids))[data.users]
    rank = in_order(data, rows)
    return np.asarray((rank >= 0) & (rank < (size + 1) // 2), dtype=np.bool_)


def random_ranks(users: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return int64[n]: a random rank, from 0, of each row within its user."""
    order = np.lexsort((generator.random(users.size), users))
    ranks = np.empty(users.size, dtype=np.int64)
    ranks[order] = _ranks(users[order])
    return ranks


def in_order(
    data: Feedback, chosen: NDArray[np.bool_], generator: np.random.Generator | None = None
) -> NDArray[np.int64]:
    """Return int64[n]: the rank, from 0, of each chosen row within its user, -1 elsewhere.

    The order is that of time, of equal times that of the films; where times are missing it is random.
    """
    rows = np.flatnonzero(chosen)
    if data.times is not None:
        first = data.times[rows].astype(np.float64)
    else:
        assert generator is not None
        first = generator.random(rows.size)
    order = rows[np.lexsort((data.items[rows], first, data.users[rows]))]
    found = np.full(data.users.size, -1, dtype=np.int64)
    found[order] = _ranks(data.users[order])
    return found


def check_share(name: str, share: float) -> None:
    """Refuse a share that is not between 0 and 1."""
    if not 0.0 < share < 1.0:
        raise SplitImpossibleError(
            f"{name} is {share}, which is not between 0 and 1.", next_step="Give a share such as 0.1."
        )


def check_split(learned: int, held_out: int, rows: int) -> None:
    """Refuse a split that leaves nothing to learn from, or nothing to predict."""
    if not learned or not held_out:
        raise SplitImpossibleError(
            f"Of {rows:,} rows of feedback, {learned:,} positives would be learned from and {held_out:,} predicted.",
            next_step="Bring more feedback, or change the share that is held out.",
        )


def times_missing(feedback: pl.DataFrame) -> TimesMissingError:
    """Return what is raised where feedback cannot be split by time."""
    return TimesMissingError(
        f"{feedback[EVENT_TIME].null_count():,} of {feedback.height:,} rows of feedback have no time, so they cannot"
        " be split by time.",
        next_step="Use per-user folds instead: movie-mlops evaluate --protocol user-folds",
    )


def iso(seconds: int) -> str:
    """Return a moment as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ranks(grouped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[n]: 0, 1, 2 … within each run of equal values."""
    starts = np.flatnonzero(np.diff(grouped, prepend=-1))
    lengths = np.diff(np.append(starts, grouped.size))
    return np.arange(grouped.size, dtype=np.int64) - np.repeat(starts, lengths)
