"""A folder of files, or a zip that holds one."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from movie_mlops.ingest.errors import SourceError

_ENCRYPTED: Final = 0x1
_HARMLESS_BYTES: Final = 64 * 1024 * 1024
_MOST_TIMES: Final = 100
"""MovieLens becomes five times as large when it is unpacked; what packs a thousand times holds one letter."""


class Archive:
    """The files of a folder or of a zip, by their plain names; a zip may have them under a top folder.

    Args:
        path: The folder or the zip.

    Raises:
        SourceError: There is nothing at ``path``, or it is neither a folder nor a whole zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise SourceError(f"There is no file or folder {path}.", next_step="Check the path of --source.")
        self._members = {} if path.is_dir() else _members_of_zip(path)

    def names(self) -> list[str]:
        """Return the names of the files, sorted."""
        if self.path.is_dir():
            return sorted(file.name for file in self.path.iterdir() if file.is_file())
        return sorted(self._members)

    def read(self, name: str) -> Path | bytes:
        """Return the file's path where it lies in a folder, its bytes where it is in a zip.

        Raises:
            SourceError: The zip is damaged.
        """
        if self.path.is_dir():
            return self.path / name
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self._members[name])
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise _damaged(self.path, str(error)) from error

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading piece by piece.

        Raises:
            SourceError: The zip is damaged.
        """
        if self.path.is_dir():
            with (self.path / name).open("rb") as file:
                yield file
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._members[name]) as member:
                yield cast("BinaryIO", member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise _damaged(self.path, str(error)) from error

    def label(self, name: str) -> str:
        """Return how messages and the quarantine call the file."""
        return name if self.path.is_dir() else f"{self.path.name}/{self._members[name]}"


def _members_of_zip(path: Path) -> dict[str, str]:
    """Return plain name to name in the zip; the file nearest to the top wins."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise _damaged(path, str(error)) from error
    for info in found:
        if info.compress_size > path.stat().st_size:
            raise _damaged(path, f"{info.filename!r} would be larger than the whole file")
        _refuse_bomb(path, info)
    members = [info.filename for info in found]
    ours = [name for name in members if not name.startswith("__MACOSX/")]
    deepest_first = sorted(ours, key=lambda name: (-len(PurePosixPath(name).parts), name))
    return {PurePosixPath(name).name: name for name in deepest_first}


def _refuse_bomb(path: Path, info: zipfile.ZipInfo) -> None:
    """Do nothing with a member that can be read as it says.

    Raises:
        SourceError: It would become larger than tables do, has a password, or is packed in a way that we do not read.
    """
    if info.flag_bits & _ENCRYPTED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise SourceError(
            f"The member {info.filename!r} of {path} has a password or is packed in an unusual way.",
            next_step="Unpack it by hand, and name the folder instead.",
        )
    if info.file_size > _HARMLESS_BYTES and info.file_size > _MOST_TIMES * info.compress_size:
        raise SourceError(
            f"The member {info.filename!r} of {path} would become {info.file_size / max(1, info.compress_size):,.0f}"
            " times as large, which no table of ratings does.",
            next_step="It may be made to fill the memory. Where it is sound, unpack it by hand and name the folder.",
        )


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(
        f"The file {path} is not a whole zip ({why}).",
        next_step="Fetch it again: it may have been cut off on the way.",
    )
