"""Loops that no array operation does at once, compiled by numba where the extra ``compiled`` is installed.

Without it the same functions run as they stand here, slower: an image that serves need not carry a compiler of 170 MB.
Import this where a loop is called, not at the top of a module: numba takes longer to import than all the room. What was
compiled is kept beside this file, or in the user's cache, for the next process. The loops let go of Python's lock and
write to their own rows only, so `spread` may run them on several threads, and their number changes no byte.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = True
"""Whether the loops are compiled."""

_F = TypeVar("_F", bound=Callable[..., object])
Floats = NDArray[np.float32]
Indices = NDArray[np.int32]
Starts = NDArray[np.int64]
_Places = NDArray[np.int32] | NDArray[np.int64]
_Doubles = NDArray[np.float64]

_SWEEPS: Final = 1000
_TOLERANCE: Final = np.float32(1e-4)
_ZERO: Final = np.float32(0)


def compiled(*, any_order: bool = False, otherwise: Callable[..., object] | None = None) -> Callable[[_F], _F]:
    """Compile a function when it is first called.

    Args:
        any_order: Its sums may be done in the order that is quickest.
        otherwise: What does the same where nothing is compiled; the function itself, if ``None``.
    """

    def decorate(function: _F) -> _F:
        if not COMPILED:
            return cast("_F", otherwise or function)
        fast = {"reassoc", "contract"} if any_order else False
        options: Any = {"nogil": True, "error_model": "numpy", "fastmath": fast}
        try:
            return cast("_F", numba.njit(cache=True, **options)(function))
        except RuntimeError:  # no folder can be written to, as in a read-only container
            return cast("_F", numba.njit(**options)(function))

    return decorate


@compiled()
def add_pairs(  # noqa: PLR0917 - numba takes arguments by their places
    film_starts: Starts,
    users: Indices,
    places: _Places,
    user_stops: Starts,
    films: Indices,
    weights: Floats,
    gram: Floats,
    first: int,
    stop: int,
) -> None:
    """Add the products of the likes of films ``first`` to ``stop`` with those of the films from each on.

    Args:
        film_starts: Where each film's likes start in ``users`` and ``places``.
        users: Who likes the film.
        places: Where that like is in ``films`` and ``weights``.
        user_stops: Where each user's likes end in ``films`` and ``weights``.
        films: What users like, each user's in rising order.
        weights: How much.
        gram: Films by films, zero: what is written to.
        first: The first row to fill.
        stop: The row after the last.
    """
    for film in range(first, stop):
        row = gram[film]
        for like in range(film_starts[film], film_starts[film + 1]):
            place = places[like]
            weight = weights[place]
            for other in range(place, user_stops[users[like]]):
                row[films[other]] += weight * weights[other]


@compiled()
def elastic_nets(  # noqa: PLR0917 - numba takes arguments by their places
    gram: Floats, l1: np.float32, l2: np.float32, offset: int, weights: Floats, first: int, stop: int
) -> None:
    """Rebuild films ``first`` to ``stop`` of some from all others, by descent along one weight after the other.

    A sweep goes over all films that can have a weight, or, while they still change, over those that have one.

    Args:
        gram: The Gram matrix of all films.
        l1: The penalty on the sum of weights.
        l2: The penalty on the sum of squared weights.
        offset: Which film the first row of ``weights`` is of.
        weights: Some films by all films, zero: what is written to.
        first: The first row to fill.
        stop: The row after the last.
    """
    n_films = gram.shape[0]
    candidates = np.empty(n_films, np.int32)
    for row in range(first, stop):
        film = offset + row
        mine = weights[row]
        slopes = gram[film].copy()
        count = 0
        for other in range(n_films):
            if other != film and slopes[other] > l1:
                candidates[count] = other
                count += 1
        every = True
        for _ in range(_SWEEPS):
            largest = _ZERO
            for place in range(count):
                other = candidates[place]
                old = mine[other]
                if not every and old == 0:
                    continue
                square = gram[other, other]
                new = max((slopes[other] + square * old - l1) / (square + l2), _ZERO)
                change = new - old
                if change != 0:
                    mine[other] = new
                    largest = max(largest, abs(change))
                    slopes -= change * gram[other]
            if every and largest < _TOLERANCE:
                break
            every = bool(largest < _TOLERANCE)


def _add_common_plainly(  # noqa: PLR0917 - as the compiled one
    rows: _Places,
    films: Indices,
    film_starts: Starts,
    users: Indices,
    own: Floats,
    starts: Starts,
    liked: Indices,
    weights: Floats,
    place: Indices,
    gram: _Doubles,
) -> None:
    for row in rows.tolist():
        of_film = slice(film_starts[films[row]], film_starts[films[row] + 1])
        for user, weight in zip(users[of_film].tolist(), own[of_film].tolist(), strict=True):
            theirs = slice(starts[user], starts[user + 1])
            places = place[liked[theirs]]
            gram[row, places[places >= 0]] += weight * weights[theirs][places >= 0]


@compiled(otherwise=_add_common_plainly)
def add_common(  # noqa: PLR0917 - numba takes arguments by their places
    rows: _Places,
    films: Indices,
    film_starts: Starts,
    users: Indices,
    own: Floats,
    starts: Starts,
    liked: Indices,
    weights: Floats,
    place: Indices,
    gram: _Doubles,
) -> None:
    """Add to some ``rows`` of ``gram`` what their ``films`` have in common with the films at ``place`` (-1: nowhere).

    Whoever likes a film starts in ``users`` and ``own`` where ``film_starts`` says, and what each of them likes in
    ``liked`` and ``weights`` where ``starts`` says, no film twice.
    """
    for at in range(len(rows)):
        row = rows[at]
        film = films[row]
        for like in range(film_starts[film], film_starts[film + 1]):
            user, weight = users[like], np.float64(own[like])
            for other in range(starts[user], starts[user + 1]):
                column = place[liked[other]]
                if column >= 0:
                    gram[row, column] += weight * weights[other]
