"""What a contract is: columns, how each is read, and the checks that its values must keep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Final

import polars as pl

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.ingest.config import IngestConfig, Severity, TableModes

GIVEN: Final = "given:"
"""Stands before a column's name where the value is meant as the source gave it."""


@dataclass(frozen=True)
class Facts:
    """What the checks of one load compare with.

    Attributes:
        config: The limits.
        now: Nothing happens after this time.
        films: The film ids that exist (Int64).
        scale: The lowest and highest rating of the source, where they are to be stretched.
    """

    config: IngestConfig
    now: datetime
    films: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))
    scale: tuple[float, float] | None = None


@dataclass(frozen=True)
class Reading:
    """How a value of a file becomes a value of ours.

    Attributes:
        says: What it is, for people.
        parse: Column name and type in the file to an expression; null where a value cannot be read.
        takes: Types that are read besides text, as functions of a polars type.
        lane: The type in which clean text of this kind may be read at once; ``None`` where it needs a closer look.
        as_is: Whether nothing is left to do with what was read so.
    """

    says: str
    parse: Callable[[str, pl.DataType], pl.Expr]
    takes: tuple[Callable[[pl.DataType], bool], ...] = ()
    lane: pl.DataType | None = None
    as_is: bool = False

    def reads(self, dtype: pl.DataType) -> bool:
        """Return whether values of ``dtype`` can be read."""
        is_text = isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null)
        return is_text or any(takes(dtype) for takes in self.takes)


@dataclass(frozen=True)
class Check:
    """A reason to refuse a row, or to wonder about it.

    Attributes:
        reason: A stable word.
        says: The rule, for people.
        broken: True where a row breaks it, over parsed columns and the ``given:`` ones.
        detail: What exactly is wrong, as text over the same columns.
        may_warn: Whether a project may keep such rows and only count them.
        last: Whether it is looked at when nothing else is wrong.
    """

    reason: str
    says: str
    broken: Callable[[Facts], pl.Expr]
    detail: Callable[[Facts], pl.Expr]
    may_warn: bool = False
    last: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        reading: How it is read.
        unfit: Reason and words for a value that cannot be read; ``None`` where every text can.
        missing: The reason where a row has nothing here; ``None`` where it need not have.
        default: What rows have where the file has no such column.
        fills: Whether the default is also for rows that have nothing in it.
        checks: What its values must keep.
        personal: It tells of a person: its values are in no statistics and no report.
    """

    name: str
    reading: Reading
    unfit: tuple[str, str] | None = None
    missing: str | None = None
    default: Callable[[pl.Schema], pl.Expr] | None = None
    fills: bool = False
    checks: tuple[Check, ...] = ()
    personal: bool = False


@dataclass(frozen=True)
class Contract:
    """What a table takes.

    Attributes:
        table: The table.
        columns: Its columns that come from files.
        repeated: What a second row with the same key is told.
        required: Columns that every file must have.
    """

    table: str
    columns: tuple[Column, ...]
    repeated: str
    required: tuple[str, ...]

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)

    def checks(self) -> Mapping[str, Check]:
        """Return all checks by their reasons."""
        return {check.reason: check for column in self.columns for check in column.checks}

    def modes(self, config: IngestConfig) -> TableModes:
        """Return what the project chose for this table.

        Raises:
            ConfigurationError: It names a column or a reason that there is not, or one that cannot be a warning.
        """
        chosen: TableModes = getattr(config, self.table)
        names = [column.name for column in self.columns]
        for name in chosen.columns:
            if name not in names:
                raise _unknown(f"{self.table}.columns", name, names)
        may_warn = [reason for reason, check in self.checks().items() if check.may_warn]
        for reason in chosen.severities:
            if reason not in may_warn:
                raise _unknown(f"{self.table}.severities", reason, may_warn)
        return chosen

    def severities(self, config: IngestConfig) -> dict[str, Severity]:
        """Return every reason that may be a warning, with what the project made of it."""
        chosen = self.modes(config).severities
        return {reason: chosen.get(reason, Severity.ERROR) for reason, check in self.checks().items() if check.may_warn}


def describe(contract: Contract) -> list[dict[str, str]]:
    """Return the contract as rows for people: column, what it is, required or not, reasons to refuse."""
    rows = []
    for column in contract.columns:
        reasons = [column.missing, column.unfit[0] if column.unfit else None]
        checks = [f"`{check.reason}`{'*' if check.may_warn else ''} ({check.says})" for check in column.checks]
        rows.append(
            {
                "column": f"`{column.name}`",
                "is": column.reading.says + (" (personal)" if column.personal else ""),
                "required": "yes" if column.missing else "",
                "refused for": ", ".join([*(f"`{reason}`" for reason in reasons if reason), *checks]),
            }
        )
    return rows


def says(name: str, why: str) -> pl.Expr:
    """Return the text ``<name> <value as given> <why>``."""
    return pl.format("{} {} {}", pl.lit(name), pl.col(GIVEN + name).cast(pl.String), pl.lit(why))


def _unknown(place: str, name: str, known: list[str]) -> ConfigurationError:
    near = get_close_matches(name, known, n=1)
    rather = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
    return ConfigurationError(f"The contracts have nothing to choose at {place}.{name}.", next_step=rather)
