"""What differs between two versions of a table: rows, columns, and how their values are spread.

Versions share files. Rows of a file that both have are the same, so only the other files are read; and of their rows
only those whose hash the other side lacks are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any, Final

import polars as pl
import polars.selectors as cs

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.schemas import KEYS

_HASH: Final = "row_hash"
_COUNT: Final = "row_count"
_NTH: Final = "nth"
_BEFORE: Final = ":before"
_SEED: Final = 20
# Beyond it, to hold every value at once would cost more than the figure is worth.
_COUNTED: Final = 2_000_000


@dataclass(frozen=True)
class ColumnChange:
    """A column whose values are spread differently in the two versions.

    Attributes:
        column: The column.
        nulls: How many values are missing, before and after.
        distinct: How many different values there are, before and after; of more than two million rows about how many
            (HyperLogLog, Flajolet et al. 2007).
        least: The least value, before and after; ``None`` for lists.
        largest: The largest value, before and after; ``None`` for lists.
        mean: The mean of numbers, before and after; ``None`` for everything else.
    """

    column: str
    nulls: tuple[int, int]
    distinct: tuple[int, int] | None
    least: tuple[Any, Any] | None
    largest: tuple[Any, Any] | None
    mean: tuple[float | None, float | None] | None


@dataclass(frozen=True)
class TableDiff:
    """What differs between two versions of a table.

    Attributes:
        table: The table.
        versions: The version before and the version after.
        rows: How many rows each has.
        added: How many rows only the version after has.
        removed: How many rows only the version before has.
        changed: How many rows both have by their key, with other values; 0 for a table without a key.
        new_columns: Columns that only the version after has.
        lost_columns: Columns that only the version before has.
        columns: Columns whose values are spread differently.
        examples: Under ``added``, ``removed`` and ``changed`` a few rows of each; a changed row has its key, and for
            each changed column the value before and after.
    """

    table: str
    versions: tuple[int, int]
    rows: tuple[int, int]
    added: int
    removed: int
    changed: int
    new_columns: tuple[str, ...]
    lost_columns: tuple[str, ...]
    columns: tuple[ColumnChange, ...]
    examples: dict[str, list[dict[str, Any]]]

    @property
    def is_empty(self) -> bool:
        """Whether the two versions have the same rows and columns."""
        return not (self.added or self.removed or self.changed or self.new_columns or self.lost_columns)


def diff(
    lake: Lake,
    table: str,
    before: int,
    after: int,
    *,
    key: Sequence[str] = (),
    examples: int = 3,
    progress: Progress = SILENT,
) -> TableDiff:
    """Compare two versions of a table.

    Args:
        lake: The lake.
        table: The table.
        before: The one version.
        after: The other one; need not be the later.
        key: The columns that tell one row from another, where the table is not in :data:`KEYS`; without any, a row that
            changed is one that was removed and one that was added.
        examples: How many rows of each kind to show.
        progress: Who listens.

    Raises:
        LakeError: There is no such table, or one of the versions cannot be read.
    """
    with progress.task(f"Comparing {table}", 3, "steps") as advance:
        old, new = lake.scan(table, version=before), lake.scan(table, version=after)
        had, has = old.collect_schema(), new.collect_schema()
        shared = [name for name in has if name in had]
        only_old, only_new = _different_rows(lake, table, (before, after), shared)
        advance(1)
        on = [name for name in KEYS.get(table, key) if name in shared]
        removed, added, changed = _sorted_out(only_old, only_new, on)
        advance(1)
        rows, columns = _spread(old, new, shared)
        advance(1)
    shown = {
        "added": added.head(examples).to_dicts(),
        "removed": removed.head(examples).to_dicts(),
        "changed": [_changed(row, on, shared) for row in changed.head(examples).to_dicts()],
    }
    return TableDiff(
        table=table,
        versions=(before, after),
        rows=rows,
        added=added.height,
        removed=removed.height,
        changed=changed.height,
        new_columns=tuple(name for name in has if name not in had),
        lost_columns=tuple(name for name in had if name not in has),
        columns=tuple(change for change in columns if _differs(change)),
        examples=shown,
    )


def _different_rows(
    lake: Lake, table: str, versions: tuple[int, int], columns: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that only the one version has, and those that only the other one has; equal rows count."""
    files = [lake.files(table, version=version) for version in versions]
    own = [files[0] - files[1], files[1] - files[0]]
    hashed = [
        lake.scan(table, version=version, only=only)
        .select(columns)
        .with_columns(pl.struct(columns).hash(_SEED).alias(_HASH))
        for version, only in zip(versions, own, strict=True)
    ]
    counts = [
        frame.group_by(_HASH).agg(pl.len().cast(pl.Int64).alias(_COUNT)).collect(engine="streaming") for frame in hashed
    ]
    return (
        _surplus(hashed[0], counts[0], counts[1]),
        _surplus(hashed[1], counts[1], counts[0]),
    )


def _surplus(rows: pl.LazyFrame, mine: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that there are more of here than there, as many as there are more."""
    more = (
        mine.join(theirs, on=_HASH, how="left", suffix=_BEFORE)
        .with_columns((pl.col(_COUNT) - pl.col(_COUNT + _BEFORE).fill_null(0)).alias(_COUNT))
        .filter(pl.col(_COUNT) > 0)
        .select(_HASH, _COUNT)
    )
    found = rows.join(more.lazy(), on=_HASH, how="inner").collect(engine="streaming")
    nth = pl.int_range(pl.len()).over(_HASH)
    return found.filter(nth < pl.col(_COUNT)).drop(_HASH, _COUNT)


def _sorted_out(
    old: pl.DataFrame, new: pl.DataFrame, key: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return what was removed, what was added, and what is in both by its key, in order of the key."""
    if not key:
        return old, new, new.clear()
    # A key that stands twice is told apart by its place among its equals.
    nth = pl.int_range(pl.len()).over(key).alias(_NTH)
    old, new, on = old.with_columns(nth), new.with_columns(nth), [*key, _NTH]
    removed, added = (a.join(b, on=on, how="anti").drop(_NTH).sort(key) for a, b in ((old, new), (new, old)))
    return removed, added, new.join(old, on=on, how="inner", suffix=_BEFORE).sort(key)


def _changed(row: dict[str, Any], key: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """Return the key of a changed row, and both values of each column that changed."""
    values = {name: [row[name + _BEFORE], row[name]] for name in columns if name not in key}
    return {name: row[name] for name in key} | {name: pair for name, pair in values.items() if pair[0] != pair[1]}


def _spread(old: pl.LazyFrame, new: pl.LazyFrame, columns: Sequence[str]) -> tuple[tuple[int, int], list[ColumnChange]]:
    """Return how many rows each version has, and how each column is spread in both."""
    rows = old.select(pl.len()).collect().item(), new.select(pl.len()).collect().item()
    before, after = (_measured(frame.select(columns), exactly=max(rows) <= _COUNTED) for frame in (old, new))

    def both(measure: str) -> tuple[Any, Any] | None:
        return (before[measure], after[measure]) if measure in after else None

    changes = [
        ColumnChange(
            name,
            (before[f"nulls {name}"], after[f"nulls {name}"]),
            both(f"distinct {name}"),
            both(f"least {name}"),
            both(f"largest {name}"),
            both(f"mean {name}"),
        )
        for name in columns
    ]
    return rows, changes


def _measured(frame: pl.LazyFrame, *, exactly: bool) -> dict[str, Any]:
    flat = ~(cs.list() | cs.array() | cs.struct())
    distinct = flat.n_unique() if exactly else flat.approx_n_unique()
    measures = (
        pl.all().null_count().name.prefix("nulls "),
        distinct.name.prefix("distinct "),
        flat.min().name.prefix("least "),
        flat.max().name.prefix("largest "),
        cs.numeric().mean().name.prefix("mean "),
    )
    return frame.select(*measures).collect(engine="streaming").row(0, named=True)


def _differs(change: ColumnChange) -> bool:
    # Two estimates of how many there are agree for equal columns, whatever the order of the rows; two means nearly do.
    exact = (change.nulls, change.distinct, change.least, change.largest)
    if any(pair is not None and pair[0] != pair[1] for pair in exact):
        return True
    before, after = change.mean or (None, None)
    return before != after and (before is None or after is None or not isclose(before, after, rel_tol=1e-9))
