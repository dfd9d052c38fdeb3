"""How a row of features is packed: eight bytes for each value, behind the mark of its definition."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, Literal

import numpy as np
import polars as pl

from movie_mlops.core.clock import from_microseconds, microseconds
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.fold import Value
from movie_mlops.features.timeline import NO_TIME

Unread = Literal["outdated", "corrupt"]
"""Why packed bytes give no row: another definition wrote them, or they are damaged."""

_MARK: Final = 8
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
        self._struct = struct.Struct(f"<{_MARK}sq" + "".join("q" if each else "d" for each in whole))
        self._size = self._struct.size + CHECK.size
        self._times = [place for place, feature in enumerate(view.features) if feature.dtype.is_temporal()]
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
            values: Every feature.
            at: The time as of which they are.
        """
        body = self._struct.pack(
            self.mark,
            microseconds(at),
            *(_number(values[f.name], whole=not f.dtype.is_float()) for f in self.view.features),
        )
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

    def unpack(self, packed: bytes) -> tuple[int, tuple[Value, ...]] | Unread:
        """Return the time (microseconds since 1970) and the values of a row, in the features' order, or why not."""
        # What is right is looked for first: a hundred rows are read at once.
        if len(packed) != self._size or zlib.crc32(packed) != RESIDUE:
            other = len(packed) >= _MARK + CHECK.size and packed[:_MARK] != self.mark
            return "outdated" if other and zlib.crc32(packed) == RESIDUE else "corrupt"
        mark, at, *values = self._struct.unpack_from(packed)
        if mark != self.mark:
            return "outdated"
        plain: list[Value] = values
        # A sum is NaN where any of its numbers is, and NaN alone differs from itself.
        if (total := sum(values)) != total:
            plain = [value if value == value else None for value in values]  # noqa: PLR0124
        for place in self._times:
            time: int = values[place]
            plain[place] = None if time == NO_TIME else from_microseconds(time)
        return at, tuple(plain)


def _number(value: Value, *, whole: bool) -> float:
    if isinstance(value, datetime):
        return microseconds(value)
    if value is None:
        return NO_TIME if whole else float("nan")
    return value
