"""What a file's columns are and are not, compared with the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from movie_mlops.ingest.config import Mode, TableModes
from movie_mlops.ingest.contract import Contract
from movie_mlops.ingest.errors import ContractError
from movie_mlops.ingest.raw import EXTRA, RawTable

What = Literal["new_column", "missing_column", "changed_type"]


@dataclass(frozen=True)
class Change:
    """A column that is not as the contract declares it.

    Attributes:
        what: What is the matter.
        column: Which column.
        mode: What becomes of it.
        sentence: The same for people.
    """

    what: What
    column: str
    mode: Mode
    sentence: str

    @property
    def reason(self) -> str:
        """The reason of rows that are refused for it."""
        return self.what.replace("_", "-")

    @property
    def per_row(self) -> bool:
        """Whether rows must be looked at one by one for it."""
        return self.mode is Mode.DISCARD_ROW or (self.what == "new_column" and self.mode is Mode.EVOLVE)


def changes_of(raw: RawTable, contract: Contract, modes: TableModes) -> tuple[Change, ...]:
    """Return what is not as the contract declares it, with what becomes of it.

    Raises:
        ContractError: A change is frozen, or a column that every file must have is not there.
    """
    types = raw.lane.frame.schema if raw.lane else raw.frame.schema
    changes = [
        Change("new_column", name, modes.new_column, f"the contract has no column {name}") for name in raw.unknown
    ]
    for column in contract.columns:
        name, mode = column.name, modes.mode("missing_column", column.name)
        if name not in types:
            if name in contract.required:
                raise ContractError(
                    f"{raw.file} has no column {name}, which every row of {contract.table} must have.",
                    next_step=f"Say which of its columns it is, for example --column {name}=<its name in the file>",
                )
            changes.append(Change("missing_column", name, mode, f"there is no column {name}"))
        elif not column.reading.reads(types[name]):
            told = f"{name} is {types[name]}, not {column.reading.says}"
            changes.append(Change("changed_type", name, modes.mode("changed_type", name), told))
    for change in changes:
        if change.mode is Mode.FREEZE:
            raise ContractError(
                f"{raw.file} does not keep the contract of {contract.table}: {change.sentence}; nothing was written.",
                next_step=f"Correct the file, or choose another {change.what} in config/contracts.yaml.",
            )
    return tuple(changes)


def without(frame: pl.DataFrame, changes: Sequence[Change]) -> pl.DataFrame:
    """Return the frame with nothing in it that cannot be read: columns of a changed type are text, or gone."""
    types = frame.schema
    # As text every value is read by the contract's rules, or found unfit: nothing is converted silently.
    cast = [
        _as_text(change.column, types[change.column])
        for change in changes
        if change.what == "changed_type" and change.column in types
    ]
    dropped = [
        change.column if change.what == "changed_type" else EXTRA + change.column
        for change in changes
        if change.mode is Mode.DISCARD_VALUE and change.what != "missing_column"
    ]
    return frame.with_columns(cast).drop(dropped, strict=False)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Binary:
        return column.bin.encode("hex").alias(name)
    if dtype.is_nested():
        return pl.struct(column).struct.json_encode().alias(name)
    return column.cast(pl.String)
