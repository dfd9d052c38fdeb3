"""What ingest may be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from movie_mlops.security.people import Purpose, Stance


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source.

    Attributes:
        columns: Our column name to the file's (``{"user_id": "client"}``), for ``file:`` sources;
            well-known names are recognised by themselves.
        movies: A second file with the films of a ``file:`` source: CSV, Parquet or MovieLens' ``movies.dat``.
        movie_columns: The same as ``columns``, for the file of films.
        users: A third file with what is known of the users of a ``file:`` source: CSV or Parquet.
        user_columns: The same as ``columns``, for the file of users.
        value_scale: The lowest and the highest rating that a ``file:`` source uses, to be stretched to 0.5 to 5;
            ``None`` takes ratings as they are.
        dataset: The data set's name for a ``file:`` source; when ``None`` the file's own, or its folder's where the
            file has a name like ``ratings.csv``.
        movielens_url: The folder of the official MovieLens downloads.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    movies: Path | None = None
    movie_columns: Mapping[str, str] = field(default_factory=dict)
    users: Path | None = None
    user_columns: Mapping[str, str] = field(default_factory=dict)
    value_scale: tuple[float, float] | None = None
    dataset: str | None = None
    movielens_url: str = "https://files.grouplens.org/datasets/movielens"


class Mode(StrEnum):
    """What becomes of something that the contract does not have a place for."""

    EVOLVE = "evolve"
    FREEZE = "freeze"
    DISCARD_ROW = "discard-row"
    DISCARD_VALUE = "discard-value"


class Severity(StrEnum):
    """What a broken check does to its row."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class ColumnModes:
    """The modes of one column, where they differ from its table's.

    Attributes:
        missing_column: The file does not have the column.
        changed_type: The file has the column in a type that the contract does not read.
        unfit_value: A value cannot be read as the column's type.
    """

    missing_column: Mode | None = None
    changed_type: Mode | None = None
    unfit_value: Mode | None = None


@dataclass(frozen=True)
class TableModes:
    """What a project chooses for one table.

    Attributes:
        new_column: The file has a column that the contract does not know.
        missing_column: The file lacks a column that the contract knows and does not require.
        changed_type: A column has a type that the contract does not read.
        unfit_value: A value cannot be read as its column's type.
        columns: Modes of single columns.
        severities: Reason to severity, for checks that may be mere warnings; the others keep theirs.
    """

    new_column: Mode = Mode.DISCARD_VALUE
    missing_column: Mode = Mode.EVOLVE
    changed_type: Mode = Mode.FREEZE
    unfit_value: Mode = Mode.DISCARD_ROW
    columns: Mapping[str, ColumnModes] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)

    def mode(self, change: str, column: str | None = None) -> Mode:
        """Return the mode for a change (``new_column``, ``missing_column`` …) of a column."""
        own: Mode | None = getattr(self.columns.get(column or ""), change, None)
        chosen: Mode = own or getattr(self, change)
        return chosen


@dataclass(frozen=True)
class IngestConfig:
    """What the contracts accept, and how a load goes; ``config/contracts.yaml`` is this, written out.

    Attributes:
        rating_min: The lowest rating, in stars.
        rating_max: The highest rating, in stars.
        earliest: No interaction happened before this time; none happens in the future.
        first_year: No film is older.
        years_ahead: How many years in advance a film may be announced.
        interactions: Modes and severities of the table of interactions.
        movies: Modes and severities of the table of films.
        users: Modes of the table of users.
        pseudonyms: Whether users are known by keyed hashes of their ids, at every door.
        consent: What holds of somebody who said nothing of a purpose; assumed where it is left out.
        overlap_days: An incremental load begins this many days before the newest interaction that it knows.
        attempts: How often a commit is tried when other writers are faster.
        chunk_bytes: How much of a text file is in memory at once.
        chunk_rows: How many rows of a Parquet file are in memory at once.
    """

    rating_min: float = 0.5
    rating_max: float = 5.0
    earliest: datetime = datetime(1990, 1, 1, tzinfo=UTC)
    first_year: int = 1870
    years_ahead: int = 10
    interactions: TableModes = field(default_factory=TableModes)
    movies: TableModes = field(default_factory=TableModes)
    users: TableModes = field(default_factory=TableModes)
    pseudonyms: bool = False
    consent: Mapping[Purpose, Stance] = field(default_factory=lambda: dict.fromkeys(Purpose, Stance.ASSUMED))
    overlap_days: float = 7.0
    attempts: int = 20
    chunk_bytes: int = 32 << 20
    chunk_rows: int = 1_000_000
