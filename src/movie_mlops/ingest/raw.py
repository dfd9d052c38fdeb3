"""Rows as a source gives them, before the contract."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

EXTRA = "extra:"
"""Stands before the name of a column that the contract does not know."""


@dataclass(frozen=True)
class Lane:
    """Rows of a text file that were read as numbers at once, without a look at each line.

    Attributes:
        frame: ``line`` and the columns, typed; a null where there was nothing, or nothing of that type.
        text: Line numbers (Int64) to those lines as text, laid out as :attr:`RawTable.frame`.
    """

    frame: pl.DataFrame
    text: Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True)
class RawTable:
    """Rows of one file, or of a part of it, under our column names but not yet checked.

    Attributes:
        frame: One row per row of the file. The columns are named by :mod:`movie_mlops.core.columns` and hold text or
            any plain type; those that the source does not know are left out. Besides the table's own columns it may
            have ``line`` (the line in the file, counted from 1; the row's number where it is left out), ``raw`` (the
            line as it stands), ``reason`` with ``detail`` (why the row could not even be split; null where it
            could), and columns that the contract does not know, under ``extra:<name>``.
        file: The file's name, as the quarantine shows it.
        value_scale: The lowest and highest rating of this source, stretched to the contract's; ``None``: as they are.
        placeholder: The rows are made up from identifiers alone; they never take the place of rows with facts.
        unknown: Names of all columns of the file that the contract does not know, whether ``frame`` has them or not.
        lane: More rows, beside those of ``frame``.
    """

    frame: pl.DataFrame
    file: str
    value_scale: tuple[float, float] | None = None
    placeholder: bool = False
    unknown: tuple[str, ...] = ()
    lane: Lane | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.frame.height + (self.lane.frame.height if self.lane else 0)
