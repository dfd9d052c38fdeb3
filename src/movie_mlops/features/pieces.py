"""Interactions in pieces that fit into memory: what hangs on one entity alone needs no other's beside it."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from movie_mlops.core.columns import EVENT_ID, SOURCE
from movie_mlops.core.memory import available_memory_bytes

_BYTES_A_ROW: Final = 600
"""About what computing features takes for an interaction; 'movie-mlops bench scale' measures the whole."""
_SHARE: Final = 8
"""This part of the memory that is left is taken."""
_LEAST: Final = 500_000


def rows_that_fit(memory: int | None = None) -> int:
    """Return how many interactions may be computed with at once.

    Args:
        memory: In so many bytes, taken at their word; ``None`` goes by what the machine or its container has left.
    """
    if memory is not None:
        return max(1, memory // _BYTES_A_ROW)
    return max(_LEAST, available_memory_bytes() // _SHARE // _BYTES_A_ROW)


def pieces(
    interactions: pl.LazyFrame, by: str, *, memory: int | None = None, most: int | None = None
) -> Iterator[pl.LazyFrame]:
    """Yield interactions in pieces of whole entities, in the order of the entities.

    Each is read once, without the columns that no feature asks for; all at once are left to be read as they are needed.

    Args:
        interactions: Rows of the table ``interactions``.
        by: The entities' key.
        memory: What :func:`rows_that_fit` goes by.
        most: About so many rows in a piece, one entity at least; by default as many as fit into memory.

    Returns:
        At least one piece, which is then everything.
    """
    most = rows_that_fit(memory) if most is None else most
    if interactions.select(pl.len()).collect().item() <= most:
        yield interactions
        return
    # Streamed: of everybody's interactions, only how many there are is held.
    rows = interactions.group_by(by).len().collect(engine="streaming").sort(by)
    number = (pl.col("len").cast(pl.Int64).cum_sum() - 1) // most
    ends = rows.group_by(number.alias("piece"), maintain_order=True).agg(
        pl.col(by).first().alias("first"), pl.col(by).last().alias("last")
    )
    for first, last in ends.select("first", "last").iter_rows():
        piece = interactions.filter(pl.col(by).is_between(pl.lit(first), pl.lit(last)))
        yield piece.select(pl.exclude(EVENT_ID, SOURCE)).collect().lazy()
