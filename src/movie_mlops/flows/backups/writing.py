"""Writing a back-up."""

import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Column, String, Table, Text, delete, insert, select

from movie_mlops.core import clock
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.flows.backups.contents import Section, collect
from movie_mlops.flows.backups.files import FORMAT, MANIFEST, SECTIONS, Manifest, write_keys, write_seal
from movie_mlops.flows.errors import BackupError
from movie_mlops.flows.platform import Platform
from movie_mlops.security.envelope import GENERAL, DataKeys, Envelopes
from movie_mlops.state import METADATA, Database

PLACES: Final = Table(
    "backup_places",
    METADATA,
    Column("place", Text, primary_key=True),
    Column("at", String(32), nullable=False),
)
"""Where back-ups were written, so that a key that is destroyed is destroyed there too."""


@dataclass(frozen=True)
class Backup:
    """A back-up that was written.

    Attributes:
        folder: Where it lies.
        people: Of how many persons.
        rows: Rows of the lake and of the state.
        bytes: The size of its sections.
    """

    folder: Path
    people: int
    rows: int
    bytes: int


def write_backup(platform: Platform, place: Path, *, progress: Progress = SILENT) -> Backup:
    """Write the state and the lake of a data set, each person's part under that person's key.

    Args:
        platform: The stores; nobody else should write them meanwhile.
        place: A folder that holds back-ups; made when missing, for its owner alone.
        progress: Told of each person.

    Raises:
        BackupError: The place cannot be written.
    """
    dataset, made_at = platform.workspace.dataset, clock.now()
    name = f"{dataset}-{made_at:%Y%m%dT%H%M%S%fZ}"
    place = place.expanduser().resolve()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=place))
    except OSError as error:
        raise BackupError(
            f"No back-up can be written to {place} ({error.strerror}).", next_step="Name a folder that you may write."
        ) from error
    keys = DataKeys(platform.database)
    envelopes = Envelopes(keys, platform.masters())
    sections, versions = collect(platform.lake, platform.database)
    named = envelopes.prepare([*sections, GENERAL])
    people = sorted((owner for owner in sections if owner != GENERAL), key=named.__getitem__)
    manifest = Manifest(
        format=FORMAT,
        dataset=dataset,
        name=name,
        made_at=clock.to_iso(made_at),
        lake=versions,
        people=len(people),
        sha256="",
    )
    rows = 0
    try:
        with (part / SECTIONS).open("wb") as file, progress.task("Encrypting", len(people) + 1, "people") as advance:
            for owner in (*people, GENERAL):
                section = sections.get(owner, Section())
                rows += _rows(section)
                # The last one, which nobody can be left out of unnoticed, names all before it.
                told = {"owner": owner, "lake": section.lake, "state": section.state}
                if owner == GENERAL:
                    told["sections"] = [named[one] for one in people]
                data = zlib.compress(orjson.dumps(told), 1)
                write_seal(file, envelopes.seal(named[owner], data, place=manifest.place))
                advance(1)
            file.flush()
            os.fsync(file.fileno())
        # In pieces: a back-up may be larger than the memory.
        with (part / SECTIONS).open("rb") as file:
            digest = sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
        (part / MANIFEST).write_text(
            manifest.model_copy(update={"sha256": digest.hexdigest()}).model_dump_json(indent=2)
        )
        note_place(platform.database, place)
        write_keys(place, dataset, keys.for_copies())
        size = (part / SECTIONS).stat().st_size
        part.replace(place / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Backup(place / name, len(people), rows, size)


def note_place(database: Database, place: Path) -> None:
    """Remember that back-ups lie there."""
    with database.write() as connection:
        if connection.execute(select(PLACES.c.place).where(PLACES.c.place == str(place))).first() is None:
            connection.execute(insert(PLACES).values(place=str(place), at=clock.to_iso(clock.now())))


def places(database: Database) -> list[Path]:
    """Return where back-ups were written."""
    with database.read() as connection:
        return [Path(row.place) for row in connection.execute(select(PLACES).order_by(PLACES.c.place))]


def give_up_place(database: Database, place: Path) -> None:
    """Forget that back-ups lay there; what still lies there can be read by who has its keys and the master key."""
    with database.write() as connection:
        connection.execute(delete(PLACES).where(PLACES.c.place == str(place.expanduser().resolve())))


def _rows(section: Section) -> int:
    lake = sum(len(next(iter(columns.values()))) for columns in section.lake.values() if columns)
    return lake + sum(len(rows) for rows in section.state.values())
