"""What people permit, by purpose; what they do not is not kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, String, Table, Text, func, insert, select, update

from movie_mlops.core import clock
from movie_mlops.security.purposes import Purpose
from movie_mlops.state import METADATA, Database, fetch_rows, gained

CONSENTS: Final = Table(
    "consents",
    METADATA,
    Column("user_id", String, primary_key=True),
    Column("purpose", String(16), primary_key=True),
    Column("given", Boolean, nullable=False),
    Column("at", String(40), nullable=False),
    Column("by", Text, nullable=False),
    # When what there was for a purpose that is not permitted any more was gone.
    gained("removed_at", String(40)),
)

_SAID: Final = "SELECT user_id FROM consents WHERE purpose = ? AND given = ?"
_SOME: Final = _SAID + " AND user_id IN ({})"
_FEW: Final = 200


class Stance(StrEnum):
    """What holds of somebody who said nothing."""

    ASSUMED = "assumed"
    """They permit it until they say otherwise."""
    ASKED = "asked"
    """They permit nothing until they say so."""


@dataclass(frozen=True)
class Consent:
    """What holds of one person for one purpose.

    Attributes:
        purpose: What for.
        given: Whether it is permitted.
        at: When they said so (aware UTC); ``None`` where they said nothing.
        by: Who wrote it down; empty where they said nothing.
        removed_at: When what was kept for it was gone, where they withdrew it; ``None``: it may be there.
    """

    purpose: Purpose
    given: bool
    at: datetime | None = None
    by: str = ""
    removed_at: datetime | None = None


class Consents:
    """The consents of one data set.

    Args:
        database: Where they are kept.
        stances: What holds of those who said nothing, by purpose; assumed where a purpose is left out.
    """

    def __init__(self, database: Database, stances: Mapping[Purpose, Stance] | None = None) -> None:
        self._database = database
        self._stances = {purpose: (stances or {}).get(purpose, Stance.ASSUMED) for purpose in Purpose}

    def say(self, user_id: str, said: Mapping[Purpose, bool], *, by: str) -> None:
        """Write down what somebody permits from now on; purposes that are left out stay as they are."""
        at = clock.to_iso(clock.now())
        with self._database.write() as connection:
            for purpose, given in said.items():
                mine = (CONSENTS.c.user_id == user_id) & (CONSENTS.c.purpose == purpose)
                row: dict[str, Any] = {"given": given, "at": at, "by": by}
                again = mine & CONSENTS.c.given.is_(False)
                if not given and connection.execute(update(CONSENTS).where(again).values(**row)).rowcount:
                    # Withdrawn already: what was taken out then is gone.
                    continue
                row["removed_at"] = None
                if not connection.execute(update(CONSENTS).where(mine).values(**row)).rowcount:
                    connection.execute(insert(CONSENTS).values(user_id=user_id, purpose=purpose, **row))

    def of(self, user_id: str) -> list[Consent]:
        """Return what holds of somebody, for every purpose."""
        with self._database.read() as connection:
            rows = connection.execute(select(CONSENTS).where(CONSENTS.c.user_id == user_id)).all()
        said = {
            row.purpose: Consent(
                Purpose(row.purpose),
                row.given,
                clock.read(row.at),
                row.by,
                clock.read(row.removed_at) if row.removed_at else None,
            )
            for row in rows
        }
        silent = {each: Consent(each, self._stances[each] is Stance.ASSUMED) for each in Purpose}
        return [said.get(each, silent[each]) for each in Purpose]

    def outstanding(self) -> dict[str, frozenset[Purpose]]:
        """Return whose withdrawals were written down and not carried out yet, and of which purposes."""
        meant = CONSENTS.c.given.is_(False) & CONSENTS.c.removed_at.is_(None)
        found: dict[str, frozenset[Purpose]] = {}
        with self._database.read() as connection:
            for row in connection.execute(select(CONSENTS).where(meant).order_by(CONSENTS.c.user_id)):
                found[row.user_id] = found.get(row.user_id, frozenset()) | {Purpose(row.purpose)}
        return found

    def carried_out(self, user_id: str, purposes: Iterable[Purpose], at: datetime) -> None:
        """Write down that nothing is kept of somebody any more for purposes that they do not permit."""
        meant = (CONSENTS.c.user_id == user_id) & CONSENTS.c.purpose.in_(list(purposes)) & CONSENTS.c.given.is_(False)
        with self._database.write() as connection:
            connection.execute(update(CONSENTS).where(meant).values(removed_at=clock.to_iso(at)))

    def without(self, users: Iterable[str], purpose: Purpose, connection: Connection | None = None) -> set[str]:
        """Return those of some users who do not permit a purpose.

        Args:
            users: Their ids.
            purpose: What for.
            connection: A transaction to ask within, so that what it writes cannot overtake a withdrawal.
        """
        meant = set(users)
        assumed = self._stances[purpose] is Stance.ASSUMED
        otherwise = self._said(meant, purpose, given=not assumed, connection=connection)
        return otherwise if assumed else meant - otherwise

    def fingerprint(self) -> list[Any]:
        """Return what changes whenever somebody says something: how many did, and when the last."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.max(CONSENTS.c.at))).one()
        return [*row]

    def _said(self, users: set[str], purpose: Purpose, *, given: bool, connection: Connection | None) -> set[str]:
        if len(users) <= _FEW:
            some = (str(purpose), given, *users)
            rows = self._ask(connection, _SOME.format(",".join("?" * len(users))), some) if users else []
            return {user for (user,) in rows}
        return {user for (user,) in self._ask(connection, _SAID, (str(purpose), given))} & users

    def _ask(self, connection: Connection | None, sql: str, given: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._database.fetch(sql, given) if connection is None else fetch_rows(connection, sql, given)
