"""Aliases: names of one's own for bundles, moved by compare-and-swap, every move on record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Integer, Row, Table, Text, UniqueConstraint, insert, select
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release.errors import AliasConflictError, RegistryError
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.references import ALIAS, CHAMPION
from movie_mlops.release.registry import BUNDLES, check_words
from movie_mlops.state import METADATA, Database, append_only

_FIRST: Final = 0
"""Stands for "no move before", as in the ledger."""

_NOWHERE: Final = ""
"""Where an alias points that was taken away."""

MOVES: Final = Table(
    "alias_moves",
    METADATA,
    Column("move_id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("bundle_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # Unique: a move has one successor, whatever the isolation of the database.
    Column("previous_move_id", Integer, nullable=False),
    UniqueConstraint("name", "alias", "previous_move_id"),
    sqlite_autoincrement=True,
)
append_only(MOVES)


@dataclass(frozen=True)
class Move:
    """One move of one alias.

    Attributes:
        name: Of what the alias names a version.
        alias: The alias.
        bundle_id: Where it points since; ``None`` where it was taken away.
        at: When (aware UTC).
        by: Who.
        reason: Why, in words.
    """

    name: str
    alias: str
    bundle_id: str | None
    at: datetime
    by: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the move as plain data."""
        return {
            "alias": f"{self.name}@{self.alias}",
            "bundle_id": self.bundle_id,
            "at": clock.to_iso(self.at),
            "by": self.by,
            "reason": self.reason,
        }


class Aliases:
    """Says what each alias points at. ``champion`` is what the ledger says; only the ledger moves it.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = Ledger(database)

    def all(self) -> dict[tuple[str, str], str]:
        """Return the bundle of each name and alias."""
        with self._database.read() as connection:
            rows = connection.execute(select(MOVES).order_by(MOVES.c.move_id)).all()
        found = {(row.name, row.alias): row.bundle_id for row in rows}
        champion = self._ledger.champion()
        if champion is not None:
            with self._database.read() as connection:
                name = _name(connection, champion.bundle_id)
            if name is not None:
                found[name, CHAMPION] = champion.bundle_id
        return {key: bundle_id for key, bundle_id in found.items() if bundle_id != _NOWHERE}

    def of(self, bundle_id: str) -> list[str]:
        """Return the aliases that point at a bundle, in alphabetical order."""
        return sorted(alias for (_, alias), found in self.all().items() if found == bundle_id)

    def moves(self) -> list[Move]:
        """Return every move, newest first; those of ``champion`` are the ledger's."""
        with self._database.read() as connection:
            rows = connection.execute(select(MOVES).order_by(MOVES.c.move_id.desc())).all()
        return [_move(row) for row in rows]

    def move(
        self, name: str, alias: str, bundle_id: str | None, *, expected: str | None, by: str, reason: str
    ) -> Move | None:
        """Point an alias at a bundle, or take it away, provided that it still is where the caller saw it.

        Args:
            name: Of what the alias names a version.
            alias: The alias.
            bundle_id: A registered bundle of that name; ``None`` to take the alias away.
            expected: Where the caller saw it; ``None`` where there was none.
            by: Who.
            reason: Why, in words.

        Returns:
            The move; ``None`` where the alias is there already.

        Raises:
            AliasConflictError: It points elsewhere by now.
            RegistryError: That cannot be an alias, or the bundle is not of that name.
        """
        _check_alias(alias)
        check_words(f"The move of {name}@{alias}", by=by, reason=reason)
        try:
            with self._database.write() as connection:
                if bundle_id is not None and (owner := _name(connection, bundle_id)) != name:
                    what = "has no name" if owner is None else f"is a version of {owner!r}"
                    raise RegistryError(
                        f"{bundle_id!r} {what}, not of {name!r}.", next_step="Look at: movie-mlops models list"
                    )
                last = _last(connection, name, alias)
                present = last.bundle_id or None if last else None
                if present == bundle_id:
                    return None
                if present != expected:
                    raise _moved(name, alias, present, expected)
                return _add(connection, last, name, alias, bundle_id, by=by, reason=reason)
        except IntegrityError as error:
            raise _moved(name, alias, "elsewhere", expected) from error


def _check_alias(alias: str) -> None:
    if alias == CHAMPION:
        raise RegistryError(
            "The alias 'champion' says what serves, and only the ledger moves it.",
            next_step="Release with 'movie-mlops release promote BUNDLE --reason …', or go back with"
            " 'movie-mlops release rollback --reason …'.",
        )
    if not ALIAS.fullmatch(alias):
        raise RegistryError(
            f"{alias!r} cannot be an alias.",
            next_step="Use up to 32 lower-case letters, digits and hyphens, a letter first.",
        )


def _moved(name: str, alias: str, present: str | None, expected: str | None) -> AliasConflictError:
    return AliasConflictError(
        f"{name}@{alias} is {present or 'not there'} by now, not {expected or 'missing'} as it was when the decision"
        " was made.",
        next_step="Look at what it points at now, then move it again.",
    )


def _name(connection: Connection, bundle_id: str) -> str | None:
    name: str | None = connection.execute(select(BUNDLES.c.name).where(BUNDLES.c.bundle_id == bundle_id)).scalar()
    return name


def _last(connection: Connection, name: str, alias: str) -> Row[Any] | None:
    query = select(MOVES).where(MOVES.c.name == name, MOVES.c.alias == alias)
    return connection.execute(query.order_by(MOVES.c.move_id.desc()).limit(1)).one_or_none()


def _add(
    connection: Connection,
    last: Row[Any] | None,
    name: str,
    alias: str,
    bundle_id: str | None,
    *,
    by: str,
    reason: str,
) -> Move:
    values = {
        "name": name,
        "alias": alias,
        "bundle_id": bundle_id or _NOWHERE,
        "at": clock.microseconds(clock.now()),
        "by": by,
        "reason": reason,
        "previous_move_id": _FIRST if last is None else last.move_id,
    }
    connection.execute(insert(MOVES).values(values))
    row = _last(connection, name, alias)
    assert row is not None
    return _move(row)


def _move(row: Row[Any]) -> Move:
    at = clock.from_microseconds(row.at)
    return Move(row.name, row.alias, row.bundle_id or None, at, row.by, row.reason)
