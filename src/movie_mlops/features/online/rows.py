"""A row of features, and how it is packed: eight bytes for each value, behind the mark of its definition."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import compress
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import polars as pl

from movie_mlops.core.clock import from_microseconds, microseconds
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.fold import Value
from movie_mlops.features.timeline import NO_TIME

Unread = Literal["outdated", "corrupt"]
"""Why packed bytes give no row: another definition wrote them, or they are damaged."""

Condition = Literal["fresh", "stale", "unknown", "outdated", "corrupt"]
"""What became of a row: only a fresh one has values."""

Key = str | int | tuple[str, int]
"""A user, a film, or both."""


class Row(NamedTuple):
    """One row of a view, as it is served.

    Attributes:
        view: Which view.
        key: Whose row.
        names: The features, in order.
        values: Their values; ``None`` unless the row is fresh.
        condition: ``fresh``; ``unknown``: nobody met it, or nothing is materialised yet; ``stale``: it was written
            longer ago than the view's time-to-live; ``outdated``: by another definition; ``corrupt``: it is damaged.
        moment: The time as of which the values are, in microseconds since 1970.
        written: When it was written, in microseconds since 1970.
        stamp: The place in the event log up to which it holds everything.
    """

    view: str
    key: Key
    names: tuple[str, ...]
    values: tuple[Value, ...] | None
    condition: Condition
    moment: int | None = None
    written: int | None = None
    stamp: int = 0

    @property
    def at(self) -> datetime | None:
        """The time as of which the values are."""
        return None if self.moment is None else from_microseconds(self.moment)

    @property
    def written_at(self) -> datetime | None:
        """When it was written."""
        return None if self.written is None else from_microseconds(self.written)

    def to_dict(self) -> dict[str, Value]:
        """Return feature name to value; nothing unless the row is fresh."""
        return {} if self.values is None else dict(zip(self.names, self.values, strict=True))


_MARK: Final = 8
_EIGHT: Final = 8
_EPOCH: Final = from_microseconds(0)
_AT: Final = struct.Struct("<q")
CHECK: Final = struct.Struct("<I")
"""How a check sum stands behind what it is of."""

RESIDUE: Final = zlib.crc32(CHECK.pack(zlib.crc32(b"")))
"""The check sum of anything that ends with its own check sum."""


class RowFormat:
    """The packed form of one view's rows.

    Args:
        view: Whose.
    """

    def __init__(self, view: FeatureView) -> None:
        self.view = view
        self.mark: Final = bytes.fromhex(view.digest())[:_MARK]
        whole = [not feature.dtype.is_float() for feature in view.features]
        # What stands where there is no value.
        self._empty = [NO_TIME if each else float("nan") for each in whole]
        fields = "".join("q" if each else "d" for each in whole)
        self._struct = struct.Struct(f"<{_MARK}sq{fields}")
        self._size = self._struct.size + CHECK.size
        self._fractions = [place for place, each in enumerate(whole) if not each]
        self._times = [place for place, feature in enumerate(view.features) if feature.dtype.is_temporal()]
        self._counts = [place for place, each in enumerate(whole) if each and place not in self._times]
        self._record = np.dtype(
            [
                ("mark", f"S{_MARK}"),
                ("at", "<i8"),
                *((feature.name, "<i8" if each else "<f8") for feature, each in zip(view.features, whole, strict=True)),
            ]
        )

    def pack(self, values: Mapping[str, Value], at: datetime) -> bytes:
        """Return a row as bytes.

        Args:
            values: Every feature, in order.
            at: The time as of which they are.
        """
        given: list[Any] = list(values.values())
        for place in self._times:
            if given[place] is not None:
                given[place] = microseconds(given[place])
        numbers = [empty if value is None else value for value, empty in zip(given, self._empty, strict=True)]
        body = self._struct.pack(self.mark, microseconds(at), *numbers)
        return body + CHECK.pack(zlib.crc32(body))

    def pack_all(self, frame: pl.DataFrame, at: datetime) -> Iterator[bytes]:
        """Yield the rows of a frame with the view's columns, in its order."""
        records = np.zeros(frame.height, self._record)
        records["at"] = microseconds(at)
        for feature in self.view.features:
            column = frame[feature.name]
            if feature.dtype.is_float():
                records[feature.name] = column.fill_null(float("nan")).to_numpy()
            else:
                records[feature.name] = column.to_physical().fill_null(NO_TIME).to_numpy()
        for start in range(0, records.nbytes, self._record.itemsize):
            # NumPy cuts zeros off the end of bytes, so that the mark is put in here.
            body = self.mark + records.data.cast("B")[start + _MARK : start + self._record.itemsize]
            yield body + CHECK.pack(zlib.crc32(body))

    def at(self, packed: bytes) -> int:
        """Return the time as of which a row is, in microseconds; the beginning of time for what is none of ours."""
        return _AT.unpack_from(packed, _MARK)[0] if packed[:_MARK] == self.mark else NO_TIME

    def unpack_all(self, packed: Sequence[bytes]) -> list[tuple[int, tuple[Value, ...]] | Unread]:
        """Return the time (microseconds since 1970) and the values of each row, in the features' order, or why not."""
        size, mark, check = self._size, self.mark, zlib.crc32
        whole = [len(row) == size and row[:_MARK] == mark and check(row) == RESIDUE for row in packed]
        rows = self._values(list(compress(packed, whole)))
        return [next(rows) if good else self._unread(row) for row, good in zip(packed, whole, strict=True)]

    def unpack(self, packed: bytes) -> tuple[int, tuple[Value, ...]] | Unread:
        """Return one row; see :meth:`unpack_all`."""
        return self.unpack_all([packed])[0]

    def _values(self, packed: list[bytes]) -> Iterator[tuple[int, tuple[Value, ...]]]:
        """Return what whole rows of this definition say; by columns, which for a hundred rows is the faster way."""
        if not packed:
            return iter(())
        shape = (len(packed), 1 + len(self.view.features))
        numbers = np.ndarray(shape, "<i8", b"".join(packed), _MARK, (self._size, _EIGHT)).T.copy()
        columns: list[list[Any]] = [[]] * len(self.view.features)
        for place, column in zip(self._counts, numbers[1:][self._counts].tolist(), strict=True):
            columns[place] = column
        fractions = numbers[1:][self._fractions].view("<f8")
        missing = np.isnan(fractions).any(axis=1).tolist()
        for place, column, misses in zip(self._fractions, fractions.tolist(), missing, strict=True):
            # NaN alone differs from itself.
            columns[place] = [each if each == each else None for each in column] if misses else column  # noqa: PLR0124
        for place in self._times:
            # NumPy takes NO_TIME for no time too.
            since = numbers[1 + place].view("m8[us]").tolist()
            columns[place] = [None if each is None else _EPOCH + each for each in since]
        return zip(numbers[0].tolist(), zip(*columns, strict=True), strict=True)

    def _unread(self, packed: bytes) -> Unread:
        other = len(packed) >= _MARK + CHECK.size and packed[:_MARK] != self.mark
        return "outdated" if other and zlib.crc32(packed) == RESIDUE else "corrupt"
