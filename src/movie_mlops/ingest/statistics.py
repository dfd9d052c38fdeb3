"""What a batch looked like, column by column, in memory that does not grow with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl

from movie_mlops.core.clock import to_iso
from movie_mlops.core.columns import EVENT_ID, STATISTICS, USER_ID
from movie_mlops.core.digests import Plain
from movie_mlops.ingest.parsing import different

# So many of the smallest hashes estimate the number of different values to about 3 percent.
_KEPT: Final = 1024
_HASHES: Final = 2.0**64
# Few rows at a time: what is worked out on the way then fits into memory that is at hand.
_AT_ONCE: Final = 1 << 18
_BOUNDED: Final = (USER_ID, EVENT_ID)


@dataclass
class ColumnStatistics:
    """Nulls, smallest, largest and an estimate of how many different values there are.

    The estimate is that of the k smallest hashes (Bar-Yossef et al., *Counting Distinct Elements in a Data Stream*,
    RANDOM 2002): exact below k, and batches can be added up.
    """

    nulls: int = 0
    least: Any = None
    most: Any = None
    hashes: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.UInt64))

    def add(self, values: pl.Series, *, distinct: pl.Series | None = None) -> None:
        """Take the values of another batch in; ``distinct`` are its different ones, where they are known already."""
        self.nulls += values.null_count()
        present = values if distinct is None else distinct
        present = present.drop_nulls() if present.null_count() else present
        if present.dtype == pl.String and distinct is None:
            # Texts repeat, and are compared slowly.
            present = different(present)
        if present.is_empty():
            return
        if not values.dtype.is_nested():
            self.least = _first(min, self.least, present.min())
            self.most = _first(max, self.most, present.max())
        hashes = present.hash()
        if self.hashes.len() == _KEPT:
            hashes = hashes.filter(hashes < self.hashes.max())
        self.hashes = pl.concat([self.hashes, hashes.unique()]).unique().bottom_k(_KEPT).sort()

    def distinct(self) -> int:
        """Return about how many different values there were."""
        if self.hashes.len() < _KEPT:
            return self.hashes.len()
        return round((_KEPT - 1) / (float(self.hashes[-1]) / _HASHES))

    def plain(self) -> Plain:
        """Return everything as plain data."""
        return {
            "nulls": self.nulls,
            "min": _plain(self.least),
            "max": _plain(self.most),
            "distinct": self.distinct(),
        }


class Statistics:
    """Statistics of all columns of the good rows of a load."""

    def __init__(self) -> None:
        self._columns: dict[str, ColumnStatistics] = {}

    def add(self, good: pl.DataFrame, names: list[str], distinct: Mapping[str, pl.Series]) -> None:
        """Take another batch in; ``distinct`` holds the different values of columns for which they are known."""
        for name in names:
            column = self._columns.setdefault(name, ColumnStatistics())
            if name in distinct:
                column.add(good[name], distinct=distinct[name])
            else:
                for part in good.select(name).iter_slices(_AT_ONCE):
                    column.add(part.to_series())

    def plain(self) -> dict[str, Plain]:
        """Return everything as plain data, by column."""
        return {name: column.plain() for name, column in self._columns.items()}


def _first(which: Any, left: Any, right: Any) -> Any:
    return right if left is None else which(left, right)


def _plain(value: Any) -> Plain:
    if isinstance(value, datetime):
        return to_iso(value)
    plain: Plain = value
    return plain


def without_bounds(user_id: str | None = None) -> pl.Expr:
    """Return the statistics of loads without the bounds that name a user, or anybody."""

    def blank(text: str) -> str:
        told = json.loads(text)
        for name, side in _naming(told, user_id):
            told[name][side] = None
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    return pl.col(STATISTICS).map_elements(blank, return_dtype=pl.String)


def bounded_by(user_id: str) -> pl.Expr:
    """Return whether a bound in the statistics of a load names a user."""
    return pl.col(STATISTICS).map_elements(
        lambda text: bool(_naming(json.loads(text), user_id)), return_dtype=pl.Boolean
    )


def _naming(told: dict[str, Any], user_id: str | None) -> list[tuple[str, str]]:
    """Return column and side of the bounds that name a user, or anybody."""
    bounds = [(name, side, told.get(name, {}).get(side)) for name in _BOUNDED for side in ("min", "max")]
    return [
        (name, side)
        for name, side, bound in bounds
        if isinstance(bound, str) and (user_id is None or bound == user_id or f"|{user_id}|" in bound)
    ]
