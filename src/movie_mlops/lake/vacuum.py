"""Vacuum: remove the files that no version needs any more that anybody may still ask for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.lake import vacuumed
from movie_mlops.lake.errors import CareError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.log import Entry, UnreadableEntryError, entries, versions
from movie_mlops.lake.storage import StoredFile

# A writer puts its files before it commits them: what no version names may belong to one that is at work.
_GRACE: Final = timedelta(days=1)
_AT_ONCE: Final = 500


@dataclass(frozen=True)
class VacuumReport:
    """What a vacuum removes.

    Attributes:
        table: The table.
        files: Paths of the files, under the table's folder.
        bytes: Their size together.
        given_up: Versions that can be read before and not after.
        kept: Versions that stay readable.
        dry_run: Whether this only says what would be removed.
    """

    table: str
    files: tuple[str, ...]
    bytes: int
    given_up: tuple[int, ...]
    kept: tuple[int, ...]
    dry_run: bool


def vacuum(
    lake: Lake,
    table: str,
    *,
    keep_days: float,
    kept: Collection[int] = (),
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> VacuumReport:
    """Remove the data files that no version inside the retention, no kept version and not the newest one needs.

    A version is inside the retention when it was the newest at any moment of the last ``keep_days`` days. Files that no
    version ever named (a writer died) go when they are older than the retention, and than one day. Nothing is
    committed: the versions keep their numbers, and those that cannot be read any more are written down before the
    first file goes.

    Args:
        lake: The lake.
        table: The table.
        keep_days: The retention; 0 keeps the newest version and the kept ones only.
        kept: Versions to keep whatever their age, such as those that bundles were trained on.
        dry_run: Say what would be removed, and remove nothing.
        progress: Told of the removal.

    Raises:
        LakeError: There is no such table, or the storage fails.
        CareError: The log is damaged, so that it cannot be said what is needed.
    """
    now = clock.now()
    log = _whole_log(lake, table)
    newest = len(log) - 1
    files_of, ends = files_by_version(log), _ends(log)
    cutoff = now - timedelta(days=keep_days)
    stay = {version for version, end in enumerate(ends) if end is None or end >= cutoff} | set(kept)
    needed = frozenset[str]().union(*(files_of[version] for version in stay if version <= newest))
    named = frozenset[str]().union(*files_of)
    orphans_before = now - max(timedelta(days=keep_days), _GRACE)
    gone = [
        file
        for file in lake.storage.files(table)
        if _is_data(file) and file.path not in needed and (file.path in named or file.modified < orphans_before)
    ]
    paths = {file.path for file in gone}
    earlier = vacuumed.forgotten(lake.storage, table)
    lost = [version for version in range(newest + 1) if version not in earlier and files_of[version] & paths]
    if gone and not dry_run:
        vacuumed.forget(lake.storage, table, lost, at=now)
        with progress.task(f"Removing old files of {table}", len(gone), "files") as advance:
            names = [f"{table}/{file.path}" for file in gone]
            for start in range(0, len(names), _AT_ONCE):
                lake.storage.delete(names[start : start + _AT_ONCE])
                advance(len(names[start : start + _AT_ONCE]))
    left = (version for version in range(newest + 1) if version not in earlier and version not in lost)
    return VacuumReport(table, tuple(sorted(paths)), sum(file.size for file in gone), tuple(lost), tuple(left), dry_run)


def files_by_version(log: list[Entry]) -> list[frozenset[str]]:
    """Return the files that each version needs, by playing the log from its start."""
    files: list[frozenset[str]] = []
    current: frozenset[str] = frozenset()
    for entry in log:
        current = (current - entry.removed) | {file.path for file in entry.added}
        files.append(current)
    return files


def _ends(log: list[Entry]) -> list[datetime | None]:
    """Return when each version ceased to be the newest; ``None`` for the one that is.

    A clock that went back is smoothed: a version does not end before the one before it.
    """
    times = [entry.commit.time for entry in log]
    for position in range(1, len(times)):
        times[position] = max(times[position - 1], times[position])
    return [*times[1:], None]


def _whole_log(lake: Lake, table: str) -> list[Entry]:
    lake.require(table)
    try:
        return list(entries(lake.storage, table, max(versions(lake.storage, table), default=-1)))
    except (FileNotFoundError, UnreadableEntryError) as error:
        raise CareError(
            f"The log of table {table!r} is not whole, so nobody can say which files are needed; nothing is removed.",
            next_step=f"See what is damaged with: movie-mlops lake verify {table}",
        ) from error


def _is_data(file: StoredFile) -> bool:
    return file.path.endswith(".parquet") and not file.path.startswith("_")
