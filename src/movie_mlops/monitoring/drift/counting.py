"""Columns counted batch by batch, and the votes of users on their cells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.monitoring.drift.errors import DriftError
from movie_mlops.monitoring.drift.numbers import Histogram, floors_of
from movie_mlops.monitoring.drift.tally import Tally

MOST_DIFFERENT: Final = 20_000
"""A column of more names than this is one of ids: what is counted of it would have no bound."""

What = Literal["numbers", "names", "nothing"]


@dataclass(frozen=True)
class Group:
    """Columns that are compared row by row, and what makes their rows belong together.

    Attributes:
        name: What the rows are, such as ``users``.
        batches: The rows; several frames of the same columns, of which one is looked at after the other.
        owner: The column that names whose each row is, where rows of one user have something in common; then all
            batches are held at once. ``None``: each row is independent.
        of_length: Whether the columns depend on how long the window is, as with what users did in it.
    """

    name: str
    batches: Iterable[pl.DataFrame]
    owner: str | None = None
    of_length: bool = False


@dataclass
class ColumnCount:
    """What was counted of one column.

    Attributes:
        what: Whether it holds numbers or names; nothing where no row has a value.
        rows: How many rows there are.
        missing: How many of them have no value: null, NaN, or no finite number.
        histogram: The numbers.
        low: The least number; infinite where there is none.
        high: The greatest.
        names: How many rows each name has.
        overflown: Whether there were too many names, so that not all were counted.
    """

    what: What = "nothing"
    rows: int = 0
    missing: int = 0
    histogram: Histogram = field(default_factory=lambda: Histogram(np.zeros(0, np.int64), np.zeros(0, np.int64)))
    low: float = np.inf
    high: float = -np.inf
    names: dict[str, int] = field(default_factory=dict)
    overflown: bool = False

    @classmethod
    def of(cls, column: pl.Series) -> Self:
        """Count the rows of one batch.

        Raises:
            DriftError: It holds neither numbers nor names.
        """
        found = cls(rows=len(column))
        if column.dtype == pl.Null:
            found.missing = found.rows
        elif (numbers := numbers_of(column)) is not None:
            finite = numbers[np.isfinite(numbers)] if column.dtype.is_float() or column.null_count() else numbers
            found.missing = found.rows - finite.size
            if finite.size:
                found.what, found.histogram = "numbers", Histogram.of(finite)
                found.low, found.high = float(finite.min()) + 0.0, float(finite.max()) + 0.0
        else:
            counted = names_of(column).drop_nulls().value_counts()
            found.missing = column.null_count()
            if counted.height:
                found.what = "names"
                found._keep(dict(counted.rows()))
        return found

    def merge(self, other: "ColumnCount") -> "ColumnCount":
        """Return the counts of both batches together.

        Raises:
            DriftError: One has numbers and the other names.
        """
        whats = {self.what, other.what} - {"nothing"}
        if len(whats) > 1:
            raise DriftError(
                "A column has numbers in one batch and names in another.", next_step="Cast the column first."
            )
        both = ColumnCount(
            what=whats.pop() if whats else "nothing",
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            histogram=self.histogram.merge(other.histogram),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            overflown=self.overflown or other.overflown,
        )
        names = dict(self.names)
        for name, count in other.names.items():
            names[name] = names.get(name, 0) + count
        both._keep(names)
        return both

    def _keep(self, names: dict[str, int]) -> None:
        if len(names) > MOST_DIFFERENT:
            self.overflown = True
            names = {}
        self.names = names


@dataclass(frozen=True)
class Counted:
    """A column that was counted, and its rows where they belong to users.

    Attributes:
        count: The counts.
        rows: The rows; ``None`` where each is independent.
        owners: int64[rows], whose each is.
    """

    count: ColumnCount
    rows: pl.Series | None = None
    owners: NDArray[np.int64] | None = None


def counted(group: Group) -> dict[str, Counted]:
    """Return each column but the owner's, counted.

    Raises:
        DriftError: A column holds neither numbers nor names.
    """
    counts: dict[str, ColumnCount] = {}
    kept = []
    for batch in group.batches:
        for name in batch.columns:
            if name == group.owner:
                continue
            try:
                count = ColumnCount.of(batch[name])
                counts[name] = counts[name].merge(count) if name in counts else count
            except DriftError as error:
                raise DriftError(f"{group.name}, {name}: {error.problem}", next_step=error.next_step) from error
        if group.owner is not None:
            kept.append(batch)
    if group.owner is None or not kept:
        return {name: Counted(count) for name, count in counts.items()}
    frame = pl.concat(kept)
    owners = _owners(frame[group.owner])
    return {name: Counted(count, frame[name], owners) for name, count in counts.items()}


def numbers_of(column: pl.Series) -> NDArray[np.float64] | None:
    """Return float64[rows], NaN where there is no value; ``None`` where the column holds names.

    Raises:
        DriftError: It holds neither.
    """
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64).to_numpy()
    if column.dtype in {pl.String, pl.Categorical, pl.Enum}:
        return None
    raise DriftError(
        f"A column of {column.dtype} can be compared neither as numbers nor as names.",
        next_step="Cast it, or leave it out.",
    )


def names_of(column: pl.Series) -> pl.Series:
    """Return a column of names as text."""
    return column.alias("name") if column.dtype == pl.String else column.cast(pl.String).alias("name")


def _owners(column: pl.Series) -> NDArray[np.int64]:
    """Return int64[rows], whose each row is, numbered from 0; a row of nobody is on its own."""
    nobody = column.is_null().to_numpy()
    owners = column.rank("dense").fill_null(0).cast(pl.Int64).to_numpy().copy()
    owners[nobody] = int(owners.max(initial=0)) + 1 + np.arange(int(nobody.sum()))
    return owners


def number_cells(column: pl.Series, edges: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return int64[rows with a number] and bool[rows]: the cell of each number, and which rows have one."""
    numbers = numbers_of(column)
    assert numbers is not None
    has = np.isfinite(numbers)
    return np.searchsorted(edges, floors_of(numbers[has]), side="right").astype(np.int64), has


def name_cells(column: pl.Series, known: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the same of names: each known one has a cell, all others share the last."""
    names = names_of(column)
    has = names.is_not_null().to_numpy()
    places = {name: place for place, name in enumerate(known)}
    cells = names.drop_nulls().replace_strict(places, default=len(places), return_dtype=pl.Int64).to_numpy()
    return cells.astype(np.int64), has


def missing_tally(column: Counted, has: NDArray[np.bool_] | None) -> Tally:
    """Return the votes on having a value and on having none."""
    if has is None or column.owners is None:
        return Tally.of_rows(np.array([column.count.rows - column.count.missing, column.count.missing], np.int64))
    return Tally.of_users((~has).astype(np.int64), column.owners, 2)


def name_counts(names: Mapping[str, int], known: Sequence[str]) -> NDArray[np.int64]:
    """Return int64[known + 1], how many rows each known name has, and how many all others."""
    own = np.array([names.get(name, 0) for name in known], np.int64)
    return np.append(own, sum(names.values()) - int(own.sum()))
