"""Parts of the judged users, and of the films: a mean over everything can hide whom, or with what, a model fails."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.intervals import Interval, bootstrap_known_means, bootstrap_means
from movie_mlops.evaluation.scores import Scores

_HISTORY_BOUNDS: Final = (0, 1, 5, 10, 20, 50, 100, 200)
_LEAST_USERS: Final = 5


@dataclass(frozen=True)
class Segment:
    """What a model achieved for some of the users, or with some of the films.

    Attributes:
        label: Whom, such as ``5 to 9`` films in the history, or with what, such as ``genre: Western``.
        users: How many of them were judged.
        value: Mean of the metric over them, with its interval.
    """

    label: str
    users: int
    value: Interval


def history_groups(sizes: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return who is in each group of users by films in the history; groups under five users are left out.

    Args:
        sizes: int64[m]; how many films each user's history has.

    Returns:
        bool[m] by label, short histories first.
    """
    groups = {}
    for low, high in zip(_HISTORY_BOUNDS, (*_HISTORY_BOUNDS[1:], None), strict=True):
        label = f"{low}+" if high is None else (str(low) if high == low + 1 else f"{low} to {high - 1}")
        group = (sizes >= low) & (high is None or sizes < high)
        if np.count_nonzero(group) >= _LEAST_USERS:
            groups[label] = group
    return groups


def segments_by_history(scores: Scores, metric: str) -> list[Segment]:
    """Return one model's metric by how many films it was shown of a user, short histories first."""
    values = scores.values(metric)
    return [
        Segment(label, int(group.sum()), bootstrap_means(values[None, group], scores.config)[0])
        for label, group in history_groups(scores.history_sizes).items()
    ]


def segments_by_films(scores: Scores) -> list[Segment]:
    """Return what one model finds of each slice of the films: genres, decades and the rare ones.

    It is the mean of the sliced metric over the users who have such a film to find; slices that fewer than five users
    have are left out.
    """
    known = {
        name: values for name, values in scores.slices.items() if np.count_nonzero(np.isfinite(values)) >= _LEAST_USERS
    }
    if not known:
        return []
    values = np.stack(list(known.values()))
    found = bootstrap_known_means(values, scores.config)
    users = np.isfinite(values).sum(axis=1)
    return [Segment(name, int(count), value) for name, count, value in zip(known, users, found, strict=True)]
