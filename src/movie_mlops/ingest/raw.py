"""Rows as a source gives them, before the contract."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class RawTable:
    """Rows of one file, under our column names but not yet checked.

    Attributes:
        frame: One row per row of the file. The columns are named by :mod:`movie_mlops.core.columns` and hold text or
            any plain type; those that the source does not know are left out. Besides the table's own columns it may
            have ``line`` (the line in the file, counted from 1; the row's number where it is left out), ``raw`` (the
            line as it stands), and ``reason`` with ``detail`` (why the row could not even be split; null where it
            could).
        file: The file's name, as the quarantine shows it.
        value_scale: The lowest and highest rating of this source, stretched to the contract's; ``None``: as they are.
        placeholder: The rows are made up from identifiers alone; they never take the place of rows with facts.
    """

    frame: pl.DataFrame
    file: str
    value_scale: tuple[float, float] | None = None
    placeholder: bool = False
