"""The files under the tables: in a folder, or on S3. Delta and polars read and write them; this is for the rest."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from movie_mlops.core import clock
from movie_mlops.core.digests import file_digest
from movie_mlops.lake.config import LakeConfig
from movie_mlops.lake.errors import LakeError

# delta-rs gives up on, or decodes, the first six; DuckDB would read the others as patterns.
_FORBIDDEN: Final = frozenset("[]^|%\\*?")
LOG: Final = "_delta_log"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a table.

    Attributes:
        path: Under the table's folder, with ``/`` between folders.
        size: In bytes.
        modified: When it was written (aware UTC).
    """

    path: str
    size: int
    modified: datetime


class Storage(Protocol):
    """Where the tables of one lake lie; paths are relative to the lake's root, with ``/`` between folders."""

    place: str
    """The root, as people are told of it."""
    options: dict[str, str]
    """What delta-rs and polars need to know to reach it."""
    sql_reads_files: bool
    """Whether DuckDB can open the files by itself."""

    def folders(self) -> list[str]:
        """Return the names of the folders in the root, sorted; none where the root does not exist yet."""
        ...

    def has_table(self, table: str) -> bool:
        """Return whether there is a Delta log."""
        ...

    def prepare(self) -> None:
        """Make the root ready for a first write."""
        ...

    def address(self, path: str) -> str:
        """Return the path as delta-rs and polars want it."""
        ...

    def files(self, folder: str) -> list[StoredFile]:
        """Return all files under ``folder``, in its subfolders too, in order of their paths."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: It is not there.
        """
        ...

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file's bytes.

        Raises:
            FileNotFoundError: It is not there.
        """
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        ...

    def create(self, path: str, content: bytes) -> bool:
        """Write a file where there is none yet; return whether it was, so that of two writers one wins."""
        ...

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files; one that is not there any more is no error."""
        ...

    def fault(self, error: Exception) -> LakeError | None:
        """Return what the user must hear where the storage itself is at fault; ``None`` where it is not."""
        ...


def open_storage(config: LakeConfig) -> Storage:
    """Return the storage that the configuration names; nothing is asked of it yet.

    Raises:
        LakeError: It cannot hold a lake.
    """
    if config.is_remote:
        from movie_mlops.lake.object_storage import ObjectStorage  # noqa: PLC0415 - only where a lake is on S3

        return ObjectStorage(str(config.root), config.s3)
    return FolderStorage(Path(config.root))


class FolderStorage:
    """Files in a folder of this machine.

    Args:
        root: The lake's folder; need not exist yet.

    Raises:
        LakeError: Its path holds a character that Delta or DuckDB cannot take in a path.
    """

    sql_reads_files = True

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.place = str(self._root)
        self.options: dict[str, str] = {}
        if bad := sorted(_FORBIDDEN & set(self.place)):
            raise LakeError(
                f"The lake cannot be in {self._root}: its path holds {' '.join(bad)}.",
                next_step="Name another folder with --home.",
            )

    def folders(self) -> list[str]:
        """Return the names of the folders in the root."""
        return sorted(path.name for path in self._root.iterdir() if path.is_dir()) if self._root.is_dir() else []

    def has_table(self, table: str) -> bool:
        """Return whether there is a Delta log with an entry: a first write that was cut off leaves one without."""
        return next((self._root / table / LOG).glob("*.json"), None) is not None

    def prepare(self) -> None:
        """Make the folder."""
        self._root.mkdir(parents=True, exist_ok=True)

    def address(self, path: str) -> str:
        """Return the absolute path."""
        return str(self._root / path)

    def files(self, folder: str) -> list[StoredFile]:
        """Return all files under ``folder``."""
        base = self._root / folder
        # What begins with a dot is a write that has not ended.
        names = (path for path in sorted(base.rglob("*")) if not path.name.startswith("."))
        found = ((path, path.stat()) for path in names if path.is_file())
        return [
            StoredFile(path.relative_to(base).as_posix(), stat.st_size, clock.from_unix(stat.st_mtime))
            for path, stat in found
        ]

    def read(self, path: str) -> bytes:
        """Return a file's bytes."""
        return (self._root / path).read_bytes()

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file's bytes."""
        return file_digest(self._root / path)

    def write(self, path: str, content: bytes) -> None:
        """Write a file under another name, then rename it."""
        with _written_beside(self._root / path, content) as written:
            written.replace(self._root / path)

    def create(self, path: str, content: bytes) -> bool:
        """Write a file under another name, then give it its own name where nothing has it."""
        with _written_beside(self._root / path, content) as written:
            try:
                (self._root / path).hardlink_to(written)
            except FileExistsError:
                return False
        return True

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files."""
        for path in paths:
            (self._root / path).unlink(missing_ok=True)

    def fault(self, error: Exception) -> LakeError | None:  # noqa: ARG002 - a folder's errors speak for themselves
        """Return ``None``."""
        return None


@contextmanager
def _written_beside(target: Path, content: bytes) -> Iterator[Path]:
    """Yield a file that holds ``content`` and is on the disk; what is left of it afterwards is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
