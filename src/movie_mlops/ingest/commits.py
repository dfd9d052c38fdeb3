"""Writes to the lake that keep to what was decided before them: read, decide, commit as the next version, or again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.lake import SCHEMAS, ConflictError, Lake

T = TypeVar("T")

QUARANTINE_PLACE: Final = (c.SOURCE, c.TABLE, c.FILE, c.LINE, c.RAW)
"""What tells one refused row from another: where it stands and what it says, not why it was refused."""

ATTEMPTS: Final = 20
"""How often a commit is tried where nobody chose."""


def again(work: Callable[[], T], *, attempts: int) -> T:
    """Do ``work`` until no other writer was faster, at most ``attempts`` times.

    Raises:
        ConflictError: Others were faster every time.
    """
    for _ in range(attempts - 1):
        try:
            return work()
        except ConflictError:
            continue
    return work()


def append_once(
    lake: Lake,
    table: str,
    rows: pl.DataFrame,
    *,
    on: Sequence[str],
    note: Mapping[str, str],
    attempts: int = ATTEMPTS,
) -> int:
    """Append the rows that the table does not have yet, in one commit; return how many.

    A table that does not exist is made, also for no rows.

    Args:
        lake: The lake.
        table: The table.
        rows: The rows; columns that are missing are null.
        on: The columns that tell one row from another; null equals null.
        note: What to leave with the commit.
        attempts: How often to try when other writers are faster.
    """
    if rows.is_empty() and lake.version(table) is not None:
        return 0
    rows = typed(rows, table)

    def work() -> int:
        version = lake.version(table)
        new = rows
        if version is not None:
            held = lake.scan(table, version=version).filter(pl.col(c.SOURCE).is_in(rows[c.SOURCE].unique().implode()))
            new = rows.join(held.select(on).collect(), on=on, how="anti", nulls_equal=True, maintain_order="left")
        if version is None or not new.is_empty():
            lake.append(table, new, note=note, after=version)
        return new.height

    return again(work, attempts=attempts)


def typed(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Return the rows with exactly the table's columns; those that are missing are null."""
    schema = SCHEMAS[table]
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )
