"""The registry: names and versions of bundles, and the aliases that point at them.

It is a record in the state database; the bundles' folders hold none of it, so that a bundle's bytes never depend on
what it is called. Rows are added and never changed. A lost registry is made again from the folders: each bundle that
has no version gets one, in the order in which their manifests were written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release.errors import BundleError, RegistryError
from movie_mlops.release.folders import list_bundles, read_manifest
from movie_mlops.release.manifest import MANIFEST, Manifest, parse_manifest
from movie_mlops.release.references import NAME
from movie_mlops.state import METADATA, Database, append_only

BUNDLES: Final = Table(
    "registered_bundles",
    METADATA,
    Column("bundle_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    # Microseconds since 1970 UTC, as in the ledger.
    Column("at", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("by", Text, nullable=False),
    # What the bundle said of itself outlives its folder: a passport may name it for years.
    Column("manifest", Text, nullable=False),
    UniqueConstraint("name", "version"),
)

ACTS: Final = Table(
    "registry_acts",
    METADATA,
    Column("act_id", Integer, primary_key=True, autoincrement=True),
    Column("bundle_id", Text, nullable=False, index=True),
    Column("act", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_autoincrement=True,
)


append_only(BUNDLES)
append_only(ACTS)

_ATTEMPTS: Final = 20


@dataclass(frozen=True)
class Registered:
    """A bundle that has a name and a version.

    Attributes:
        bundle_id: Its id.
        name: What it is a version of: the data set that it was trained on.
        version: Counted per name from 1; never used twice.
        at: Since when it is known (aware UTC).
        origin: ``trained``, ``imported`` or ``found``.
        by: Who brought it.
    """

    bundle_id: str
    name: str
    version: int
    at: datetime
    origin: str
    by: str

    @property
    def label(self) -> str:
        """Name and version, as commands take them."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Act:
    """Something that somebody did with a bundle.

    Attributes:
        bundle_id: Which.
        act: ``signed``, ``imported``, ``exported`` or ``removed``.
        at: When (aware UTC).
        by: Who.
        reason: Why, in words.
    """

    bundle_id: str
    act: str
    at: datetime
    by: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the act as plain data."""
        return {"act": self.act, "at": clock.to_iso(self.at), "by": self.by, "reason": self.reason}


class Registry:
    """Names, versions and acts.

    Args:
        database: The state database.
        models: The folder of the bundles.
    """

    def __init__(self, database: Database, models: Path) -> None:
        self._database = database
        self._models = models

    def all(self) -> list[Registered]:
        """Return every bundle that was ever registered, by name and version."""
        with self._database.read() as connection:
            rows = connection.execute(select(BUNDLES).order_by(BUNDLES.c.name, BUNDLES.c.version)).all()
        return [_registered(row) for row in rows]

    def find(self, bundle_id: str) -> Registered | None:
        """Return what is known of a bundle."""
        with self._database.read() as connection:
            return _find(connection, bundle_id)

    def manifest(self, bundle_id: str) -> Manifest | None:
        """Return what a bundle said of itself when it was registered, also where its folder is gone."""
        with self._database.read() as connection:
            text = connection.execute(select(BUNDLES.c.manifest).where(BUNDLES.c.bundle_id == bundle_id)).scalar()
        return None if text is None else parse_manifest(text.encode())

    def register(self, manifest: Manifest, *, origin: str, by: str) -> Registered:
        """Give a bundle the next version of its name; one that has a version keeps it."""
        values = {"bundle_id": manifest.bundle_id, "name": name_of(manifest), "origin": origin, "by": by}
        values["manifest"] = manifest.to_bytes().decode()
        for _ in range(_ATTEMPTS):
            try:
                with self._database.write() as connection:
                    return _find(connection, manifest.bundle_id) or _add(connection, values)
            except IntegrityError:
                # Another process took the version; where databases let two write at once, the next one is free.
                continue
        raise RegistryError(
            f"{manifest.bundle_id!r} could not be given a version: others took each one first.",
            next_step="Run the command again.",
        )

    def adopt(self, *, but: str | None = None) -> list[Registered]:
        """Register every bundle that lies in the folder and has no version, the oldest manifest first.

        Args:
            but: A bundle that the caller registers itself.
        """
        known = {but, *(registered.bundle_id for registered in self.all())}
        found: list[tuple[float, str, Manifest]] = []
        for bundle_id in list_bundles(self._models):
            if bundle_id in known:
                continue
            path = self._models / bundle_id
            try:
                manifest = read_manifest(path)
                found.append(((path / MANIFEST).stat().st_mtime, bundle_id, manifest))
            except BundleError:
                # What cannot be read has no name; 'models verify' says what is wrong with it.
                continue
        return [self.register(manifest, origin="found", by="registry") for _, _, manifest in sorted(found, key=_by_age)]

    def note(self, bundle_id: str, act: str, *, by: str, reason: str) -> None:
        """Keep what somebody did with a bundle.

        Raises:
            RegistryError: Nobody says who, or why.
        """
        check_words(f"What was done with {bundle_id!r}", by=by, reason=reason)
        at = clock.microseconds(clock.now())
        with self._database.write() as connection:
            connection.execute(insert(ACTS).values(bundle_id=bundle_id, act=act, at=at, by=by, reason=reason))

    def acts(self, bundle_id: str) -> list[Act]:
        """Return what was done with a bundle, oldest first."""
        query = select(ACTS).where(ACTS.c.bundle_id == bundle_id).order_by(ACTS.c.act_id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Act(row.bundle_id, row.act, clock.from_microseconds(row.at), row.by, row.reason) for row in rows]


def name_of(manifest: Manifest) -> str:
    """Return what a bundle is a version of: the data set that it was trained on, else its model."""
    dataset = manifest.facts.get("dataset")
    return dataset if isinstance(dataset, str) and NAME.fullmatch(dataset) else manifest.model


def check_words(what: str, *, by: str, reason: str) -> None:
    """Refuse an act that nobody answers for.

    Raises:
        RegistryError: Nobody says who, or why.
    """
    if not by.strip() or not reason.strip():
        raise RegistryError(f"{what} has no reason, or nobody who did it.", next_step="Give both in words.")


def _by_age(found: Sequence[Any]) -> tuple[float, str]:
    return found[0], found[1]


def _find(connection: Connection, bundle_id: str) -> Registered | None:
    row = connection.execute(select(BUNDLES).where(BUNDLES.c.bundle_id == bundle_id)).one_or_none()
    return None if row is None else _registered(row)


def _add(connection: Connection, values: dict[str, Any]) -> Registered:
    last = connection.execute(select(func.max(BUNDLES.c.version)).where(BUNDLES.c.name == values["name"])).scalar()
    row = {**values, "version": (last or 0) + 1, "at": clock.microseconds(clock.now())}
    connection.execute(insert(BUNDLES).values(row))
    added = _find(connection, values["bundle_id"])
    assert added is not None
    return added


def _registered(row: Row[Any]) -> Registered:
    at = clock.from_microseconds(row.at)
    return Registered(row.bundle_id, row.name, row.version, at, row.origin, row.by)
