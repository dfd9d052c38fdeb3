"""Checks of a table: is every file that a readable version needs there, whole, and what the log says of it?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

import polars as pl
from polars.exceptions import PolarsError

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.lake import checksums, log, vacuumed
from movie_mlops.lake.checksums import Checksums
from movie_mlops.lake.errors import CareError, LakeError, StorageError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.log import DataFile, Entry, UnreadableEntryError

# Delta's statistics hold times to the millisecond, cut off.
_TIME_TOLERANCE: Final = timedelta(milliseconds=1)
_ORDERED: Final = (pl.Boolean, pl.String, pl.Date, pl.Datetime)


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that is not as it was written.

    Attributes:
        table: The table.
        place: The file, version or record.
        problem: What is wrong with it; completes the sentence "<place> …".
    """

    table: str
    place: str
    problem: str

    def __str__(self) -> str:
        """Return the defect as one line."""
        return f"{self.table}: {self.place} {self.problem}"


@dataclass(frozen=True)
class Verification:
    """What was checked of a table, and what is wrong.

    Attributes:
        table: The table.
        versions: How many versions can be read.
        files: How many data files they need together.
        bytes: Their size together.
        without_hash: Files of which no hash is recorded, such as another writer's: their bytes cannot be compared.
        defects: What is wrong; empty where all is well.
    """

    table: str
    versions: int
    files: int
    bytes: int
    without_hash: tuple[str, ...]
    defects: tuple[Defect, ...]


def verify(lake: Lake, table: str, *, progress: Progress = SILENT) -> Verification:
    """Read every log entry and every data file that a readable version of a table needs.

    A file must be there, have the size that the log says, the SHA-256 that was recorded when it was written, be
    readable as Parquet to the last value, and hold as many rows and nulls as the log says, between the bounds that it
    says.

    Raises:
        LakeError: There is no such table.
        StorageError: The storage fails.
    """
    lake.require(table)
    defects: list[Defect] = []
    recorded = checksums.read(lake.storage, table)
    defects += [Defect(table, place, "is damaged, so its hashes cannot be compared") for place in recorded.damaged]
    known, numbers = _read_log(lake, table, recorded, defects)
    versions, files = _needed(lake, table, known, numbers, defects)
    with progress.task(f"Verifying {table}", sum(file.size for file in files), "bytes") as advance:
        for file in files:
            defects += [Defect(table, file.path, problem) for problem in _problems(lake, table, file, recorded)]
            advance(file.size)
    if (problem := _cannot_open(lake, table)) is not None:
        defects.append(Defect(table, "the table", problem))
    without = tuple(file.path for file in files if file.path not in recorded.files)
    return Verification(table, versions, len(files), sum(file.size for file in files), without, tuple(defects))


def _read_log(lake: Lake, table: str, recorded: Checksums, defects: list[Defect]) -> tuple[dict[int, Entry], list[int]]:
    """Return the entries that can be read, and all version numbers that there should be."""
    present = log.versions(lake.storage, table)
    numbers = list(range(max([*present, *recorded.entries], default=-1) + 1))
    known: dict[int, Entry] = {}
    for version in numbers:
        place = f"version {version}"
        if version not in present:
            defects.append(Defect(table, place, "has no log entry: the log has a gap"))
            continue
        written = recorded.entries.get(version)
        if written is not None and lake.storage.digest(log.entry_path(table, version)) != written:
            defects.append(Defect(table, place, "has a log entry that is not the one that was written (SHA-256)"))
        try:
            known[version] = log.read_entry(lake.storage, table, version)
        except UnreadableEntryError as error:
            defects.append(Defect(table, place, str(error)))
    return known, numbers


def _needed(
    lake: Lake, table: str, known: dict[int, Entry], numbers: list[int], defects: list[Defect]
) -> tuple[int, list[DataFile]]:
    """Return how many versions can be read, and the files that they need."""
    try:
        gone = vacuumed.forgotten(lake.storage, table)
    except CareError as error:
        gone = {}
        defects.append(Defect(table, "a record of a vacuum", f"is damaged: {error.problem}"))
    needed: dict[str, DataFile] = {}
    current: dict[str, DataFile] = {}
    for version in numbers:
        if entry := known.get(version):
            kept = {path: file for path, file in current.items() if path not in entry.removed}
            current = kept | {file.path: file for file in entry.added}
        if version not in gone:
            needed |= current
    return sum(version not in gone for version in numbers), sorted(needed.values(), key=lambda file: file.path)


def _problems(lake: Lake, table: str, file: DataFile, recorded: Checksums) -> Iterator[str]:
    """Name what is wrong with a data file; the first thing that explains the others is enough."""
    try:
        content = lake.storage.read(f"{table}/{file.path}")
    except FileNotFoundError:
        yield "is missing"
        return
    except StorageError:
        raise
    except OSError as error:
        yield f"cannot be read ({error.strerror})"
        return
    if len(content) != file.size:
        yield f"has {len(content):,} bytes; the log says {file.size:,}"
        return
    written = recorded.files.get(file.path)
    if written is not None and hashlib.sha256(content).hexdigest() != written:
        yield "has other bytes than were written (SHA-256)"
        return
    try:
        facts, schema = _facts(content)
    except PolarsError as error:
        yield f"cannot be read as Parquet ({str(error).splitlines()[0]})"
        return
    yield from _unlike_stats(file.stats, facts, schema)


def _facts(content: bytes) -> tuple[dict[str, Any], pl.Schema]:
    """Read every value, and return rows, nulls and bounds of the columns."""
    scan = pl.scan_parquet(BytesIO(content))
    schema = scan.collect_schema()
    bounded = [name for name, dtype in schema.items() if dtype.is_numeric() or isinstance(dtype, _ORDERED)]
    facts = scan.select(
        pl.len().alias("rows"),
        # Statistics in the file would answer the rest: a hash makes the values themselves be read.
        pl.struct(pl.all()).hash().max().alias("hash"),
        *(pl.col(name).null_count().alias(f"nulls {name}") for name in schema),
        *(pl.col(name).min().alias(f"min {name}") for name in bounded),
        *(pl.col(name).max().alias(f"max {name}") for name in bounded),
    ).collect()
    return facts.row(0, named=True), schema


def _unlike_stats(stats: dict[str, Any], facts: dict[str, Any], schema: pl.Schema) -> Iterator[str]:
    if (rows := stats.get("numRecords")) is not None and rows != facts["rows"]:
        yield f"has {facts['rows']:,} rows; the log says {rows:,}"
    nulls, lowest, highest = (stats.get(name) or {} for name in ("nullCount", "minValues", "maxValues"))
    for name, dtype in schema.items():
        if isinstance(nulls.get(name), int) and not dtype.is_nested() and nulls[name] != facts[f"nulls {name}"]:
            yield f"has {facts[f'nulls {name}']:,} nulls in {name}; the log says {nulls[name]:,}"
        for bounds, side, beyond in ((lowest, "min", _below), (highest, "max", _above)):
            actual = facts.get(f"{side} {name}")
            if actual is not None and name in bounds and beyond(actual, bounds[name]):
                yield f"holds {name} {actual}; the log says that its {side}imum is {bounds[name]}"


def _below(actual: Any, bound: Any) -> bool:
    if isinstance(actual, datetime):
        return actual < datetime.fromisoformat(bound)
    return bool(actual < bound)


def _above(actual: Any, bound: Any) -> bool:
    if isinstance(actual, datetime):
        return actual > datetime.fromisoformat(bound) + _TIME_TOLERANCE
    return bool(actual > bound)


def _cannot_open(lake: Lake, table: str) -> str | None:
    """Return why Delta itself cannot open the table, such as for a damaged checkpoint."""
    try:
        lake.delta(table)
    except StorageError:
        raise
    except LakeError as error:
        return f"cannot be opened: {error.problem}"
    return None
