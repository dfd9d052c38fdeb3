"""Steps of conjugate gradients towards the solutions of many least squares, compiled where numba is installed.

As the other `compiled` loops: import this where a loop is called.
"""

from typing import Final

import numpy as np

from movie_mlops.recommenders.compiled import Floats, Indices, Starts, compiled

_NOTHING: Final = np.float32(1e-20)
_ONE: Final = np.float32(1)
_ZERO: Final = np.float32(0)


def _gather_plainly(others: Floats, liked: Indices, start: int, many: int, kept: Floats) -> None:
    np.take(others, liked[start : start + many], axis=0, out=kept[:many], mode="clip")


def _multiply_plainly(rows: Floats, many: int, vector: Floats, products: Floats) -> None:
    np.dot(rows[:many], vector, out=products[:many])


def _add_rows_plainly(rows: Floats, many: int, weights: Floats, total: Floats) -> None:
    total += weights[:many] @ rows[:many]


@compiled(any_order=True, otherwise=_gather_plainly)
def _gather(others: Floats, liked: Indices, start: int, many: int, kept: Floats) -> None:
    """Copy what a row likes into the first ``many`` rows of ``kept``."""
    length = others.shape[1]
    for row in range(many):
        source, target = others[liked[start + row]], kept[row]
        for at in range(length):  # an assignment of whole rows takes three times as long
            target[at] = source[at]


@compiled(any_order=True, otherwise=_multiply_plainly)
def _multiply(rows: Floats, many: int, vector: Floats, products: Floats) -> None:
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


@compiled(any_order=True, otherwise=_add_rows_plainly)
def _add_rows(rows: Floats, many: int, weights: Floats, total: Floats) -> None:
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


@compiled(any_order=True)
def _take_from(  # noqa: PLR0917 - numba takes arguments by their places
    kept: Floats, many: int, own: Floats, x: Floats, weights: Floats, left: Floats
) -> None:
    """Add to ``left`` what the ``many`` likes in ``kept`` ask for, without what x gives them already."""
    _multiply(kept, many, x, weights)
    weights[:many] = own - (own - _ONE) * weights[:many]
    _add_rows(kept, many, weights, left)


@compiled(any_order=True)
def _bend(  # noqa: PLR0917 - numba takes arguments by their places
    kept: Floats, many: int, own: Floats, way: Floats, weights: Floats, bent: Floats, last: bool
) -> np.float32:
    """Return the part that ``many`` likes have in ``wayᵀ A way``; add theirs in ``A way``, unless nobody needs it."""
    _multiply(kept, many, way, weights)
    bend: np.float32 = np.sum((own - _ONE) * weights[:many] * weights[:many])
    weights[:many] *= own - _ONE
    if not last:
        _add_rows(kept, many, weights, bent)
    return bend


@compiled(any_order=True)
def _turn(  # noqa: PLR0917 - numba takes arguments by their places
    inverse: Floats, left: Floats, before: np.float32, pulled: Floats, way: Floats, image: Floats
) -> np.float32:
    """Write the next way of a row's steps and B times it; return the error that is left, before which it was another.

    ``before`` is 0 for the first step. Where hardly any error is left, nothing is written.
    """
    pulled[:] = _ZERO
    _add_rows(inverse, len(left), left, pulled)
    error: np.float32 = np.sum(left * pulled)
    if error > _NOTHING:
        turn = error / before if before > 0 else _ZERO
        way[:] = pulled + turn * way
        image[:] = left + turn * image  # B times the way, with no product: B B⁻¹ r is r
    return error


@compiled(any_order=True)
def _approach_in_turn(  # noqa: PLR0917 - numba takes arguments by their places
    rows: Starts,
    inverse: Floats,
    starts: Starts,
    liked: Indices,
    confidences: Floats,
    others: Floats,
    vectors: Floats,
    lefts: Floats,
    first: int,
    steps: int,
    kept: Floats,
    weights: Floats,
) -> None:
    """Do what `approach` says for some ``rows``, one after the other; ``kept`` has room for what each likes."""
    length = others.shape[1]
    way, image = np.zeros(length, np.float32), np.zeros(length, np.float32)
    pulled, bent = np.empty(length, np.float32), np.empty(length, np.float32)
    for row in rows:
        start, many = starts[row], starts[row + 1] - starts[row]
        own = confidences[start : start + many]
        x, left = vectors[row], lefts[row - first]
        _gather(others, liked, start, many, kept)
        _take_from(kept, many, own, x, weights, left)
        error = _ZERO
        for step in range(steps):
            error = _turn(inverse, left, error, pulled, way, image)
            if not error > _NOTHING:
                break
            bent[:] = image
            bend = np.sum(way * image) + _bend(kept, many, own, way, weights, bent, step == steps - 1)
            far = error / bend
            x += far * way
            left -= far * bent


@compiled(any_order=True)
def _approach_together(  # noqa: PLR0917 - numba takes arguments by their places
    rows: Starts,
    inverse: Floats,
    starts: Starts,
    liked: Indices,
    confidences: Floats,
    others: Floats,
    vectors: Floats,
    lefts: Floats,
    first: int,
    steps: int,
    kept: Floats,
    weights: Floats,
) -> None:
    """Do what `approach` says for some ``rows``, all of them step by step together.

    For each step the others are gone through once, a portion after the other, and what any of the rows likes of a
    portion is multiplied while a core's cache holds it. One row after the other would look for each of its likes in all
    of memory, in every step.
    """
    length, at_once, count = others.shape[1], len(kept), len(rows)
    ways, images = np.zeros((count, length), np.float32), np.zeros((count, length), np.float32)
    bents, pulled = np.empty((count, length), np.float32), np.empty(length, np.float32)
    errors, bends = np.zeros(count, np.float32), np.zeros(count, np.float32)
    reached = np.empty(count, np.int64)
    for step in range(-1, steps):
        for place in range(count):
            row = rows[place]
            reached[place] = starts[row]
            if step >= 0:
                left, way, image = lefts[row - first], ways[place], images[place]
                errors[place] = _turn(inverse, left, errors[place], pulled, way, image)
                bents[place], bends[place] = image, np.sum(way * image)
        for edge in range(at_once, len(others) + at_once, at_once):
            for place in range(count):
                row, start = rows[place], reached[place]
                many = int(np.searchsorted(liked[start : starts[row + 1]], edge))
                own = confidences[start : start + many]
                reached[place] += many
                if not many or (step >= 0 and not errors[place] > _NOTHING):
                    continue
                _gather(others, liked, start, many, kept)
                if step < 0:
                    _take_from(kept, many, own, vectors[row], weights, lefts[row - first])
                else:
                    bends[place] += _bend(kept, many, own, ways[place], weights, bents[place], step == steps - 1)
        for place in range(count):
            if step >= 0 and errors[place] > _NOTHING:
                far = errors[place] / bends[place]
                vectors[rows[place]] += far * ways[place]
                lefts[rows[place] - first] -= far * bents[place]


def approach(  # noqa: PLR0917 - numba takes arguments by their places
    inverse: Floats,
    starts: Starts,
    liked: Indices,
    confidences: Floats,
    others: Floats,
    vectors: Floats,
    lefts: Floats,
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
        liked: Which of ``others`` a row likes, each row's in rising order.
        confidences: How much.
        others: Y.
        vectors: One for each row: where the steps start from, and what is written to.
        lefts: ``-B x`` for the rows from ``first`` to ``stop``; used up.
        steps: How many steps.
        at_once: So many of a row's likes lie together, to be read again from a core's cache. Rows that have more go
            through portions of so many others together.
        first: The first row.
        stop: The row after the last.
    """
    # Not compiled itself: both that it calls would be compiled once more inside it, which takes as long again.
    kept, weights = np.empty((at_once, others.shape[1]), np.float32), np.empty(at_once, np.float32)
    likes = np.diff(starts[first : stop + 1])
    few, many = first + np.flatnonzero(likes <= at_once), first + np.flatnonzero(likes > at_once)
    own = inverse, starts, liked, confidences, others, vectors, lefts, first, steps, kept, weights
    _approach_in_turn(few, *own)
    if len(many):
        _approach_together(many, *own)
