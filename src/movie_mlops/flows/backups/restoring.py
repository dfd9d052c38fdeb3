"""Restoring a back-up into an empty data set."""

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import func, insert, select

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.events.stored import LOGS
from movie_mlops.flows.backups.contents import GENERAL_TABLES, PERSONAL_TABLES, Columns
from movie_mlops.flows.backups.files import Manifest, read_keys, read_manifest, read_seals
from movie_mlops.flows.backups.writing import note_place
from movie_mlops.flows.errors import BackupError
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import SCHEMAS
from movie_mlops.security.envelope import GENERAL, DataKeys, Envelopes, TamperedError
from movie_mlops.state import METADATA, Database


@dataclass(frozen=True)
class RestoredBackup:
    """What was restored.

    Attributes:
        people: How many persons' data are here again.
        erased: How many sections stay closed, for their keys were destroyed.
        rows: Rows of the lake and of the state.
    """

    people: int
    erased: int
    rows: int


def restore_backup(platform: Platform, folder: Path, *, progress: Progress = SILENT) -> RestoredBackup:
    """Restore what a back-up holds of everybody whose key is there; the online store is to be made again.

    Everything is opened and checked before anything is written. The state is written last, in one transaction, so a
    restoration that was interrupted is told by a lake without a state, and refused until the lake is removed.

    Raises:
        BackupError: It is no back-up of this data set, it is not whole, or something is here already.
        TamperedError: A section was changed, or belongs to somebody else.
    """
    folder = folder.expanduser().resolve()
    manifest = read_manifest(folder)
    dataset = platform.workspace.dataset
    if manifest.dataset != dataset:
        raise BackupError(
            f"{folder} is a back-up of {manifest.dataset}, not of {dataset}.",
            next_step=f"Add --dataset {manifest.dataset}.",
        )
    _require_empty(platform)
    keys = DataKeys(platform.database)
    keys.bring(read_keys(folder.parent, dataset))
    note_place(platform.database, folder.parent)
    lake: dict[str, Columns] = {}
    state: dict[str, list[dict[str, Any]]] = defaultdict(list)
    owners, erased = [], 0
    with progress.task("Decrypting", manifest.people + 1, "people") as advance:
        for key_id, section in _sections(folder, manifest, Envelopes(keys, platform.masters())):
            advance(1)
            if section is None:
                erased += 1
                continue
            owners.append((key_id, section["owner"]))
            for table, columns in section["lake"].items():
                for name, values in columns.items():
                    lake.setdefault(table, {}).setdefault(name, []).extend(values)
            for table, rows in section["state"].items():
                state[table] += rows
    keys.own(owners)
    for table, columns in lake.items():
        platform.lake.append(table, _frame(table, columns), note={"why": "back-up", "from": manifest.name})
    _write_state(platform.database, state)
    rows = sum(len(next(iter(columns.values()))) for columns in lake.values()) + sum(map(len, state.values()))
    return RestoredBackup(len(owners) - 1, erased, rows)


def _sections(folder: Path, manifest: Manifest, envelopes: Envelopes) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield every section, ``None`` for one whose key is gone; the last one says whether all were there."""
    there = envelopes.load([seal.key_id for seal in read_seals(folder)])
    seen: list[str] = []
    section: dict[str, Any] | None = None
    for seal in read_seals(folder):
        section = None
        if seal.key_id in there:
            section = orjson.loads(zlib.decompress(envelopes.open(seal, place=manifest.place)))
        seen.append(seal.key_id)
        yield seal.key_id, section
    if section is None or section["owner"] != GENERAL:
        raise BackupError(
            f"The key of what is nobody's in {folder} is not here.",
            next_step=f"Put the file of keys back beside it: {manifest.dataset}.keys.json",
        )
    if seen[:-1] != section["sections"]:
        raise TamperedError(f"The back-up {folder} does not hold what it held.", next_step="Use another copy of it.")


def _require_empty(platform: Platform) -> None:
    tables = platform.lake.names()
    with platform.database.read() as connection:
        held = [
            table.name
            for table in (*GENERAL_TABLES, *PERSONAL_TABLES)
            if table is not LOGS and connection.execute(select(func.count()).select_from(table)).scalar()
        ]
    if tables or held:
        raise BackupError(
            f"There is data here already ({', '.join([*tables, *held][:3])}).",
            next_step="Restore into another --home, or under an empty state database and lake.",
        )


def _frame(table: str, columns: Columns) -> pl.DataFrame:
    schema = SCHEMAS[table]
    plain = {name: pl.Int64() if isinstance(dtype, pl.Datetime) else dtype for name, dtype in schema.items()}
    frame = pl.DataFrame({name: columns[name] for name in schema}, schema=plain)
    return frame.with_columns(pl.col(n).cast(dtype) for n, dtype in schema.items() if isinstance(dtype, pl.Datetime))


def _write_state(database: Database, state: dict[str, list[dict[str, Any]]]) -> None:
    with database.write() as connection:
        for table in METADATA.sorted_tables:
            rows = state.get(table.name)
            if not rows:
                continue
            if table is LOGS:
                # The log is that of the back-up: who was told a place in it finds it again.
                connection.execute(table.delete())
            connection.execute(insert(table), rows)
            counted = [c for c in table.primary_key if c.autoincrement is True or table.autoincrement_column is c]
            if connection.dialect.name == "postgresql" and counted:
                # What was given numbers by hand goes on after the greatest.
                sequence = func.pg_get_serial_sequence(table.name, counted[0].name)
                connection.execute(select(func.setval(sequence, func.max(counted[0]))).select_from(table))
