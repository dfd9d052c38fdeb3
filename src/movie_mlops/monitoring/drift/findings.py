"""One column of two windows: what is different, how much, how sure that is; or why nothing can be said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from movie_mlops.monitoring.drift.config import DriftConfig
from movie_mlops.monitoring.drift.counting import ColumnCount, Counted, missing_tally
from movie_mlops.monitoring.drift.effect import effect_of, groups_of
from movie_mlops.monitoring.drift.names import NameSketch
from movie_mlops.monitoring.drift.reference import SHARES, ColumnReference, votes
from movie_mlops.monitoring.drift.tally import Tally

Aspect = Literal["spread", "without a value", "new names"]
Status = Literal["drift", "steady", "cannot be judged"]

SCALES: Final = (2, 5, 7, 10, 12, 20, 24, 30, 60, 100, 365, 1000, 3600, 86_400, 1_000_000, 1_000_000_000)
"""What a change of unit multiplies by, or divides."""

_MOST_NEW: Final = 5
"""So many new names are told."""


@dataclass(frozen=True)
class Finding:
    """What became of one aspect of a column.

    Attributes:
        aspect: How its values are spread, how many rows have none, or names that nobody had met.
        group: What the rows are.
        column: Which column of it.
        status: Whether that drifted.
        reason: Why it cannot be judged; empty where it was.
        effect: How much: the effect of :mod:`.effect` for a spread, else a difference of shares.
        low: Where the effect's interval begins.
        high: Where it ends.
        p_value: How probable so much or more is where the effect is no larger than what matters.
        rate: The false-discovery rate at which this still is drift, among all that was judged.
        units: How many independent users or rows there are, in the reference and live.
        note: What it looks like, such as a change of unit; empty for nothing.
        cells: What each cell is called, with its share in the reference and live.
    """

    aspect: Aspect
    group: str = ""
    column: str = ""
    status: Status = "steady"
    reason: str = ""
    effect: float = 0.0
    low: float = 0.0
    high: float = 0.0
    p_value: float = 1.0
    rate: float = 1.0
    units: tuple[int, int] = (0, 0)
    note: str = ""
    cells: tuple[tuple[str, float, float], ...] = ()

    @property
    def judged(self) -> bool:
        """Whether it could be judged."""
        return not self.reason

    @property
    def name(self) -> str:
        """The group, the column and, where it is not the spread, the aspect."""
        about = "" if self.aspect == "spread" else f" ({self.aspect})"
        return f"{self.group}: {self.column}{about}"

    @property
    def sentence(self) -> str:
        """The same for people."""
        if self.reason:
            return f"{self.name} cannot be judged: {self.reason}."
        told = f"{self.name} {self.effect:.3f} [{self.low:.3f}, {self.high:.3f}]"
        return f"{told}: {self.note}." if self.note else f"{told}."

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        cells = [{"cell": cell, "reference": before, "live": now} for cell, before, now in self.cells]
        return {**vars(self), "units": {"reference": self.units[0], "live": self.units[1]}, "cells": cells}


def unjudged(group: str, column: str, reason: str, units: tuple[int, int] = (0, 0)) -> Finding:
    """Return that nothing can be said of a column, and why."""
    return Finding("spread", group, column, "cannot be judged", reason, units=units)


def findings_of(
    reference: ColumnReference, live: Counted, *, group: str, column: str, config: DriftConfig
) -> list[Finding]:
    """Compare one column; the rate and the status are not decided before all columns are compared.

    Args:
        reference: What is remembered of it.
        live: The same column of the window.
        group: What the rows are.
        column: The column's name.
        config: What counts as drift.
    """
    count = live.count
    if count.overflown:
        return [unjudged(group, column, "it has too many different names, as ids have")]
    if "nothing" not in {count.what, reference.what} and count.what != reference.what:
        return [unjudged(group, column, f"it held {reference.what} and holds {count.what} now")]
    if count.what == reference.what == "nothing":
        return [unjudged(group, column, _nothing(reference, count))]
    found = []
    if "nothing" in {count.what, reference.what}:
        found.append(unjudged(group, column, _nothing(reference, count)))
        has = None if live.rows is None else np.zeros(len(live.rows), np.bool_)
        if live.rows is not None and count.what != "nothing":
            has = live.rows.is_not_null().to_numpy()
    else:
        tally, has = votes(live, edges=reference.edges, names=reference.cells)
        spread = _spread(reference, tally, count, config)
        found.append(replace(spread, group=group, column=column))
        if reference.what == "names" and min(reference.tally.units, tally.units) >= config.least:
            found += [replace(new, group=group, column=column) for new in _new_names(reference, live, config)]
    without = missing_tally(live, has)
    if min(without.units, reference.without.units) >= config.least and (count.missing or reference.missing):
        found.append(replace(_missing(reference.without, without, config), group=group, column=column))
    return found


def _nothing(reference: ColumnReference, count: ColumnCount) -> str:
    if not count.rows:
        return "there are no rows"
    where = " in the reference" if count.what != "nothing" else " any more" if reference.what != "nothing" else ""
    return f"no row has a value{where}"


def _spread(reference: ColumnReference, live: Tally, count: ColumnCount, config: DriftConfig) -> Finding:
    units = (reference.tally.units, live.units)
    if min(units) < config.least:
        side = "the reference" if units[0] < config.least else "the window"
        return unjudged("", "", f"{side} has {min(units):,}, and {config.least:,} are needed", units)
    numbers = reference.what == "numbers"
    joined = groups_of(reference.tally, live, ordered=numbers)
    before, now = reference.tally.grouped(joined), live.grouped(joined)
    effect = effect_of(before, now)
    if effect is None:
        rare = not numbers and len(reference.cells) != 1
        why = "its names are too many and too rare" if rare else "nearly all rows have the same value, then and now"
        return unjudged("", "", why, units)
    low, high = effect.interval(config.rate)
    p_value = effect.p_value(config.smallest)
    labels = _labels(reference.edges, joined) if numbers else _name_labels(reference.cells, joined)
    scale = scale_of(reference, count) if numbers and p_value < config.rate else ""
    return Finding(
        aspect="spread",
        effect=effect.value,
        low=low,
        high=high,
        p_value=p_value,
        units=units,
        note=f"as if {scale}; has a unit changed" if scale else "",
        cells=tuple(zip(labels, before.shares.tolist(), now.shares.tolist(), strict=True)),
    )


def _missing(before: Tally, now: Tally, config: DriftConfig) -> Finding:
    difference, error = _difference(before, now, 1)
    bound = _z(config.rate) * error
    p_value = _tail((abs(difference) - config.smallest_share) / error)
    shares = f"{before.shares[1]:.1%} of the rows had no value, {now.shares[1]:.1%} have none now"
    return Finding(
        aspect="without a value",
        effect=difference,
        low=difference - bound,
        high=difference + bound,
        p_value=p_value,
        units=(before.units, now.units),
        note=shares if p_value < config.rate else "",
        cells=tuple(zip(("with a value", "without"), before.shares.tolist(), now.shares.tolist(), strict=True)),
    )


def _new_names(reference: ColumnReference, live: Counted, config: DriftConfig) -> list[Finding]:
    assert isinstance(reference.sketch, NameSketch)
    names = live.count.names
    new = sorted(set(names) - set(reference.sketch.counts), key=lambda name: (-names[name], name))
    allowed = max(config.smallest_share, reference.unseen)
    if not new or allowed >= 1:
        return []
    tally, _ = votes(live, edges=reference.edges, names=new)
    # The last cell is that of what is known.
    share = 1 - float(tally.sums[-1] + 1) / (tally.units + 2)
    error = math.sqrt(share * (1 - share) / (tally.units + 2))
    bound = _z(config.rate) * error
    more = f" and {len(new) - _MOST_NEW:,} more" if len(new) > _MOST_NEW else ""
    return [
        Finding(
            aspect="new names",
            effect=share,
            low=max(share - bound, 0.0),
            high=share + bound,
            p_value=_tail((share - allowed) / error),
            units=(reference.tally.units, live.count.rows if live.owners is None else tally.units),
            note=", ".join(new[:_MOST_NEW]) + more,
        )
    ]


def scale_of(reference: ColumnReference, count: ColumnCount) -> str:
    """Return by what all numbers seem to be multiplied or divided; empty where it is nothing that units differ by."""
    before, now = reference.quantiles, count.histogram.quantiles(SHARES)
    same = (before * now > 0) & (np.abs(before) > 0)
    if same.sum() < before.size // 2 or np.unique(before[same]).size < 3:  # noqa: PLR2004 - three points to see a scale
        return ""
    ratios = np.log(now[same] / before[same])
    middle = float(np.median(ratios))
    # Half of a bin here and there, and chance: all quantiles have moved by the same factor.
    if np.abs(ratios - middle).max() > 0.25 * max(abs(middle), 0.5):
        return ""
    factor = math.exp(abs(middle))
    nearest = min(SCALES, key=lambda each: abs(math.log(each / factor)))
    if abs(math.log(nearest / factor)) > 0.1:  # noqa: PLR2004 - a tenth
        return ""
    return f"{'multiplied' if middle > 0 else 'divided'} by {nearest:,}"


def _difference(before: Tally, now: Tally, cell: int) -> tuple[float, float]:
    """Return the difference of two shares and its standard error, each with one more vote on either side.

    That is Agresti and Caffo's (2000) correction, which keeps the interval honest where a share is next to 0. Votes of
    users, which are shares, scatter no more than those of rows.
    """
    shares = [float(each.sums[cell] + 1) / (each.units + 2) for each in (before, now)]
    units = (before.units + 2, now.units + 2)
    error = math.sqrt(sum(share * (1 - share) / many for share, many in zip(shares, units, strict=True)))
    return shares[1] - shares[0], error


def _labels(edges: NDArray[np.float64], joined: NDArray[np.int64]) -> list[str]:
    ends: Sequence[float] = [-math.inf, *edges.tolist(), math.inf]
    return [
        _between(ends[int(cells[0])], ends[int(cells[-1]) + 1])
        for cells in (np.flatnonzero(joined == group) for group in range(int(joined.max()) + 1))
    ]


def _between(low: float, high: float) -> str:
    if math.isinf(low):
        return f"below {high:.4g}"
    return f"from {low:.4g}" if math.isinf(high) else f"{low:.4g} to {high:.4g}"


def _name_labels(names: Sequence[str], joined: NDArray[np.int64]) -> list[str]:
    cells = [
        [name for name, its in zip(names, joined, strict=False) if its == group] for group in range(joined.max() + 1)
    ]
    return [cell[0] if len(cell) == 1 else "others" for cell in cells]


def _z(rate: float) -> float:
    from scipy.special import ndtri  # noqa: PLC0415 (heavy)

    return float(ndtri(1 - rate / 2))


def _tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))
