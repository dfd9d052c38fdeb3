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

_F = TypeVar("_F", bound=Callable[..., None])
_Floats = NDArray[np.float32]
_Indices = NDArray[np.int32]
_Places = NDArray[np.int32] | NDArray[np.int64]
_Starts = NDArray[np.int64]
_Doubles = NDArray[np.float64]

_NOTHING: Final = np.float32(1e-20)
_ONE: Final = np.float32(1)
_SWEEPS: Final = 1000
_TOLERANCE: Final = np.float32(1e-4)
_ZERO: Final = np.float32(0)


def _compiled(*, any_order: bool = False, otherwise: Callable[..., None] | None = None) -> Callable[[_F], _F]:
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


@_compiled()
def add_pairs(  # noqa: PLR0917 - numba takes arguments by their places
    film_starts: _Starts,
    users: _Indices,
    places: _Places,
    user_stops: _Starts,
    films: _Indices,
    weights: _Floats,
    gram: _Floats,
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


@_compiled()
def elastic_nets(  # noqa: PLR0917 - numba takes arguments by their places
    gram: _Floats, l1: np.float32, l2: np.float32, offset: int, weights: _Floats, first: int, stop: int
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


def _gather_plainly(others: _Floats, liked: _Indices, start: int, many: int, kept: _Floats) -> None:
    np.take(others, liked[start : start + many], axis=0, out=kept[:many], mode="clip")


def _multiply_plainly(rows: _Floats, many: int, vector: _Floats, products: _Floats) -> None:
    np.dot(rows[:many], vector, out=products[:many])


def _add_rows_plainly(rows: _Floats, many: int, weights: _Floats, total: _Floats) -> None:
    total += weights[:many] @ rows[:many]


@_compiled(any_order=True, otherwise=_gather_plainly)
def _gather(others: _Floats, liked: _Indices, start: int, many: int, kept: _Floats) -> None:
    """Copy what a row likes into the first ``many`` rows of ``kept``."""
    length = others.shape[1]
    for row in range(many):
        source, target = others[liked[start + row]], kept[row]
        for at in range(length):  # an assignment of whole rows takes three times as long
            target[at] = source[at]


@_compiled(any_order=True, otherwise=_multiply_plainly)
def _multiply(rows: _Floats, many: int, vector: _Floats, products: _Floats) -> None:
    """Write the product of each of ``many`` rows with a vector, four at a time."""
    length = vector.shape[0]
    for row in range(0, many - 3, 4):
        one, two, three, four = rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
        first = second = third = fourth = _ZERO
        for at in range(length):
            value = vector[at]
            first += one[at] * value
            second += two[at] * value
            third += three[at] * value
            fourth += four[at] * value
        products[row], products[row + 1], products[row + 2], products[row + 3] = first, second, third, fourth
    for row in range(many - many % 4, many):
        one, first = rows[row], _ZERO
        for at in range(length):
            first += one[at] * vector[at]
        products[row] = first


@_compiled(any_order=True, otherwise=_add_rows_plainly)
def _add_rows(rows: _Floats, many: int, weights: _Floats, total: _Floats) -> None:
    """Add so many times each of ``many`` rows, four at a time."""
    length = total.shape[0]
    for row in range(0, many - 3, 4):
        one, two, three, four = rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
        first, second, third, fourth = weights[row], weights[row + 1], weights[row + 2], weights[row + 3]
        for at in range(length):
            total[at] += (first * one[at] + second * two[at]) + (third * three[at] + fourth * four[at])
    for row in range(many - many % 4, many):
        one, first = rows[row], weights[row]
        for at in range(length):
            total[at] += first * one[at]


@_compiled(any_order=True)
def approach(  # noqa: PLR0917 - numba takes arguments by their places
    inverse: _Floats,
    starts: _Starts,
    liked: _Indices,
    confidences: _Floats,
    others: _Floats,
    vectors: _Floats,
    lefts: _Floats,
    steps: int,
    at_once: int,
    first: int,
    stop: int,
) -> None:
    """Bring vectors nearer to the solutions of their least squares, by steps of preconditioned conjugate gradients.

    The vector x of a row with likes i of confidence c_i is that of ``A x = Σ c_i y_i``, where
    ``A = B + Σ (c_i - 1) y_i y_iᵀ`` and ``B = YᵀY + λI``. B is the preconditioner: no like being counted twice, A lies
    between B and c·B for the largest c, so each step gains a factor that hangs on c alone, whatever the spectrum of Y.

    Args:
        inverse: ``B⁻¹``.
        starts: Where the likes of each row start.
        liked: Which of ``others`` a row likes.
        confidences: How much.
        others: Y.
        vectors: One for each row: where the steps start from, and what is written to.
        lefts: ``-B x`` for the rows from ``first`` to ``stop``; used up.
        steps: How many steps.
        at_once: So many of a row's likes lie together, to be read again from a core's cache.
        first: The first row.
        stop: The row after the last.
    """
    length = others.shape[1]
    kept, weights = np.empty((at_once, length), np.float32), np.empty(at_once, np.float32)
    way, image = np.empty(length, np.float32), np.empty(length, np.float32)
    pulled, bent = np.empty(length, np.float32), np.empty(length, np.float32)
    for row in range(first, stop):
        start, likes = starts[row], starts[row + 1] - starts[row]
        x, left = vectors[row], lefts[row - first]
        for begin in range(0, likes, at_once):
            many = min(at_once, likes - begin)
            own = confidences[start + begin : start + begin + many]
            _gather(others, liked, start + begin, many, kept)
            _multiply(kept, many, x, weights)
            weights[:many] = own - (own - _ONE) * weights[:many]
            _add_rows(kept, many, weights, left)
        error = _ZERO
        for step in range(steps):
            pulled[:] = _ZERO
            _add_rows(inverse, length, left, pulled)
            before, error = error, np.sum(left * pulled)
            if not error > _NOTHING:
                break
            turn = error / before if step else _ZERO
            way[:] = pulled + turn * way if step else pulled
            image[:] = left + turn * image if step else left  # B times the way, with no product: B B⁻¹ r is r
            bend = np.sum(way * image)
            bent[:] = image
            for begin in range(0, likes, at_once):
                many = min(at_once, likes - begin)
                own = confidences[start + begin : start + begin + many]
                if likes > at_once:
                    _gather(others, liked, start + begin, many, kept)
                _multiply(kept, many, way, weights)
                bend += np.sum((own - _ONE) * weights[:many] * weights[:many])
                weights[:many] *= own - _ONE
                if step < steps - 1:
                    _add_rows(kept, many, weights, bent)
            far = error / bend
            x += far * way
            left -= far * bent


def _add_common_plainly(  # noqa: PLR0917 - as the compiled one
    rows: _Places,
    films: _Indices,
    film_starts: _Starts,
    users: _Indices,
    own: _Floats,
    starts: _Starts,
    liked: _Indices,
    weights: _Floats,
    place: _Indices,
    gram: _Doubles,
) -> None:
    for row in rows.tolist():
        of_film = slice(film_starts[films[row]], film_starts[films[row] + 1])
        for user, weight in zip(users[of_film].tolist(), own[of_film].tolist(), strict=True):
            theirs = slice(starts[user], starts[user + 1])
            places = place[liked[theirs]]
            gram[row, places[places >= 0]] += weight * weights[theirs][places >= 0]


@_compiled(otherwise=_add_common_plainly)
def add_common(  # noqa: PLR0917 - numba takes arguments by their places
    rows: _Places,
    films: _Indices,
    film_starts: _Starts,
    users: _Indices,
    own: _Floats,
    starts: _Starts,
    liked: _Indices,
    weights: _Floats,
    place: _Indices,
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
