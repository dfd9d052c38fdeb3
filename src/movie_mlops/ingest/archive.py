"""A folder of files, or a zip that holds one."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from movie_mlops.ingest.errors import SourceError


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
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise _damaged(path, str(error)) from error
    ours = [name for name in members if not name.startswith("__MACOSX/")]
    deepest_first = sorted(ours, key=lambda name: (-len(PurePosixPath(name).parts), name))
    return {PurePosixPath(name).name: name for name in deepest_first}


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(
        f"The file {path} is not a whole zip ({why}).",
        next_step="Fetch it again: it may have been cut off on the way.",
    )
