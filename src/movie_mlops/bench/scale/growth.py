"""How a cost grows with a size: an exponent with its interval, and a law whose coefficients tell other sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import t as student

from movie_mlops.bench.errors import BenchError

_LEVEL: Final = 0.95
_LEAST_SIZES: Final = 3
_SAME: Final = 0.02
"""Sizes that differ by a smaller share are one."""


class Form(StrEnum):
    """The shape of a law, by what is known of the work; each term has a coefficient of its own, none below 0."""

    CONSTANT = "constant"
    ROOT = "root"
    LINEAR = "linear"
    FILLING = "linear with a root"
    BOUNDED = "bounded"
    SQUARE = "square"
    CUBIC = "cubic"


_POWERS: Final[Mapping[Form, tuple[float, ...]]] = {
    Form.CONSTANT: (0,),
    Form.ROOT: (0, 0.5),
    Form.LINEAR: (0, 1),
    # Memory that grows as a root has to be taken for the first time, beside the work.
    Form.FILLING: (0, 0.5, 1),
    Form.SQUARE: (0, 2),
    # To count which films go together takes their square, to invert that matrix their cube; the start comes last, for
    # records from before it was measured have none.
    Form.CUBIC: (2, 3, 0),
}

_HALVES: Final = 200
_BEYOND: Final = 10
"""Half of what is bounded is reached within so many times the sizes, downwards and upwards."""


def terms(form: Form) -> int:
    """Return how many coefficients a law has, and so how many sizes it takes to tell them."""
    return 3 if form is Form.BOUNDED else len(_POWERS[form])


@dataclass(frozen=True)
class Law:
    """What something costs at a size: the sum of its coefficients times powers of the size.

    What is bounded costs its first coefficient and, in the end, its second, of which half is there at the third.

    Attributes:
        form: Its shape.
        coefficients: One for each of its powers.
    """

    form: Form
    coefficients: tuple[float, ...]

    def at(self, size: float) -> float:
        """Return the cost at a size."""
        if self.form is Form.BOUNDED:
            least, bound, half = self.coefficients
            return least + bound * size / (size + half)
        terms = zip(self.coefficients, _POWERS[self.form], strict=self.form is not Form.CUBIC)
        return float(sum(coefficient * size**power for coefficient, power in terms))

    @property
    def each(self) -> float:
        """What one more costs, where that is the same at every size.

        Raises:
            BenchError: It is not.
        """
        if self.form is not Form.LINEAR:
            raise BenchError(f"A law that is {self.form} has no cost of one more.", next_step="Ask for a size.")
        return self.coefficients[1]

    def largest(self, limit: float) -> float:
        """Return the largest size, to a thousandth, at which the cost is within a limit; 0 where none is."""
        low, high = 0.0, 1.0
        while self.at(high) <= limit and high < np.finfo(float).max / 2:
            low, high = high, high * 2
        while high - low > max(1.0, high) / 1000:
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle) <= limit else (low, middle)
        return low if self.at(low) <= limit else 0.0


@dataclass(frozen=True)
class Exponent:
    """The power of the size that a cost grows as.

    Attributes:
        value: The slope of a straight line through the logarithms of what counts at each size.
        low: Its 95 % interval by Student's t, as far as the scatter around the line tells; ``None`` with two of them.
        high: Likewise.
        last: The slope between the two largest sizes alone. What a start costs bends the line at small sizes.
    """

    value: float
    low: float | None
    high: float | None
    last: float


@dataclass(frozen=True)
class Check:
    """A size that was predicted from the others.

    Attributes:
        size: Which.
        measured: What was measured there, the median.
        predicted: What the law says that was fitted without it.
    """

    size: float
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """How far the prediction is off, as a share of what was measured."""
        return self.predicted / self.measured - 1


def fit(form: Form, sizes: Sequence[float], costs: Sequence[float]) -> Law:
    """Return the law that is nearest to what was measured, each measurement counted by its relative error.

    Args:
        form: Its shape.
        sizes: At which sizes something was measured, in any order; a size may come again.
        costs: What was measured, above 0.

    Raises:
        BenchError: Fewer sizes than the law has coefficients, or a cost that is not above 0.
    """
    at, found = _sound(sizes, costs)
    if len(np.unique(at)) < terms(form):
        raise BenchError(
            f"A law that is {form} cannot be told from {len(np.unique(at))} sizes.", next_step="Measure more sizes."
        )
    if form is Form.BOUNDED:
        halves = np.geomspace(at.min() / _BEYOND, at.max() * _BEYOND, _HALVES).tolist()
        tried = [(*_nearest([np.ones(len(at)), at / (at + half)], found), half) for half in halves]
        nearest, _, half = min(tried, key=lambda one: one[1])
        return Law(form, (*nearest, half))
    return Law(form, _nearest([at**power for power in _POWERS[form]], found)[0])


def _nearest(columns: Sequence[NDArray[np.float64]], found: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
    """Return how much of each column is nearest to what was found, by relative errors, and how far off that is."""
    # Coefficients of far sizes are tiny beside those of near ones: each column is brought to 1 at the largest.
    scale = np.array([column.max() for column in columns])
    coefficients, off = nnls(np.stack(columns, axis=1) / scale / found[:, None], np.ones(len(found)))
    return tuple((coefficients / scale).tolist()), float(off)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> Exponent:
    """Return the power of the size that a cost grows as.

    Raises:
        BenchError: There are not two sizes, or a cost is not above 0.
    """
    at, found = _sound(sizes, costs)
    different = np.unique(at)
    if len(different) == 1:
        raise BenchError("One size tells nothing of how a cost grows.", next_step="Measure at two sizes at least.")
    x, y = np.log(at), np.log(found)
    middle = x - x.mean()
    spread = float(middle @ middle)
    slope = float(middle @ y) / spread
    free = len(x) - 2
    low = high = None
    if free:
        residual = y - y.mean() - slope * middle
        half = float(student.ppf((1 + _LEVEL) / 2, free)) * float(np.sqrt(residual @ residual / free / spread))
        low, high = slope - half, slope + half
    before, last = (float(np.median(found[at == size])) for size in different[-2:])
    return Exponent(slope, low, high, float(np.log(last / before) / np.log(different[-1] / different[-2])))


def checks(
    form: Form, sizes: Sequence[float], costs: Sequence[float], *, start: tuple[float, float] | None = None
) -> list[Check]:
    """Return each size with what the others say of it; none where there are fewer than three, or too few to fit.

    Args:
        form: The shape of the law.
        sizes: At which sizes something was measured.
        costs: What was measured.
        start: A size, far below the others, and its cost: what a start costs. It is one of the others for every size,
            and is itself not predicted.
    """
    at, found = _sound(sizes, costs)
    different = np.unique(at)
    known = [] if start is None else [start]
    if len(different) < max(_LEAST_SIZES, terms(form) + 1 - len(known)):
        return []
    first, firsts = [size for size, _ in known], [cost for _, cost in known]
    return [
        Check(
            float(size),
            float(np.median(found[at == size])),
            fit(form, [*first, *at[at != size].tolist()], [*firsts, *found[at != size].tolist()]).at(float(size)),
        )
        for size in different
    ]


def _sound(sizes: Sequence[float], costs: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at, found = np.array(sizes, np.float64), np.array(costs, np.float64)
    if not len(at) or at.min() <= 0 or found.min() <= 0:
        raise BenchError("Nothing was measured, or it took nothing.", next_step="Measure larger sizes.")
    return _brought_together(at), found


def _brought_together(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sizes with those that are one but for chance, as the users of two generated worlds, as their median."""
    order = np.argsort(at, kind="stable")
    apart = np.flatnonzero(np.diff(at[order]) > _SAME * at[order][:-1]) + 1
    together = at.copy()
    for some in np.split(order, apart):
        together[some] = np.median(at[some])
    return together
