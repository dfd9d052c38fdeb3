"""Rows that wait to be written: in memory while they are few, then in a file that nobody else can see."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Final, Self
from weakref import finalize

from movie_mlops.features.errors import FeatureError

_HELD: Final = 2**20
"""More bytes than these lie in the file."""
_LENGTHS: Final = struct.Struct("<II")


class Spool:
    """Keys with what is packed for each, in order; gone through any number of times, one after the other.

    The file has no name from the start, so that nothing of it is left behind, however the process ends.

    Args:
        folder: Where the file would lie; ``None``: where the system keeps temporary files.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._many = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._file = SpooledTemporaryFile(_HELD, dir=None if folder is None else str(folder))  # noqa: SIM115 - it lives as long as this object
        finalize(self, self._file.close)

    def add(self, pairs: Iterable[tuple[str, bytes]]) -> Self:
        """Take in keys, each with its bytes, behind those that are there, and return this.

        Raises:
            FeatureError: There is no room for them.
        """
        for key, packed in pairs:
            name = key.encode()
            try:
                self._file.write(_LENGTHS.pack(len(name), len(packed)) + name + packed)
            except OSError as error:
                where = self._folder or "the place of temporary files, which TMPDIR names"
                raise FeatureError(
                    f"What was computed cannot be laid by until it is written ({error.strerror}).",
                    next_step=f"Make room in {where}; nothing was changed.",
                ) from error
            self._many += 1
        return self

    def __len__(self) -> int:
        return self._many

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        self._file.seek(0)
        for _ in range(self._many):
            name, packed = _LENGTHS.unpack(self._file.read(_LENGTHS.size))
            yield self._file.read(name).decode(), self._file.read(packed)
