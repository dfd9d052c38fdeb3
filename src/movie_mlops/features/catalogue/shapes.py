"""How a feature's values are spread: the numbers behind a small drawing, and the drawing."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

_BINS: Final = 28
_SKEWED: Final = 30.0
_WIDTH, _HEIGHT, _GAP = 280, 64, 1.5
_THOUSAND, _MILLION = 1_000, 1_000_000


@dataclass(frozen=True)
class Shape:
    """The values of one feature.

    Attributes:
        missing: The share of rows without a value.
        low: The smallest value, for people; ``None`` without any.
        middle: The median.
        high: The largest.
        skewed: Whether the drawing's steps grow, because most values are small and a few are large.
        drawing: SVG in the page's colours; empty where all values are one.
    """

    missing: float
    low: str | None
    middle: str | None
    high: str | None
    skewed: bool
    drawing: str


def shape(values: pl.Series, colour: str) -> Shape:
    """Return how values are spread.

    Args:
        values: Numbers or times, null where a row has none.
        colour: Of the bars, in CSS.
    """
    missing = values.null_count() / len(values) if len(values) else 1.0
    is_time = values.dtype.is_temporal()
    known = values.drop_nulls().to_physical().cast(pl.Float64).to_numpy()
    if not len(known):
        return Shape(missing, None, None, None, skewed=False, drawing="")
    low, middle, high = float(known.min()), float(np.median(known)), float(known.max())
    whole = values.dtype.is_integer()
    skewed = not is_time and low >= 0 and high > _SKEWED * max(middle, 1.0 if whole else high / 1e9)
    words = {name: _word(value, is_time=is_time) for name, value in (("low", low), ("middle", middle), ("high", high))}
    drawing = "" if low == high else _draw(_counts(known, low, high, skewed=skewed, whole=whole), colour)
    return Shape(missing, words["low"], words["middle"], words["high"], skewed=skewed, drawing=drawing)


def _counts(known: NDArray[np.float64], low: float, high: float, *, skewed: bool, whole: bool) -> NDArray[np.int64]:
    """Return how many values each step has; a step of its own for each whole number where they are few."""
    if skewed:
        known, low, high = np.log1p(known), math.log1p(low), math.log1p(high)
        whole = False
    steps = int(high - low) + 1 if whole and high - low < _BINS else _BINS
    edge = 0.5 if whole and steps < _BINS else 0.0
    return np.histogram(known, bins=steps, range=(low - edge, high + edge))[0]


def _draw(counts: NDArray[np.int64], colour: str) -> str:
    """Draw bars. Their heights are square roots, so that a long tail is seen beside what most have."""
    heights = np.sqrt(counts / max(1, counts.max())) * (_HEIGHT - 2)
    step = _WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{place * step + _GAP / 2:.1f}" y="{_HEIGHT - max(height, 1.5):.1f}" width="{step - _GAP:.1f}"'
        f' height="{max(height, 1.5):.1f}" rx="1.5"/>'
        for place, height in enumerate(heights.tolist())
        if height
    )
    return (
        f'<svg class="spread" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true"'
        f' style="fill:{colour}">{bars}</svg>'
    )


def _word(value: float, *, is_time: bool) -> str:
    if is_time:
        return datetime.fromtimestamp(value / 1e6, UTC).strftime("%d %b %Y")
    if abs(value) >= _MILLION:
        return f"{value / _MILLION:.3g}M"
    if abs(value) >= _THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.3g}"
