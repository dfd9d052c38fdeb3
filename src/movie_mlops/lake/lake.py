"""The lake: named Delta tables under one root."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from movie_mlops.lake.checksums import Recorder
from movie_mlops.lake.config import LakeConfig
from movie_mlops.lake.errors import LakeError, first_line, no_such_table
from movie_mlops.lake.log import Commit, UnreadableEntryError, read_entry
from movie_mlops.lake.plain import require_plain
from movie_mlops.lake.schemas import SCHEMAS
from movie_mlops.lake.sealed import SEALED, Seals, in_files, opened
from movie_mlops.lake.storage import open_storage
from movie_mlops.lake.uses import Uses
from movie_mlops.lake.vacuumed import forgotten
from movie_mlops.lake.writing import ANY, NO_CURSOR, write

# Words that delta-rs knows and polars does not.
_DELTA_ONLY: Final = frozenset({"aws_conditional_put", "max_retries", "retry_timeout"})


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


class Lake:
    """Delta tables in one folder or under one S3 prefix; polars frames in, polars frames out.

    Args:
        config: Where the lake is. The folder need not exist yet; the bucket must.
        seals: What seals and opens the facts of people; without it nothing is sealed, and what is sealed cannot be
            read.

    Attributes:
        storage: The files under the tables, for what takes care of them.
        uses: Which versions were read and written through this object.
        recorder: Takes the checksums of what is written.
        seals: What seals and opens.

    Raises:
        LakeError: The root cannot hold a lake.
    """

    def __init__(self, config: LakeConfig, seals: Seals | None = None) -> None:
        self.storage = open_storage(config)
        self.seals = seals
        self.uses = Uses()
        self.recorder = Recorder()

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return [name for name in self.storage.folders() if self.storage.has_table(name)]

    def tables(self) -> list[TableInfo]:
        """Return every table as it is now, by name."""
        return [self._info(name) for name in self.names()]

    def version(self, table: str) -> int | None:
        """Return the newest version of ``table``, or ``None`` where it does not exist yet."""
        return None if (newest := self.newest(table)) is None else newest.version()

    def has_rows(self, table: str) -> bool:
        """Return whether the newest version of ``table`` has any row; a table that does not exist has none."""
        return table in self.names() and self._info(table).rows > 0

    def append(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        note: Mapping[str, str] | None = None,
        after: int | None = ANY,
        cursors: Mapping[str, int] | None = None,
    ) -> int:
        """Add ``frame``'s rows in one commit and return the new version.

        Args:
            table: The table; made where it does not exist.
            frame: The rows.
            note: What to leave with the commit.
            after: Commit only as the very next version after this one (``None``: only as the first), so that what was
                decided from it still holds; left out, the rows go in whatever others write meanwhile.
            cursors: Names and numbers that :meth:`cursor` gives from this commit on.

        Raises:
            ConflictError: Another writer committed after version ``after``; nothing was written.
            LakeError: The frame does not have the table's schema.
        """
        return write(self, table, frame, "append", note=note, after=after, cursors=cursors)

    def overwrite(
        self,
        table: str,
        frame: pl.DataFrame | Iterable[pl.DataFrame],
        *,
        note: Mapping[str, str] | None = None,
        after: int | None = ANY,
    ) -> int:
        """Put ``frame`` in the place of all rows in one commit and return the new version; older versions stay.

        Args:
            table: The table; made where it does not exist.
            frame: The rows, or frames of them that are asked for one after the other while they are written, so that
                they need not be held together (see :class:`~movie_mlops.lake.streaming.Stream`); where another writer
                comes between, they are asked for again.
            note: What to leave with the commit.
            after: As for :meth:`append`.

        Raises:
            ConflictError: Another writer committed after version ``after``, as for :meth:`append`.
            LakeError: The frame does not have the schema that the platform declares for the table.
        """
        return write(self, table, frame, "overwrite", note=note, after=after)

    def cursor(self, table: str, name: str) -> int | None:
        """Return the number that the last commit with this cursor left; ``None`` where there is none."""
        number = None if (newest := self.newest(table)) is None else newest.transaction_version(name)
        return None if number == NO_CURSOR else number

    def files(self, table: str, *, version: int | None = None) -> frozenset[str]:
        """Return the paths of a version's data files, under the table's folder.

        Raises:
            LakeError: There is no such table or version.
        """
        return frozenset(_paths(self.delta(table, version=version)))

    def scan(self, table: str, *, version: int | None = None, only: Collection[str] | None = None) -> pl.LazyFrame:
        """Return ``table`` lazily, as it was at ``version`` (newest when ``None``).

        A version from before a column was declared reads that column as unknown: null, or an empty list.

        Args:
            table: The table.
            version: The version.
            only: Read these of the version's files (see :meth:`files`) and no other.

        Raises:
            LakeError: There is no such table or version.
        """
        files = self._files(table, delta := self.delta(table, version=version), only)
        self.uses.reads(table, delta.version())
        return self._rows_of(table, delta, files)

    def scan_apart(self, table: str, *, version: int | None = None) -> list[tuple[pl.LazyFrame, int]]:
        """Return each file of :meth:`scan` by itself, in the same order, with how many rows it has.

        Raises:
            LakeError: There is no such table or version.
        """
        files = self._files(table, delta := self.delta(table, version=version))
        self.uses.reads(table, delta.version())
        rows = pl.DataFrame(delta.get_add_actions())["num_records"]
        return [(self._rows_of(table, delta, [file]), many) for file, many in zip(files, rows, strict=True)]

    def _rows_of(self, table: str, delta: DeltaTable, files: list[str]) -> pl.LazyFrame:
        declared = SCHEMAS.get(table)
        if not files:
            return pl.LazyFrame(schema=declared) if declared else self._no_rows(delta)
        # Not pl.scan_delta on the files: it looks for them under a percent-encoded path ("my%20lake").
        if declared is None:
            return self._kept(table, files)
        rows = opened(table, self._kept(table, files), self.seals)
        lists = [name for name, dtype in declared.items() if isinstance(dtype, pl.List)]
        return rows.with_columns(pl.col(name).fill_null([]) for name in lists) if lists else rows

    def scan_file(self, table: str, path: str, *, as_kept: bool = False) -> pl.LazyFrame:
        """Return the rows of one data file lazily, also of one that no version needs any more.

        Args:
            table: The table.
            path: The file, under the table's folder.
            as_kept: Leave sealed what is sealed.
        """
        rows = self._kept(table, [self.storage.address(f"{table}/{path}")])
        return rows if as_kept else opened(table, rows, self.seals)

    def _kept(self, table: str, files: list[str]) -> pl.LazyFrame:
        """Return the rows of files as they lie there."""
        columns = in_files(table)
        return pl.scan_parquet(
            files,
            glob=False,
            schema=columns,
            missing_columns="raise" if columns is None else "insert",
            storage_options=self._reading(),
            credential_provider=None,
        )

    def history(self, table: str) -> list[Commit]:
        """Return the commits of ``table``, newest first.

        Raises:
            LakeError: There is no such table.
        """
        newest = self.delta(table).version()
        return [self.commit(table, version) for version in range(newest, -1, -1)]

    def given_up(self, table: str) -> dict[int, datetime]:
        """Return the versions of ``table`` that can no longer be read, each with the time of its vacuum."""
        return forgotten(self.storage, table)

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
        return answer(query, {name: self._for_sql(name, wanted.get(name)) for name in names})

    def newest(self, table: str) -> DeltaTable | None:
        """Return delta-rs's handle on the newest version of ``table``, or ``None`` where it does not exist yet."""
        return self._open(table) if self.storage.has_table(table) else None

    def delta(self, table: str, *, version: int | None = None) -> DeltaTable:
        """Return delta-rs's handle on ``table`` at ``version``.

        Raises:
            LakeError: There is no such table or version.
        """
        self.require(table)
        newest = self._open(table)
        if version is None or version == newest.version():
            return newest
        if not 0 <= version <= newest.version():
            nearest = max(0, min(version, newest.version()))
            raise LakeError(
                f"Table {table!r} has versions 0 to {newest.version()}; there is no version {version}.",
                next_step=f"Ask for version {nearest}, or see them all with: movie-mlops lake history {table}",
            )
        if version in (gone := self.given_up(table)):
            raise LakeError(
                f"Version {version} of table {table!r} was given up by a vacuum on {gone[version]:%Y-%m-%d}.",
                next_step=f"See which versions can be read with: movie-mlops lake history {table}",
            )
        with self.named_faults():
            newest.load_as_version(version)
        return newest

    def require(self, table: str) -> None:
        """Do nothing where the table exists.

        Raises:
            LakeError: There is no such table.
        """
        if not self.storage.has_table(table):
            raise no_such_table(self.storage.place, table, self.names())

    def commit(self, table: str, version: int) -> Commit:
        """Return what the log says of a version.

        Raises:
            LakeError: The log's entry is missing or damaged.
        """
        try:
            return read_entry(self.storage, table, version).commit
        except (FileNotFoundError, UnreadableEntryError) as error:
            raise LakeError(
                f"Version {version} of table {table!r} has no readable entry in the log.",
                next_step=f"See what is damaged with: movie-mlops lake verify {table}",
            ) from error

    def own_version(self, table: str, commit_id: str) -> int:
        """Return the version that the write ``commit_id`` made; others may have written since."""
        newest = self._open(table).version()
        mine = (v for v in range(newest, -1, -1) if read_entry(self.storage, table, v).commit_id == commit_id)
        return next(mine)

    def _open(self, table: str) -> DeltaTable:
        try:
            with self.named_faults():
                return DeltaTable(self.storage.address(table), storage_options=self.storage.options or None)
        except DeltaError as error:
            raise LakeError(
                f"The table {table!r} in {self.storage.place} cannot be read ({first_line(error)}).",
                next_step=f"Restore {self.storage.address(table)}/_delta_log from a back-up, or delete the table's"
                " folder and ingest again.",
            ) from error

    @contextmanager
    def named_faults(self) -> Iterator[None]:
        """Turn what the storage says into a sentence for people; its own words, which may hold keys, stay out.

        Raises:
            StorageError: The storage is at fault.
        """
        try:
            yield
        except (DeltaError, OSError) as error:
            if fault := self.storage.fault(error):
                raise fault from None
            raise

    def _reading(self) -> dict[str, str | int] | None:
        """Return what polars must know to read the files."""
        options = {name: value for name, value in self.storage.options.items() if name not in _DELTA_ONLY}
        return {**options, "max_retries": int(self.storage.options["max_retries"])} if options else None

    def _files(self, table: str, delta: DeltaTable, only: Collection[str] | None = None) -> list[str]:
        """Return the addresses of the data files of the version that ``delta`` is at, or of some of them.

        Raises:
            LakeError: One of them is gone.
        """
        require_plain(table, delta)
        paths = [path for path in _paths(delta) if only is None or path in only]
        # On S3 each question is a round trip; a file that is gone there is told when it is read.
        gone = (
            []
            if self.storage.options
            else [p for p in paths if not Path(self.storage.address(f"{table}/{p}")).is_file()]
        )
        if gone:
            raise LakeError(
                f"The table {table!r} in {self.storage.place} has lost {len(gone)} of its {len(paths)} files"
                f" ({Path(gone[0]).name}).",
                next_step=f"Restore {self.storage.address(table)} from a back-up, or delete it and run again.",
            )
        return [self.storage.address(f"{table}/{path}") for path in paths]

    def _for_sql(self, table: str, version: int | None) -> list[str] | pl.LazyFrame:
        delta = self.delta(table, version=version)
        files = self._files(table, delta)
        straight = bool(files) and self.storage.sql_reads_files and table not in SEALED
        return files if straight else self.scan(table, version=version)

    def _no_rows(self, delta: DeltaTable) -> pl.LazyFrame:
        return pl.DataFrame(schema=pl.DataFrame(delta.schema().to_arrow().empty_table()).schema).lazy()

    def _info(self, name: str) -> TableInfo:
        delta = self._open(name)
        files = pl.DataFrame(delta.get_add_actions(flatten=True))
        newest = self.commit(name, delta.version())
        rows, size = int(files["num_records"].sum()), int(files["size_bytes"].sum())
        return TableInfo(name, newest.version, rows, size, newest.time)


def _paths(delta: DeltaTable) -> list[str]:
    return [unquote(path) for path in pl.DataFrame(delta.get_add_actions())["path"]]
