"""What people like first: what a newcomer, of whom nothing is known, is the likeliest to like next."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.config import LikedFirstParams

_SECONDS_PER_DAY: Final = 86_400


def liked_first(
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    times: NDArray[np.int64],
    of_all_time: NDArray[np.float64],
    params: LikedFirstParams,
    *,
    now: int,
) -> NDArray[np.float64]:
    """Return how much each film is liked by those who have said little yet.

    The score of a film is ``Σ n^-fading`` over its likes of the last days, each the n-th of its user, and ``everybody``
    likes more, which are spread over the films as the likes of all time are. Likes of one moment are all the first of
    them: how they are ordered within it says nothing.

    Args:
        users: Who likes, by row; of each user all likes, also those before the window.
        items: Which film, by row.
        times: When, in Unix seconds; -1 where unknown, which is before everything, and never in the window.
        of_all_time: float64[films], by how many each film is liked at all.
        params: The window, how quickly a like fades, and the weight of all time.
        now: Unix seconds at which the window ends.

    Returns:
        float64[films].
    """
    recent = (times >= 0) & (times > now - params.days * _SECONDS_PER_DAY)
    worth = _places(users, times)[recent] ** -params.fading
    lately = np.bincount(items[recent], weights=worth, minlength=len(of_all_time))
    scores: NDArray[np.float64] = lately + params.everybody * of_all_time / max(1.0, of_all_time.sum())
    return scores


def _places(users: NDArray[np.integer], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the place of each like among its user's, from 1; those of one moment have the first of their places."""
    order = np.lexsort((times, users))
    who, when = users[order], times[order]
    rows = np.arange(len(order))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = who[1:] != who[:-1]
    moves = begins.copy()
    moves[1:] |= when[1:] != when[:-1]
    places = np.empty(len(order), np.float64)
    places[order] = 1 + _latest(rows, moves) - _latest(rows, begins)
    return places


def _latest(rows: NDArray[np.int64], there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each row, the last one up to it of those that are there; the first row is."""
    return np.maximum.accumulate(np.where(there, rows, 0))
