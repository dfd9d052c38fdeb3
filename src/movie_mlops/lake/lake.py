"""The lake: named Delta tables under one folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from movie_mlops.core import clock
from movie_mlops.lake.config import LakeConfig
from movie_mlops.lake.errors import LakeError
from movie_mlops.lake.schemas import SCHEMAS

_NOTE: Final = "note"
# delta-rs gives up on, or decodes, the first six; DuckDB would read the others as patterns.
_FORBIDDEN: Final = frozenset("[]^|%\\*?")
# Every version stays readable: Delta would otherwise forget log entries after 30 days.
_KEEP_FOR_EVER: Final = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table as it is now.

    Attributes:
        name: The table's name.
        version: The newest version; versions count from 0.
        rows: How many rows that version has.
        bytes: The size of that version's data files.
        modified: When that version was committed (aware UTC).
    """

    name: str
    version: int
    rows: int
    bytes: int
    modified: datetime


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


class Lake:
    """Delta tables under one folder; polars frames in, polars frames out.

    Args:
        config: Where the lake is. The folder need not exist yet.

    Raises:
        LakeError: The folder's path holds a character that Delta or DuckDB cannot take in a path.
    """

    def __init__(self, config: LakeConfig) -> None:
        self._root = config.root.absolute()
        if bad := sorted(_FORBIDDEN & set(str(self._root))):
            raise LakeError(
                f"The lake cannot be in {self._root}: its path holds {' '.join(bad)}.",
                next_step="Name another folder with --home.",
            )

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(path.name for path in self._root.iterdir() if (path / "_delta_log").is_dir())

    def tables(self) -> list[TableInfo]:
        """Return every table as it is now, by name."""
        return [self._info(name) for name in self.names()]

    def version(self, table: str) -> int | None:
        """Return the newest version of ``table``, or ``None`` where it does not exist yet."""
        return self._open(table).version() if table in self.names() else None

    def has_rows(self, table: str) -> bool:
        """Return whether the newest version of ``table`` has any row; a table that does not exist has none."""
        return table in self.names() and self._info(table).rows > 0

    def append(self, table: str, frame: pl.DataFrame, *, note: Mapping[str, str] | None = None) -> int:
        """Add ``frame``'s rows in one commit and return the new version.

        Raises:
            LakeError: The frame does not have the table's schema.
        """
        return self._write(table, frame, "append", note)

    def overwrite(self, table: str, frame: pl.DataFrame, *, note: Mapping[str, str] | None = None) -> int:
        """Put ``frame`` in the place of all rows in one commit and return the new version; older versions stay.

        Raises:
            LakeError: The frame does not have the schema that the platform declares for the table.
        """
        return self._write(table, frame, "overwrite", note)

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """Return ``table`` lazily, as it was at ``version`` (newest when ``None``).

        A version from before a column was declared reads that column as unknown: null, or an empty list.

        Raises:
            LakeError: There is no such table or version.
        """
        files = self._files(table, delta := self.delta(table, version=version))
        declared = SCHEMAS.get(table)
        if not files:
            return pl.LazyFrame(schema=declared) if declared else pl.scan_delta(delta)
        # Not pl.scan_delta on the files: it looks for them under a percent-encoded path ("my%20lake").
        if declared is None:
            return pl.scan_parquet(files, glob=False)
        rows = pl.scan_parquet(files, glob=False, schema=declared, missing_columns="insert")
        lists = [name for name, dtype in declared.items() if isinstance(dtype, pl.List)]
        return rows.with_columns(pl.col(name).fill_null([]) for name in lists)

    def history(self, table: str) -> list[Commit]:
        """Return the commits of ``table``, newest first.

        Raises:
            LakeError: There is no such table.
        """
        newest = self.delta(table).version()
        return [self._commit(table, version) for version in range(newest, -1, -1)]

    def sql(self, query: str, *, versions: Mapping[str, int] | None = None) -> pl.DataFrame:
        """Answer one reading SQL statement (DuckDB's dialect) over all tables.

        Args:
            query: ``SELECT``, ``WITH``, ``FROM``, ``DESCRIBE``, ``SUMMARIZE``, ``SHOW TABLES`` or ``EXPLAIN``.
            versions: Table name to the version to read; the newest of the others.

        Raises:
            QueryError: The query is wrong, would write, or reaches for anything outside the lake.
            LakeError: There is no such table or version in ``versions``.
        """
        from movie_mlops.lake.sql import answer  # noqa: PLC0415 - DuckDB is loaded only where SQL is asked

        wanted = dict(versions or {})
        names = sorted({*self.names(), *wanted})
        deltas = {name: self.delta(name, version=wanted.get(name)) for name in names}
        return answer(query, {name: self._files(name, delta) or pl.scan_delta(delta) for name, delta in deltas.items()})

    def delta(self, table: str, *, version: int | None = None) -> DeltaTable:
        """Return delta-rs's handle on ``table`` at ``version``.

        Raises:
            LakeError: There is no such table or version.
        """
        known = self.names()
        if table not in known:
            raise LakeError(
                f"The lake {self._root} has no table {table!r}{_among(known)}.", next_step=_suggest(table, known)
            )
        newest = self._open(table)
        if version is None or version == newest.version():
            return newest
        if not 0 <= version <= newest.version():
            nearest = max(0, min(version, newest.version()))
            raise LakeError(
                f"Table {table!r} has versions 0 to {newest.version()}; there is no version {version}.",
                next_step=f"Ask for version {nearest}, or see them all with: movie-mlops lake history {table}",
            )
        newest.load_as_version(version)
        return newest

    def _open(self, table: str) -> DeltaTable:
        try:
            return DeltaTable(self._root / table)
        except DeltaError as error:
            raise LakeError(
                f"The table {table!r} in {self._root} cannot be read ({_first_line(error)}).",
                next_step=f"Restore {self._root / table / '_delta_log'} from a back-up, or delete the table's folder"
                " and ingest again.",
            ) from error

    def _files(self, table: str, delta: DeltaTable) -> list[Path]:
        """Return the data files of the version that ``delta`` is at.

        Raises:
            LakeError: One of them is gone.
        """
        files = [self._root / table / unquote(path) for path in pl.DataFrame(delta.get_add_actions())["path"]]
        gone = [file for file in files if not file.is_file()]
        if gone:
            raise LakeError(
                f"The table {table!r} in {self._root} has lost {len(gone)} of its {len(files)} files ({gone[0].name}).",
                next_step=f"Restore the folder {self._root / table} from a back-up, or delete it and run again.",
            )
        return files

    def _info(self, name: str) -> TableInfo:
        delta = self._open(name)
        files = pl.DataFrame(delta.get_add_actions(flatten=True))
        newest = self._commit(name, delta.version())
        rows, size = int(files["num_records"].sum()), int(files["size_bytes"].sum())
        return TableInfo(name, newest.version, rows, size, newest.time)

    def _commit(self, table: str, version: int) -> Commit:
        # Not DeltaTable.history(): it is silently empty where the path holds a space or non-Latin letters.
        path = self._root / table / "_delta_log" / f"{version:020d}.json"
        with path.open(encoding="utf-8") as log:
            return _read_commit(version, [json.loads(line) for line in log])

    def _write(
        self, table: str, frame: pl.DataFrame, mode: Literal["append", "overwrite"], note: Mapping[str, str] | None
    ) -> int:
        self._check_schema(table, frame, mode)
        self._root.mkdir(parents=True, exist_ok=True)
        exists = table in self.names()
        evolved: Literal["merge", "overwrite"] = "merge" if mode == "append" else "overwrite"
        changes_schema = exists and (mode == "overwrite" if table not in SCHEMAS else self._is_older(table))
        try:
            write_deltalake(
                self._root / table,
                frame,
                mode=mode,
                schema_mode=evolved if changes_schema else None,
                configuration=None if exists else _KEEP_FOR_EVER,
                writer_properties=WriterProperties(compression="ZSTD"),
                commit_properties=CommitProperties(custom_metadata={_NOTE: json.dumps(dict(note or {}))}),
            )
        except (DeltaError, OSError) as error:
            raise LakeError(
                f"Writing {frame.height} rows to table {table!r} failed ({_first_line(error)}); it is as it was.",
                next_step=f"Check the free space and the rights of {self._root}, then run the command again.",
            ) from error
        return self._open(table).version()

    def _is_older(self, table: str) -> bool:
        """Tell whether a declared table was last written before one of its columns was declared."""
        held = {field.name for field in self._open(table).schema().fields}
        return not held.issuperset(SCHEMAS[table])

    def _check_schema(self, table: str, frame: pl.DataFrame, mode: str) -> None:
        expected = SCHEMAS.get(table)
        if expected is None and mode == "append" and table in self.names():
            expected = self.scan(table).collect_schema()
        if expected is None or frame.schema == expected:
            return
        wrong = [
            f"{name}: {frame.schema.get(name, 'missing')} instead of {expected.get(name, 'no such column')}"
            for name in dict.fromkeys([*expected, *frame.schema])
            if frame.schema.get(name) != expected.get(name)
        ]
        why = "; ".join(wrong) or "columns in another order"
        raise LakeError(
            f"The frame does not have the schema of table {table!r} ({why}).",
            next_step=f"Select and cast these columns in this order: {', '.join(expected)}.",
        )


def _read_commit(version: int, actions: list[dict[str, Any]]) -> Commit:
    """Read one file of Delta's log; other writers may leave anything but the time out."""
    info: dict[str, Any] = next(action["commitInfo"] for action in actions if "commitInfo" in action)
    metrics = info.get("operationMetrics", {})
    rows = metrics.get("num_added_rows", metrics.get("numOutputRows"))
    return Commit(
        version=version,
        time=clock.from_unix(info["timestamp"] / 1000),
        operation=str(info.get("operationParameters", {}).get("mode", info.get("operation", "unknown"))).lower(),
        rows=None if rows is None else int(rows),
        note=json.loads(info.get(_NOTE, "{}")),
    )


def _first_line(error: Exception) -> str:
    # What follows is where in its own code the engine stood.
    return str(error).strip().split("\n")[0]


def _among(known: list[str]) -> str:
    return f" (it has: {', '.join(known)})" if known else " (it is empty)"


def _suggest(table: str, known: list[str]) -> str:
    near = get_close_matches(table, known, n=1, cutoff=0.0)
    if not near:
        return "Fill it first with: movie-mlops ingest --source sample"
    return f"Did you mean {near[0]!r}? See them all with: movie-mlops lake tables"
