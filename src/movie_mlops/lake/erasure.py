"""Erasure: rows leave a table for good, its older versions, its log and the files that no version names included.

Delta keeps what was: a row that is deleted stays in the files of older versions, and the log tells the smallest and the
largest value of each column of every file. So every file is looked into, those with such rows go, the versions that
needed them are given up, and the log's bounds of them are taken out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

import polars as pl

from movie_mlops.core import clock
from movie_mlops.lake import checksums, vacuumed
from movie_mlops.lake.errors import CareError, ConflictError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.log import entries, entry_path, versions
from movie_mlops.lake.storage import LOG
from movie_mlops.lake.vacuum import files_by_version

_TRIES: Final = 10
_AT_WORK: Final = timedelta(minutes=1)
_BOUNDS: Final = ("minValues", "maxValues")


@dataclass(frozen=True)
class ErasureReport:
    """What left a table.

    Attributes:
        table: The table.
        rows: How many rows of the newest version went or were changed.
        version: The version without them; ``None`` where the newest had none.
        files: Paths of the data files that were removed.
        given_up: Versions that could be read before and not after.
        entries: Versions whose entry in the log told bounds of such files, and does not any more.
    """

    table: str
    rows: int
    version: int | None
    files: tuple[str, ...]
    given_up: tuple[int, ...]
    entries: tuple[int, ...]


def holding(lake: Lake, table: str, gone: pl.Expr) -> list[str]:
    """Return the paths of all data files of a table that hold such a row, of whatever version or of none.

    Args:
        lake: The lake.
        table: The table.
        gone: Which rows.
    """
    paths = [file.path for file in lake.storage.files(table) if _is_data(file.path)]
    return [path for path in paths if lake.scan_file(table, path).filter(gone).limit(1).collect().height]


def erase_rows(
    lake: Lake,
    table: str,
    gone: pl.Expr,
    *,
    change: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    note: Mapping[str, str] | None = None,
) -> ErasureReport:
    """Take rows out of a table, so that no file of it holds them any more.

    It may be killed at any moment and called again: what was done stays done. The newest version is collected in memory
    once, where it holds such rows.

    Args:
        lake: The lake.
        table: The table.
        gone: Which rows.
        change: Gives the frame as it is to be; by default it is the frame without those rows.
        note: What to leave with the commit; it must not tell of the rows.

    Raises:
        LakeError: There is no such table, or the storage fails.
        ConflictError: Other writers were faster every time.
    """
    lake.require(table)
    rows, version = _leave_newest(lake, table, gone, change or (lambda frame: frame.filter(~gone)), note)
    held = [path for path in holding(lake, table, gone) if path not in lake.files(table)]
    lost, stripped = remove_files(lake, table, held)
    return ErasureReport(table, rows, version, tuple(held), tuple(lost), tuple(stripped))


def remove_files(lake: Lake, table: str, held: list[str]) -> tuple[list[int], list[int]]:
    """Remove data files that the newest version does not need, with the bounds that the log tells of them.

    Args:
        lake: The lake.
        table: The table.
        held: Their paths.

    Returns:
        The versions that are given up by that, and those whose entry told bounds.

    Raises:
        CareError: One of them is being written right now.
    """
    newest = max(versions(lake.storage, table))
    files_of = files_by_version(list(entries(lake.storage, table, newest)))
    _check_nobody_writes(lake, table, held, frozenset[str]().union(*files_of))
    earlier = vacuumed.forgotten(lake.storage, table)
    lost = [at for at, files in enumerate(files_of) if at not in earlier and files & set(held)]
    if held:
        vacuumed.forget(lake.storage, table, lost, at=clock.now())
        lake.storage.delete([f"{table}/{path}" for path in held])
    return lost, _strip(lake, table, newest)


def _check_nobody_writes(lake: Lake, table: str, held: list[str], named: frozenset[str]) -> None:
    """Leave alone what a writer has put there and not committed yet: its commit would name a file that is gone.

    Raises:
        CareError: There is such a file.
    """
    fresh = clock.now() - _AT_WORK
    if any(
        file.path in held and file.path not in named and file.modified > fresh for file in lake.storage.files(table)
    ):
        raise CareError(
            f"Somebody is writing to the table {table!r} right now, with rows that are to go.",
            next_step="Run the command again in a minute; it goes on where it stopped.",
        )


def _leave_newest(
    lake: Lake,
    table: str,
    gone: pl.Expr,
    change: Callable[[pl.DataFrame], pl.DataFrame],
    note: Mapping[str, str] | None,
) -> tuple[int, int | None]:
    """Commit a version without the rows; return how many there were, and that version."""
    for left in reversed(range(_TRIES)):
        version = lake.version(table)
        rows: int = lake.scan(table, version=version).filter(gone).select(pl.len()).collect().item()
        if not rows:
            return 0, None
        try:
            frame = change(lake.scan(table, version=version).collect())
            return rows, lake.overwrite(table, frame, note=note or {}, after=version)
        except ConflictError:
            if not left:
                raise
    raise AssertionError


def _strip(lake: Lake, table: str, newest: int) -> list[int]:
    """Take the bounds of files that are not there any more out of the log, and out of its checkpoints."""
    there = {file.path for file in lake.storage.files(table)}
    stripped = []
    for version in range(newest + 1):
        path = entry_path(table, version)
        lines = lake.storage.read(path).decode().splitlines()
        clean = [_without_bounds(line, there) for line in lines]
        if clean != lines:
            lake.storage.write(path, "".join(f"{line}\n" for line in clean).encode())
            stripped.append(version)
        if clean != lines or version == newest:
            # Also after a kill between the two.
            checksums.amend(lake.storage, table, version)
    log = [file.path for file in lake.storage.files(f"{table}/{LOG}")]
    made = [path for path in log if ".checkpoint" in path or path == "_last_checkpoint"]
    if stripped and made:
        # All entries are kept, so that the table can be read without; the next one tells what they tell now.
        lake.storage.delete([f"{table}/{LOG}/{path}" for path in made])
        lake.delta(table).create_checkpoint()
    return stripped


def _without_bounds(line: str, there: set[str]) -> str:
    action: dict[str, Any] = json.loads(line)
    told = action.get("add") or action.get("remove") or {}
    if not told.get("stats") or unquote(told["path"]) in there:
        return line
    stats = json.loads(told["stats"])
    if not any(name in stats for name in _BOUNDS):
        return line
    told["stats"] = json.dumps({name: value for name, value in stats.items() if name not in _BOUNDS})
    return json.dumps(action, separators=(",", ":"))


def _is_data(path: str) -> bool:
    return path.endswith(".parquet") and not path.startswith("_")
