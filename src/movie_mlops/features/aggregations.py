"""The algebra of features: each function names an aggregation, and is all that a view's author needs to know.

An aggregation is some parts and a formula over their values. The formula takes NumPy arrays and serves both forms: the
columnar one gives it one feature of many rows, the incremental one many features of one row, all those that have the
same formula. So a formula that needs nothing but its parts is a function of the module and no lambda.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.nouns import Kind
from movie_mlops.features.closeness import Closeness
from movie_mlops.features.co_watch import CoWatch
from movie_mlops.features.measures import Condition, Measure
from movie_mlops.features.parts import NOW, Age, Extreme, Faded, Holds, Part, Run, Total
from movie_mlops.features.timeline import DAY, NO_TIME, Window

Array = NDArray[Any]

_TIME: Final = pl.Datetime("us", "UTC")
_EXACT: Final = 8_192
"""So many squares of up to 5 stars, times their number, are below 2**63."""


@dataclass(frozen=True)
class Aggregation:
    """A named fold.

    Attributes:
        name: What it says, such as ``mean(stars)``; equal names mean the same.
        parts: What it is computed from.
        dtype: The polars type of its values.
        finish: The formula over the parts' values, arrays of one length; NaN, or :data:`NO_TIME`, stands for null.
    """

    name: str
    parts: tuple[Part, ...]
    dtype: pl.DataType
    finish: Callable[..., Array] = field(compare=False, repr=False)

    @property
    def reads(self) -> frozenset[Kind]:
        """The kinds that it learns from."""
        return frozenset().union(*(part.reads for part in self.parts))


def count(measure: Measure, *, within: timedelta | None = None) -> Aggregation:
    """How many; with ``within``, how many that happened in so long before the row's time."""
    window = None if within is None else Window.last(within)
    return Aggregation(_named("count", measure, window), (Total(measure, 0, window),), pl.Int64(), _as_it_is)


def total(measure: Measure, *, within: timedelta | None = None) -> Aggregation:
    """Their sum; 0 without any."""
    window = None if within is None else Window.last(within)
    parts = (Total(measure, 1, window),)
    return Aggregation(_named("total", measure, window), parts, pl.Float64(), lambda x: x / measure.unit)


def mean(measure: Measure) -> Aggregation:
    """Their mean; null without any."""
    parts = (Total(measure, 0), Total(measure, 1))
    return Aggregation(_named("mean", measure), parts, pl.Float64(), lambda n, x: _ratio(x, n) / measure.unit)


def shrunk_mean(measure: Measure, *, prior: float, strength: float) -> Aggregation:
    """Their mean, together with ``strength`` more numbers of ``prior``: few numbers say little."""
    name = _named("shrunk_mean", measure, f"prior {prior:g} x {strength:g}")

    def finish(n: Array, x: Array) -> Array:
        return (x / measure.unit + prior * strength) / (n + strength)

    return Aggregation(name, (Total(measure, 0), Total(measure, 1)), pl.Float64(), finish)


def spread(measure: Measure) -> Aggregation:
    """Their population standard deviation; null without any."""

    def finish(n: Array, x: Array, squares: Array) -> Array:
        exact = n * squares - x * x
        if (large := n > _EXACT).any():
            # Python's whole numbers have no end.
            n_, x_, squares_ = (array[large].astype(object) for array in (n, x, squares))
            exact = exact.astype(np.float64)
            exact[large] = (n_ * squares_ - x_ * x_).astype(np.float64)
        return _ratio(np.sqrt(exact), n) / measure.unit

    parts = (Total(measure, 0), Total(measure, 1), Total(measure, 2))
    return Aggregation(_named("spread", measure), parts, pl.Float64(), finish)


def share(measure: Measure, condition: Condition) -> Aggregation:
    """Which part of them is about films of a kind; null without any."""
    parts = (Total(measure.where(condition), 0), Total(measure, 0))
    return Aggregation(_named("share", measure.where(condition)), parts, pl.Float64(), _ratio)


def decayed(measure: Measure, *, half_life: timedelta) -> Aggregation:
    """Their sum, each halved for every half-life since it happened."""
    length = _microseconds(half_life)
    name = _named("decayed", measure, f"half-life {half_life / timedelta(days=1):g} d")
    return Aggregation(name, (Faded(measure, length),), pl.Float64(), lambda x: x / measure.unit)


def trend(measure: Measure, *, over: timedelta) -> Aggregation:
    """How many times as many as in the time of equal length before, as a power of two (each count plus one)."""
    recent, earlier = Window.last(over), Window.last(over, lag=over)
    parts = (Total(measure, 0, recent), Total(measure, 0, earlier))
    return Aggregation(
        _named("trend", measure, recent), parts, pl.Float64(), lambda new, old: np.log2((new + 1) / (old + 1))
    )


def last(measure: Measure) -> Aggregation:
    """When it last happened; null where no time is known."""
    return Aggregation(_named("last", measure), (Extreme(measure),), _TIME, _as_it_is)


def first(measure: Measure) -> Aggregation:
    """When it first happened; null where no time is known."""
    return Aggregation(_named("first", measure), (Extreme(measure, latest=False),), _TIME, _as_it_is)


def days_since(measure: Measure) -> Aggregation:
    """Days from when it last happened to the row's time; null where no time is known."""

    def finish(time: Array, now: Array) -> Array:
        return np.where(time == NO_TIME, np.nan, (now - np.where(time == NO_TIME, now, time)) / DAY)

    return Aggregation(_named("days_since", measure), (Extreme(measure), NOW), pl.Float64(), finish)


def streak(measure: Measure) -> Aggregation:
    """Days in a row, up to the last one on which it happened."""
    return Aggregation(_named("streak", measure), (Run(measure),), pl.Int64(), _as_it_is)


def age() -> Aggregation:
    """Years since the film came out; null where its year is unknown."""
    return Aggregation("age", (Age(),), pl.Float64(), _as_it_is)


def match(measure: Measure, conditions: Sequence[Condition]) -> Aggregation:
    """The mean, over those conditions that the row's film fulfils, of their share in ``measure``; null without any."""
    shares = tuple(Total(measure.where(condition), 0) for condition in conditions)
    holds = tuple(Holds(condition) for condition in conditions)

    def finish(everything: Array, *values: Array) -> Array:
        amounts, fulfilled = values[: len(shares)], values[len(shares) :]
        matching = sum(amount * holds for amount, holds in zip(amounts, fulfilled, strict=True))
        return _ratio(np.asarray(matching), everything * np.asarray(sum(fulfilled)))

    name = _named("match", measure, ", ".join(condition.name for condition in conditions))
    return Aggregation(name, (Total(measure, 0), *shares, *holds), pl.Float64(), finish)


def nearest(measure: Measure, model: CoWatch) -> Aggregation:
    """The nearness of the row's film to the nearest of the user's last films; null without any: see ``co_watch.py``."""
    return Aggregation(_named("nearest", measure, str(model)), (Closeness(measure, model),), pl.Float64(), _nearest)


def mean_nearness(measure: Measure, model: CoWatch) -> Aggregation:
    """The mean of its nearness to the user's last films, 0 to those that are not near; null without any."""
    name = _named("mean_nearness", measure, str(model))
    return Aggregation(name, (Closeness(measure, model),), pl.Float64(), _mean_nearness)


def shared_users(measure: Measure, model: CoWatch) -> Aggregation:
    """How many users it has in common with the user's last films that are near, summed over these films."""
    name = _named("shared_users", measure, str(model))
    return Aggregation(name, (Closeness(measure, model),), pl.Int64(), _shared_users)


def _nearest(closeness: Array) -> Array:
    return np.where(closeness[:, 0] > 0, closeness[:, 1], np.nan)


def _mean_nearness(closeness: Array) -> Array:
    return _ratio(closeness[:, 2], closeness[:, 0])


def _shared_users(closeness: Array) -> Array:
    return closeness[:, 3].astype(np.int64)


def _as_it_is(value: Array) -> Array:
    return value


def _ratio(part: Array, whole: Array) -> Array:
    ratio = np.full(len(whole), np.nan)
    np.divide(part, whole, out=ratio, where=whole != 0)
    return ratio


def _named(verb: str, measure: Measure, more: Window | str | None = None) -> str:
    return f"{verb}({measure})" if more is None else f"{verb}({measure}, {more})"


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
