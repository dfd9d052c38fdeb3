"""How close a film is to what a user likes: who likes the one likes the other.

Two films are close when many users like both, measured by the cosine of the two sets of users (Sarwar, Karypis, Konstan
and Riedl, *Item-based collaborative filtering recommendation algorithms*, WWW 2001), and a film keeps only its nearest
ones (Deshpande and Karypis, *Item-based top-N recommendation algorithms*, ACM TOIS 22(1), 2004). A constant is added to
the cosine's denominator, so that two users who agree on two rare films say little.

The neighbourhoods are those that were known at the start of the period (a week, say) in which a row's time is; the
user's likes are those at the row's time. So one table of neighbourhoods serves a whole period, online as well, and a
row sees nothing that was not known at its time. Counts are whole, and every form gets its neighbourhoods from
:class:`~movie_mlops.features.neighbourhoods.Neighbourhoods`, so that no form can differ from another by a bit.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features.errors import DefinitionError

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class CoWatch:
    """What counts as liked together; everything here is part of the definition.

    Attributes:
        window: Of each user only so many likes count, the last ones: bounds what a user can change, and the work.
        neighbours: So many other films are near a film, at most.
        shrinkage: Is added to the square root of the product of both films' likers.
        period: Neighbourhoods are those of its start; in microseconds.

    Raises:
        DefinitionError: One of them is not above 0.
    """

    window: int
    neighbours: int
    shrinkage: float
    period: int

    def __post_init__(self) -> None:
        if min(self.window, self.neighbours, self.shrinkage, self.period) <= 0:
            raise DefinitionError(
                f"Nobody can be near anybody by {self}.", next_step="Give every number of it above 0."
            )

    def starts(self, at: Any) -> Any:
        """Return when the period of a time, or of many, started; microseconds since 1970."""
        return at // self.period * self.period

    def __str__(self) -> str:
        return (
            f"last {self.window} likes, {self.neighbours} nearest films, shrinkage {self.shrinkage:g}, every"
            f" {self.period / 86_400_000_000:g} d"
        )


class Neighbours(NamedTuple):
    """The films near a film.

    Attributes:
        films: int64[n], ascending.
        users: int64[n], how many users like both.
        nearness: float64[n], above 0.
    """

    films: Int
    users: Int
    nearness: Float


NO_NEIGHBOURS: Final = Neighbours(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
"""Of a film that nobody likes together with another."""


class Beside(NamedTuple):
    """A film with what is near it in the period of a moment.

    Attributes:
        movie_id: The film.
        near: Its neighbours.
    """

    movie_id: int
    near: Neighbours


NOTHING_BESIDE: Final = Beside(-1, NO_NEIGHBOURS)
"""No film."""


CLOSENESS: Final = ("films", "nearest", "nearness", "users")
"""What is known of a film and a user's likes: how many likes there are, the film itself aside; the greatest nearness to
one of them; the sum of nearnesses; the sum of users who like both."""


def closeness(history: Int, film: int, near: Neighbours) -> tuple[float, float, float, float]:
    """Return :data:`CLOSENESS` of one film.

    Args:
        history: int64[n], the user's last likes.
        film: Which film.
        near: What is near it.
    """
    many = float(np.count_nonzero(history != film))
    if not len(near.films):
        return many, 0.0, 0.0, 0.0
    place = np.minimum(np.searchsorted(near.films, history), len(near.films) - 1)
    met = place[near.films[place] == history]
    if not len(met):
        return many, 0.0, 0.0, 0.0
    nearness = near.nearness[met]
    return many, float(nearness.max()), float(nearness.sum()), float(near.users[met].sum())
