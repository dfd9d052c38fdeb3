"""A version of a table in pieces, for whoever reads them in more than one process."""

from typing import Final

import polars as pl

from movie_mlops.lake.lake import Lake

MOST_ROWS: Final = 500_000
"""A larger file is read in more than one piece."""


def pieces(
    lake: Lake, table: str, *, version: int | None = None, most_rows: int = MOST_ROWS
) -> list[tuple[pl.LazyFrame, int]]:
    """Return the rows of a version as lazy frames, each of which can be sent elsewhere and be read by itself.

    Together, in this order, they are what :meth:`Lake.scan` reads: the same files by the same reader, so that columns
    that came later, lists, times with zones and nulls are the same, too. The log is read here, once.

    Args:
        lake: The lake.
        table: The table.
        version: The version; the newest by default.
        most_rows: Rows of a piece at most.

    Returns:
        The pieces, each with how many rows it has.

    Raises:
        LakeError: There is no such table or version, or it has lost a file.
    """
    return [
        (rows if many <= most_rows else rows.slice(start, most_rows), min(most_rows, many - start))
        for rows, many in lake.scan_apart(table, version=version)
        for start in range(0, many, most_rows)
    ]
