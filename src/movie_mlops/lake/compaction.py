"""Compaction: many small files become few big ones, and rows that are read together come to lie together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.lake.errors import CareError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.log import Entry, entries
from movie_mlops.lake.schemas import INTERACTIONS
from movie_mlops.lake.writing import commit_properties, finish, packing

SORTED_BY: Final[Mapping[str, str]] = {INTERACTIONS: c.USER_ID}
"""Tables whose rows are put in order of this column: a reader of one user then skips nearly all row groups by their
statistics. Films are not sorted for: what reads a film's interactions reads those of all films. The other tables are
small or read whole; their files are only joined."""

_FILE_BYTES: Final = 256 << 20
# Small enough that a user is found among few rows, big enough that the statistics cost nothing.
_ROWS_IN_GROUP: Final = 32_768
_OPERATION: Final = "optimize"


@dataclass(frozen=True)
class CompactionReport:
    """What a compaction did.

    Attributes:
        table: The table.
        version: The version that it made; ``None`` where there was nothing to do.
        files_before: Data files before.
        files_after: Data files after.
        bytes_before: Their size before.
        bytes_after: Their size after.
        rows: How many rows the table has; the same ones before and after.
    """

    table: str
    version: int | None
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    rows: int


def compact(lake: Lake, table: str, *, progress: Progress = SILENT) -> CompactionReport:
    """Rewrite the files of a table in one commit that changes no row, and prove that it changed none.

    The rows before and after are compared as multisets, by a count and two independent sums of 64-bit hashes. Rows that
    another writer appends meanwhile are neither lost nor touched. What was there stays readable at its version until a
    vacuum.

    Raises:
        LakeError: There is no such table, or the storage fails; the table is then as it was.
        CareError: Another writer changed the same files meanwhile, or the rows differ afterwards (then the version
            before is put back).
    """
    with progress.task(f"Compacting {table}", 2, "steps") as advance:
        before = lake.delta(table)
        files_before, bytes_before, rows = _size(before)
        if not _pays(list(entries(lake.storage, table, before.version())), table, files_before):
            return CompactionReport(table, None, files_before, files_before, bytes_before, bytes_before, rows)
        version = _rewrite(lake, table)
        advance(1)
        if version is None:
            return CompactionReport(table, None, files_before, files_before, bytes_before, bytes_before, rows)
        advance(1)
        _prove(lake, table, version)
        advance(1)
    files_after, bytes_after, rows = _size(lake.delta(table, version=version))
    return CompactionReport(table, version, files_before, files_after, bytes_before, bytes_after, rows)


def fingerprint(rows: pl.LazyFrame) -> tuple[int, ...]:
    """Return a fingerprint of the rows as a multiset: in whatever order they come, it is the same."""
    halves = []
    for seed in (20, 61):
        hashed = pl.struct(pl.all()).hash(seed)
        halves += [(hashed & 0xFFFFFFFF).sum().alias(f"low{seed}"), (hashed // (1 << 32)).sum().alias(f"high{seed}")]
    return rows.select(pl.len().alias("rows"), *halves).collect(engine="streaming").row(0)


def _pays(log: list[Entry], table: str, files: int) -> bool:
    """Return whether files can be joined, or rows came since the last compaction that are not in order yet."""
    if files > 1 or table not in SORTED_BY:
        return files > 1
    last_change = max((entry.commit.version for entry in log if entry.changes_rows), default=-1)
    return not any(entry.commit.operation == _OPERATION for entry in log[last_change + 1 :])


def _rewrite(lake: Lake, table: str) -> int | None:
    commit_id = uuid4().hex
    properties = commit_properties(commit_id, {"why": "compaction"})
    delta = lake.delta(table)
    try:
        with lake.named_faults():
            if column := SORTED_BY.get(table):
                done = delta.optimize.z_order(
                    [column],  # a Z-order of one column is its order
                    target_size=_FILE_BYTES,
                    writer_properties=packing(table, rows_in_group=_ROWS_IN_GROUP),
                    commit_properties=properties,
                )
            else:
                done = delta.optimize.compact(
                    target_size=_FILE_BYTES,
                    writer_properties=packing(table),
                    commit_properties=properties,
                )
    except (DeltaError, OSError) as error:
        raise CareError(
            f"Table {table!r} could not be compacted ({error}); it is as it was.",
            next_step="Wait until other writers have ended, then run the command again.",
        ) from error
    return finish(lake, table, lake.own_version(table, commit_id)) if done["numFilesAdded"] else None


def _prove(lake: Lake, table: str, version: int) -> None:
    """Compare the rows with those of the version just before; put that back where they differ."""
    before, after = (fingerprint(lake.scan(table, version=at)) for at in (version - 1, version))
    if before == after:
        return
    with lake.named_faults():
        lake.delta(table).restore(version - 1)
    raise CareError(
        f"Compacting table {table!r} changed its rows ({before[0]:,} before, {after[0]:,} after);"
        f" version {version - 1} is put back.",
        next_step=f"Check the files with: movie-mlops lake verify {table}",
    )


def _size(delta: DeltaTable) -> tuple[int, int, int]:
    """Return how many files, bytes and rows a version has."""
    files = pl.DataFrame(delta.get_add_actions(flatten=True))
    return files.height, int(files["size_bytes"].sum()), int(files["num_records"].sum())
