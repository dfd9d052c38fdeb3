"""SHA-256 of every data file and log entry that the lake writes, kept beside the table.

Delta has no place for a file's hash, and the writer gives its files away only with the commit. So the hashes are taken
right after the commit and lie in ``<table>/_checksums/<version>.json``; Delta leaves folders with an underscore alone.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.core.digests import Plain, canonical_json
from movie_mlops.lake.errors import LakeError
from movie_mlops.lake.log import entry_path, read_entry
from movie_mlops.lake.storage import Storage

_FOLDER: Final = "_checksums"


@dataclass(frozen=True)
class Checksums:
    """What was recorded of a table.

    Attributes:
        files: Path of a data file under the table's folder to its SHA-256.
        entries: Version to the SHA-256 of its log entry.
        damaged: Paths of records that cannot be read.
    """

    files: dict[str, str] = field(default_factory=dict)
    entries: dict[int, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def record(storage: Storage, table: str, version: int) -> None:
    """Write down the hashes of what the commit ``version`` added.

    Raises:
        LakeError: They cannot be taken or written; the commit itself stands.
    """
    try:
        added = read_entry(storage, table, version).added
        told: Plain = {
            "log": storage.digest(entry_path(table, version)),
            "files": {file.path: storage.digest(f"{table}/{file.path}") for file in added},
        }
        storage.write(f"{table}/{_FOLDER}/{version:020d}.json", canonical_json(told))
    except (OSError, ValueError, LakeError) as error:
        why = error.problem if isinstance(error, LakeError) else str(error)
        raise LakeError(
            f"Version {version} of table {table!r} is written, but its checksums are not ({why}).",
            next_step=f"The rows are safe; check the storage, then run: movie-mlops lake verify {table}",
        ) from None


def amend(storage: Storage, table: str, version: int) -> None:
    """Take the hash of a log entry again, which its owner has just rewritten; one that was never taken stays so."""
    path = f"{table}/{_FOLDER}/{version:020d}.json"
    try:
        told = json.loads(storage.read(path))
    except FileNotFoundError:
        return
    storage.write(path, canonical_json({**told, "log": storage.digest(entry_path(table, version))}))


class Recorder:
    """Takes the hashes of commits: each at once or, within :meth:`beside`, while the next rows are written."""

    def __init__(self) -> None:
        self._beside: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def record(self, storage: Storage, table: str, version: int) -> None:
        """Write down the hashes of what the commit ``version`` added.

        Raises:
            LakeError: They cannot be taken or written, or those of the commit before could not; the commits stand.
        """
        if self._beside is None:
            record(storage, table, version)
            return
        self._wait()
        self._last = self._beside.submit(record, storage, table, version)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Take hashes beside the work of this block, one commit behind at most; all are taken at its end.

        Raises:
            LakeError: As for :meth:`record`.
        """
        with ThreadPoolExecutor(1) as worker:
            self._beside = worker
            try:
                yield
            finally:
                self._beside = None
        self._wait()

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()


def read(storage: Storage, table: str) -> Checksums:
    """Return everything that was recorded of a table."""
    found = Checksums()
    for file in storage.files(f"{table}/{_FOLDER}"):
        path = f"{_FOLDER}/{file.path}"
        try:
            told = json.loads(storage.read(f"{table}/{path}"))
            files, entry = {str(name): str(sha) for name, sha in told["files"].items()}, str(told["log"])
            version = int(file.path.removesuffix(".json"))
        except (ValueError, LookupError, TypeError, AttributeError):
            found.damaged.append(path)
            continue
        found.files.update(files)
        found.entries[version] = entry
    return found
