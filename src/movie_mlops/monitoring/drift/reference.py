"""What is remembered of the data that a model was trained on, so that later windows can be compared with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.monitoring.drift.counting import (
    Counted,
    Group,
    counted,
    missing_tally,
    name_cells,
    name_counts,
    number_cells,
)
from movie_mlops.monitoring.drift.errors import DriftError
from movie_mlops.monitoring.drift.names import NameSketch
from movie_mlops.monitoring.drift.numbers import NumberSketch
from movie_mlops.monitoring.drift.tally import Tally

FORMAT: Final = 1
"""Version of what is kept; another one is not compared with."""

CELLS: Final = 10
"""Numbers are compared in so many cells, each of which had about equally many rows."""

MOST_CELLS: Final = 30
"""Names are compared in so many cells at most; the rarer ones share one."""

LEAST_OF_NAME: Final = 100
"""Where there are more names, those with a cell have so many rows: of rarer ones the luckiest would be chosen, and be
found to have become rarer since."""

SHARES: Final = np.linspace(0.1, 0.9, 9)
"""Where quantiles are kept."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnReference:
    """What is remembered of a column.

    Attributes:
        rows: How many rows there were.
        missing: How many of them had no value.
        sketch: The numbers or names; ``None`` where no row had a value.
        edges: float64[cells - 1] of numbers, where the next cell begins; empty for names.
        cells: Which names have a cell each; empty for numbers.
        tally: The votes on the cells.
        without: The votes on having a value, and on having none.
        quantiles: float64[9] of numbers; empty for names.
        unseen: Of names: how large a share of later rows may well have names that nobody had met, with no change.
    """

    rows: int
    missing: int
    sketch: NumberSketch | NameSketch | None
    edges: Floats
    cells: tuple[str, ...]
    tally: Tally
    without: Tally
    quantiles: Floats
    unseen: float = 1.0

    @property
    def what(self) -> str:
        """Whether it held numbers, names or nothing."""
        if self.sketch is None:
            return "nothing"
        return "numbers" if isinstance(self.sketch, NumberSketch) else "names"

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "rows": self.rows,
            "missing": self.missing,
            "what": self.what,
            "sketch": None if self.sketch is None else self.sketch.to_json(),
            "edges": self.edges.tolist(),
            "cells": list(self.cells),
            "tally": self.tally.to_json(),
            "without": self.without.to_json(),
            "quantiles": self.quantiles.tolist(),
            "unseen": round(self.unseen, 6),
        }

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """Return what :meth:`to_json` told."""
        sketch: NumberSketch | NameSketch | None = None
        if told["what"] != "nothing":
            sketch = (NumberSketch if told["what"] == "numbers" else NameSketch).from_json(told["sketch"])
        return cls(
            rows=int(told["rows"]),
            missing=int(told["missing"]),
            sketch=sketch,
            edges=np.array(told["edges"], np.float64),
            cells=tuple(told["cells"]),
            tally=Tally.from_json(told["tally"]),
            without=Tally.from_json(told["without"]),
            quantiles=np.array(told["quantiles"], np.float64),
            unseen=float(told["unseen"]),
        )


@dataclass(frozen=True)
class GroupReference:
    """What is remembered of a group of columns.

    Attributes:
        of_length: Whether they depend on how long the window was.
        columns: Each column by its name.
    """

    of_length: bool
    columns: Mapping[str, ColumnReference]


@dataclass(frozen=True)
class Reference:
    """What is remembered of the window that later ones are compared with.

    Attributes:
        days: How long it was.
        began: When it began, in microseconds since 1970.
        ended: When it ended: the newest row's time.
        groups: What was in it, by the name of the group.
    """

    days: float
    began: int
    ended: int
    groups: Mapping[str, GroupReference]

    @classmethod
    def of(cls, groups: Sequence[Group], *, days: float, began: int = 0, ended: int = 0) -> Self:
        """Remember a window.

        Raises:
            DriftError: A column holds neither numbers nor names.
        """
        found = {}
        for group in groups:
            # A column of ids is none that could drift.
            wanted = {name: column for name, column in counted(group).items() if not column.count.overflown}
            columns = {name: _column(column) for name, column in wanted.items()}
            found[group.name] = GroupReference(group.of_length, columns)
        return cls(float(days), began, ended, found)

    def to_bytes(self) -> bytes:
        """Return it as JSON; the same rows in any order give the same bytes."""
        document = {
            "format": FORMAT,
            "days": self.days,
            "began": self.began,
            "ended": self.ended,
            "groups": {
                name: {
                    "of_length": group.of_length,
                    "columns": {column: each.to_json() for column, each in group.columns.items()},
                }
                for name, group in self.groups.items()
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return what :meth:`to_bytes` wrote.

        Raises:
            DriftError: It is something else.
        """
        try:
            told = json.loads(raw)
            if told["format"] != FORMAT:
                raise DriftError(
                    f"What is remembered of the training data has format {told['format']}, and this version reads"
                    f" {FORMAT}.",
                    next_step="Train again: movie-mlops run",
                )
            groups = {
                name: GroupReference(
                    bool(group["of_length"]),
                    {column: ColumnReference.from_json(each) for column, each in group["columns"].items()},
                )
                for name, group in told["groups"].items()
            }
            return cls(float(told["days"]), int(told["began"]), int(told["ended"]), groups)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DriftError(
                f"What is remembered of the training data cannot be read ({error!r}).",
                next_step="Train again: movie-mlops run",
            ) from error


def votes(column: Counted, *, edges: Floats, names: Sequence[str]) -> tuple[Tally, NDArray[np.bool_] | None]:
    """Return the votes on the cells of a column, and which rows have a value where rows have owners."""
    count, numbers = column.count, column.count.what == "numbers"
    if column.rows is None or column.owners is None:
        return Tally.of_rows(count.histogram.cells(edges) if numbers else name_counts(count.names, names)), None
    cells, has = number_cells(column.rows, edges) if numbers else name_cells(column.rows, names)
    return Tally.of_users(cells, column.owners[has], (edges.size if numbers else len(names)) + 1), has


def _column(column: Counted) -> ColumnReference:
    count, empty = column.count, np.zeros(0)
    edges, quantiles, unseen = empty, empty, 1.0
    names: tuple[str, ...] = ()
    sketch: NumberSketch | NameSketch
    if count.what == "nothing":
        none = Tally.of_rows(np.zeros(1, np.int64))
        has = None if column.rows is None else np.zeros(len(column.rows), np.bool_)
        return ColumnReference(count.rows, count.missing, None, empty, (), none, missing_tally(column, has), empty)
    if count.what == "numbers":
        edges, quantiles = count.histogram.edges(CELLS), count.histogram.quantiles(SHARES)
        sketch = NumberSketch.of(count.histogram, count.low, count.high)
    else:
        told = NameSketch.of(count.names.items())
        sketch, names, unseen = told, _with_cells(told), _unseen(told, column)
    tally, has = votes(column, edges=edges, names=names)
    without = missing_tally(column, has)
    return ColumnReference(count.rows, count.missing, sketch, edges, names, tally, without, quantiles, unseen)


def _with_cells(sketch: NameSketch) -> tuple[str, ...]:
    if not sketch.other and len(sketch.counts) <= MOST_CELLS:
        return tuple(sorted(sketch.counts))
    ranked = sorted(sketch.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(sorted(name for name, count in ranked[:MOST_CELLS] if count >= LEAST_OF_NAME))


def _unseen(sketch: NameSketch, column: Counted) -> float:
    if sketch.other:
        # Not all names are known: what is new cannot be told.
        return 1.0
    if column.rows is None or column.owners is None:
        return sketch.unseen()
    # A name that one user has many times says no more than one that they have once.
    pairs = pl.DataFrame({"name": column.rows.cast(pl.String), "owner": column.owners}).drop_nulls().unique()
    return NameSketch.of(pairs["name"].value_counts().rows()).unseen()
