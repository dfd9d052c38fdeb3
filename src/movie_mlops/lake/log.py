"""Delta's log of a table: one JSON file per version, read as it stands."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from movie_mlops.core import clock
from movie_mlops.lake.storage import LOG, Storage

NOTE: Final = "note"
"""Under which name the writer's note stands in a commit."""
COMMIT_ID: Final = "movie_mlops_commit"
"""Under which name a commit says which write it is, so that a writer finds its own among others."""

_ENTRY: Final = re.compile(r"(\d{20})\.json")


@dataclass(frozen=True, slots=True)
class Commit:
    """One write to a table.

    Attributes:
        version: The version that the write made.
        time: When (aware UTC).
        operation: ``append``, ``overwrite`` or Delta's own word for anything else.
        rows: How many rows it wrote; ``None`` where another writer did not say.
        note: What the writer left with it.
    """

    version: int
    time: datetime
    operation: str
    rows: int | None
    note: dict[str, str]


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file as the log describes it.

    Attributes:
        path: Under the table's folder.
        size: In bytes.
        stats: Delta's statistics: ``numRecords``, ``minValues``, ``maxValues``, ``nullCount``; empty where left out.
    """

    path: str
    size: int
    stats: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One version's entry in the log.

    Attributes:
        commit: Who, when, what.
        commit_id: Which write of this platform it is; ``None`` for another writer's.
        added: The files that it adds.
        removed: Paths of the files that it takes out; they stay on disk until a vacuum.
        changes_rows: Whether it changes what a reader sees.
        cursors: Names of the cursors that it moves.
    """

    commit: Commit
    commit_id: str | None
    added: tuple[DataFile, ...]
    removed: frozenset[str]
    changes_rows: bool
    cursors: frozenset[str] = frozenset()


class UnreadableEntryError(ValueError):
    """An entry of the log is not what Delta writes; the message completes the sentence "version 3 …"."""


def entry_path(table: str, version: int) -> str:
    """Return where the entry of a version lies."""
    return f"{table}/{LOG}/{version:020d}.json"


def versions(storage: Storage, table: str) -> list[int]:
    """Return the versions that have an entry, in order."""
    names = (_ENTRY.fullmatch(file.path) for file in storage.files(f"{table}/{LOG}"))
    return sorted(int(name[1]) for name in names if name)


def read_entry(storage: Storage, table: str, version: int) -> Entry:
    """Read the entry of a version.

    Raises:
        FileNotFoundError: There is none.
        UnreadableEntryError: It is damaged.
    """
    # Not DeltaTable.history(): it is silently empty where the path holds a space or non-Latin letters.
    raw = storage.read(entry_path(table, version))
    try:
        return _parse(version, [json.loads(line) for line in raw.decode("utf-8").splitlines()])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableEntryError("has a damaged log entry") from error


def entries(storage: Storage, table: str, newest: int) -> Iterator[Entry]:
    """Read the entries from version 0 to ``newest``, in order."""
    return (read_entry(storage, table, version) for version in range(newest + 1))


def _parse(version: int, actions: list[dict[str, Any]]) -> Entry:
    """Read one file of the log; other writers may leave anything but the time out."""
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    adds = [action["add"] for action in actions if "add" in action]
    removes = [action["remove"] for action in actions if "remove" in action]
    metrics = info.get("operationMetrics", {})
    rows = metrics.get("num_added_rows", metrics.get("numOutputRows"))
    commit = Commit(
        version=version,
        time=clock.from_unix(info["timestamp"] / 1000),
        operation=str(info.get("operationParameters", {}).get("mode", info.get("operation", "unknown"))).lower(),
        rows=None if rows is None else int(rows),
        note=json.loads(info.get(NOTE, "{}")),
    )
    return Entry(
        commit,
        info.get(COMMIT_ID),
        tuple(DataFile(unquote(add["path"]), int(add["size"]), json.loads(add.get("stats") or "{}")) for add in adds),
        frozenset(unquote(remove["path"]) for remove in removes),
        any(action.get("dataChange", True) for action in (*adds, *removes)),
        frozenset(action["txn"]["appId"] for action in actions if "txn" in action),
    )
