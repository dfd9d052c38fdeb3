"""Rows into a table: one commit each, either as the very next version or not at all."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

import polars as pl
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from movie_mlops.core import columns as c
from movie_mlops.lake.errors import LakeError, first_line, overtaken
from movie_mlops.lake.log import COMMIT_ID, NOTE
from movie_mlops.lake.schemas import INTERACTIONS, SCHEMAS, differences
from movie_mlops.lake.sealed import SEALED, SEALING, sealed
from movie_mlops.lake.streaming import Stream

if TYPE_CHECKING:
    from movie_mlops.lake.lake import Lake

ANY: Final = -1
"""In the place of a version: whatever others write meanwhile."""

NO_CURSOR: Final = -(2**63)
"""The number of a cursor that is not there any more: Delta keeps a name for good once it has one."""

Mode = Literal["append", "overwrite"]

# Every version stays readable: Delta would otherwise forget log entries after 30 days.
_KEEP_FOR_EVER: Final = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}

# More than the library's own: the same files, a little smaller, for a fourteenth less of work.
_ROWS_AT_ONCE: Final = 8_192
_ROWS_IN_PAGE: Final = 100_000

# An event id begins like the one before it and never repeats: what differs is written. Nobody looks for a range of ids:
# the smallest and largest are not kept. Dictionaries are of no use here.
_COLUMNS: Final = {
    c.EVENT_ID: ColumnProperties(dictionary_enabled=False, encoding="DELTA_BYTE_ARRAY", statistics_enabled="NONE"),
    c.VALUE: ColumnProperties(dictionary_enabled=False),
    c.EVENT_TIME: ColumnProperties(dictionary_enabled=False),
    # Within a user films rise, mostly: what differs is small.
    c.MOVIE_ID: ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED"),
    c.INGESTED_AT: ColumnProperties(dictionary_enabled=False),
}


def write(
    lake: "Lake",
    table: str,
    frame: pl.DataFrame | Iterable[pl.DataFrame],
    mode: Mode,
    *,
    note: Mapping[str, str] | None = None,
    after: int | None = ANY,
    cursors: Mapping[str, int] | None = None,
) -> int:
    """Write rows in one commit, leave their checksums beside the table, and return the new version.

    Args:
        lake: The lake.
        table: The table; made where it does not exist.
        frame: The rows, or frames of them one after the other.
        mode: Whether they come to those that are there, or take their place.
        note: What to leave with the commit.
        after: Commit only as the very next version after this one; ``None``: only as the first.
        cursors: Names and numbers that the lake gives from this commit on.

    Raises:
        ConflictError: Another writer committed after version ``after``; nothing was written.
        LakeError: The frame does not have the table's schema, or the storage fails.
    """
    if not isinstance(frame, pl.DataFrame) and table in SEALED:
        # What is sealed is sealed together; it is little.
        frame = pl.concat(frame)
    rows = frame if isinstance(frame, pl.DataFrame) else Stream(frame)
    _check_schema(lake, table, rows.schema, mode)
    lake.storage.prepare()
    held = lake.newest(table)
    seen = None if held is None else held.version()
    guarded = after != ANY
    if guarded and seen != after:
        raise overtaken(table, after)
    there = [] if held is None else [field.name for field in held.schema().fields]
    if isinstance(rows, pl.DataFrame):
        rows = sealed(table, rows, lake.seals, held=there)
    if there and c.SEALED in rows.schema and c.SEALED not in there:
        cursors = {SEALING: 1, **(cursors or {})}
    commit_id = uuid4().hex
    properties = commit_properties(commit_id, note or {}, cursors, retries=0 if guarded else None)
    try:
        _commit_rows(lake, table, held, rows, mode=mode, properties=properties, guarded=guarded)
    except Exception as error:
        if isinstance(rows, Stream) and rows.failed is not None:
            raise rows.failed from error
        if not isinstance(error, (DeltaError, OSError)):
            raise
        if guarded and lake.version(table) != after:
            raise overtaken(table, after) from error
        if lake.version(table) != seen:
            # Another writer made or changed the table meanwhile; this one wrote nothing and goes again.
            return write(lake, table, frame, mode, note=note, after=after, cursors=cursors)
        raise LakeError(
            f"Writing {rows.height} rows to table {table!r} failed ({first_line(error)}); it is as it was.",
            next_step=f"Check the free space and the rights of {lake.storage.place}, then run the command again.",
        ) from error
    # A guarded commit can only have become the very next one.
    return finish(lake, table, lake.own_version(table, commit_id) if not guarded else 0 if seen is None else seen + 1)


def finish(lake: "Lake", table: str, version: int) -> int:
    """Note a version that this lake object has made, leave the checksums of its files, and return it.

    Raises:
        LakeError: The checksums cannot be taken or written; the version itself stands.
    """
    lake.uses.writes(table, version)
    lake.recorder.record(lake.storage, table, version)
    return version


def _commit_rows(
    lake: "Lake",
    table: str,
    held: DeltaTable | None,
    rows: pl.DataFrame | Stream,
    *,
    mode: Mode,
    properties: CommitProperties,
    guarded: bool,
) -> None:
    evolved: Literal["merge", "overwrite"] = "merge" if mode == "append" else "overwrite"
    replaced = mode == "overwrite" and table not in SCHEMAS
    changes_schema = held is not None and (replaced or (table in SCHEMAS and _is_older(held, rows.schema)))
    with lake.named_faults():
        write_deltalake(
            held or lake.storage.address(table),
            rows if isinstance(rows, pl.DataFrame) else rows.reader(),
            mode="error" if guarded and held is None else mode,
            schema_mode=evolved if changes_schema else None,
            configuration=None if held else _KEEP_FOR_EVER,
            writer_properties=writing(table),
            commit_properties=properties,
            storage_options=lake.storage.options or None,
        )


def _check_schema(lake: "Lake", table: str, schema: pl.Schema, mode: str) -> None:
    expected = SCHEMAS.get(table)
    if expected is None and mode == "append" and lake.storage.has_table(table):
        expected = lake.scan(table).collect_schema()
    if expected is None or schema == expected:
        return
    raise LakeError(
        f"The frame does not have the schema of table {table!r} ({differences(schema, expected)}).",
        next_step=f"Select and cast these columns in this order: {', '.join(expected)}.",
    )


def _is_older(held: DeltaTable, schema: pl.Schema) -> bool:
    """Tell whether a declared table was last written before one of its columns was there."""
    return not {field.name for field in held.schema().fields}.issuperset(schema)


def commit_properties(
    commit_id: str, note: Mapping[str, str], cursors: Mapping[str, int] | None = None, *, retries: int | None = None
) -> CommitProperties:
    """Return what a commit of this platform says of itself, and how often it may be put after another writer's."""
    return CommitProperties(
        custom_metadata={NOTE: json.dumps(dict(note)), COMMIT_ID: commit_id},
        max_commit_retries=retries,
        app_transactions=[Transaction(name, number) for name, number in (cursors or {}).items()],
    )


def writing(table: str) -> WriterProperties:
    """Return how rows that come in are written."""
    if table == INTERACTIONS:
        # Many rows, read often: written and read faster than with ZSTD, by which a compaction packs them smaller.
        return WriterProperties(
            compression="LZ4_RAW",
            column_properties=_COLUMNS,
            write_batch_size=_ROWS_AT_ONCE,
            data_page_row_count_limit=_ROWS_IN_PAGE,
        )
    return WriterProperties(compression="ZSTD", compression_level=1)


def packing(table: str, *, rows_in_group: int | None = None) -> WriterProperties:
    """Return how rows are written that are put together to stay."""
    columns = _COLUMNS if table == INTERACTIONS else None
    return WriterProperties(compression="ZSTD", max_row_group_size=rows_in_group, column_properties=columns)
