"""The ledger: which bundle serves, since when, why, and who let it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Integer,
    Row,
    Table,
    Text,
    event,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release.errors import PromotionConflictError, ReleaseError, RollbackError
from movie_mlops.release.manifest import BUNDLE_ID
from movie_mlops.state import METADATA, Database

_FIRST: Final = 0
"""Stands for "no release before": unlike NULL it is equal to itself, so that there is only one first release."""

_EPOCH: Final = clock.from_unix(0)
_MICROSECOND: Final = timedelta(microseconds=1)

RELEASES: Final = Table(
    "releases",
    METADATA,
    Column("release_id", Integer, primary_key=True, autoincrement=True),
    Column("bundle_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("action", Text, CheckConstraint("action IN ('promote', 'rollback')"), nullable=False),
    # Microseconds since 1970 UTC: exact, and in order on every database.
    Column("at", BigInteger, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("gate", JSON, nullable=False),
    Column("approved_by", Text, nullable=False),
    # Unique: a release has one successor, so the ledger is a chain whatever the isolation of the database.
    Column("previous_release_id", Integer, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

for _change in ("UPDATE", "DELETE"):
    event.listen(
        RELEASES,
        "after_create",
        DDL(  # type: ignore[no-untyped-call] # SQLAlchemy gives its constructor no types
            f"CREATE TRIGGER releases_refuse_{_change.lower()} BEFORE {_change} ON releases"
            " BEGIN SELECT RAISE(ABORT, 'the ledger is only ever appended to'); END"
        ).execute_if(dialect="sqlite"),
    )
for _statement in (
    """CREATE FUNCTION releases_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
       RAISE integrity_constraint_violation USING MESSAGE = ''the ledger is only ever appended to''; END'""",
    """CREATE TRIGGER releases_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON releases
       FOR EACH STATEMENT EXECUTE FUNCTION releases_refuse()""",
):
    _only_appended = DDL(_statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call] # as above
    event.listen(RELEASES, "after_create", _only_appended)


class Action(StrEnum):
    """How a bundle became champion."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Release:
    """A row of the ledger.

    Attributes:
        release_id: Ascending; never used twice.
        bundle_id: What serves.
        model: Name of its recommender.
        action: How it became champion.
        at: Since when (aware UTC).
        until: When the next release followed; ``None`` for the champion.
        reason: Why, in words.
        gate: The report of the gate that let it pass; a roll-back carries the report of the release that it restores.
        approved_by: Who let it: a person, or the name of what acted for one.
        previous_release_id: The row before; ``None`` for the first.
    """

    release_id: int
    bundle_id: str
    model: str
    action: Action
    at: datetime
    until: datetime | None
    reason: str
    gate: Mapping[str, Any]
    approved_by: str
    previous_release_id: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data; times are RFC 3339."""
        return {
            "release_id": self.release_id,
            "bundle_id": self.bundle_id,
            "model": self.model,
            "action": self.action.value,
            "at": clock.to_iso(self.at),
            "until": None if self.until is None else clock.to_iso(self.until),
            "reason": self.reason,
            "gate": dict(self.gate),
            "approved_by": self.approved_by,
            "previous_release_id": self.previous_release_id,
        }


class Ledger:
    """Says which bundle serves at any time; rows are added and never changed.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def champion(self) -> Release | None:
        """Return the release that serves, or ``None`` before the first."""
        with self._database.read() as connection:
            return _champion(connection)

    def history(self) -> list[Release]:
        """Return every release, oldest first."""
        with self._database.read() as connection:
            return _history(connection)

    def who_served(self, at: datetime) -> Release | None:
        """Return the release that served at a time, or ``None`` before the first.

        Raises:
            ReleaseError: ``at`` names no time zone.
        """
        if at.tzinfo is None:
            raise ReleaseError(f"The time {at} names no time zone.", next_step="Give the time with one, such as UTC.")
        return next((release for release in reversed(self.history()) if release.at <= at), None)

    def withdrawn(self, bundle_id: str) -> Release | None:
        """Return the roll-back that took a bundle out of service, unless it was promoted again since."""
        history = self.history()
        for before, release in zip(reversed(history[:-1]), reversed(history[1:]), strict=True):
            if release.bundle_id == bundle_id and release.action is Action.PROMOTE:
                return None
            if before.bundle_id == bundle_id and release.action is Action.ROLLBACK:
                return release
        return None

    def promote(
        self, bundle_id: str, *, reason: str, gate: Mapping[str, Any], approved_by: str, expected: str | None
    ) -> Release:
        """Make a bundle the champion, provided that the champion is still the one that the caller saw.

        Promoting the bundle that serves already changes nothing and returns its release: a retry is harmless.

        Args:
            bundle_id: The new champion.
            reason: Why, in words.
            gate: The gate's report, plain data.
            approved_by: Who lets it.
            expected: The bundle id of the champion that the caller saw; ``None`` where there was none.

        Raises:
            PromotionConflictError: Another bundle is champion by now.
            ReleaseError: That is no bundle's id, or reason or approver is missing.
        """
        if not BUNDLE_ID.fullmatch(bundle_id):
            raise ReleaseError(
                f"{bundle_id!r} is not the id of a bundle.", next_step="Give the name of a folder that holds a bundle."
            )
        with self._database.write() as connection:
            champion = _champion(connection)
            if champion is not None and champion.bundle_id == bundle_id:
                return champion
            _check_unchanged(champion, expected)
            return _add(
                connection, champion, Action.PROMOTE, bundle_id, reason=reason, gate=gate, approved_by=approved_by
            )

    def rollback(self, reason: str, approved_by: str, *, expected: str | None = None) -> Release:
        """Restore the release before the champion's; once more restores the one before that.

        Args:
            reason: Why, in words.
            approved_by: Who lets it.
            expected: The bundle id of the champion that the caller saw, so that two people who press the button at
                once take one step back; ``None`` to take a step back from whatever serves.

        Raises:
            RollbackError: Nothing was released before.
            PromotionConflictError: Another bundle is champion by now.
            ReleaseError: Reason or approver is missing.
        """
        with self._database.write() as connection:
            history = _history(connection)
            champion = history[-1] if history else None
            if expected is not None:
                _check_unchanged(champion, expected)
            restored = _before_champion(history)
            return _add(
                connection,
                champion,
                Action.ROLLBACK,
                restored.bundle_id,
                reason=reason,
                gate=restored.gate,
                approved_by=approved_by,
            )


def _history(connection: Connection) -> list[Release]:
    rows = connection.execute(select(RELEASES).order_by(RELEASES.c.release_id)).all()
    ends: list[int | None] = [*(row.at for row in rows[1:]), None]
    return [_release(row, end) for row, end in zip(rows, ends, strict=False)]


def _champion(connection: Connection) -> Release | None:
    row = connection.execute(select(RELEASES).order_by(RELEASES.c.release_id.desc()).limit(1)).one_or_none()
    return None if row is None else _release(row, None)


def _release(row: Row[Any], until: int | None) -> Release:
    return Release(
        release_id=row.release_id,
        bundle_id=row.bundle_id,
        model=row.model,
        action=Action(row.action),
        at=_EPOCH + row.at * _MICROSECOND,
        until=None if until is None else _EPOCH + until * _MICROSECOND,
        reason=row.reason,
        gate=row.gate,
        approved_by=row.approved_by,
        previous_release_id=None if row.previous_release_id == _FIRST else row.previous_release_id,
    )


def _before_champion(history: list[Release]) -> Release:
    """Return what a roll-back restores: each promotion is a step forward, each roll-back a step back."""
    steps: list[Release] = []
    for release in history:
        if release.action is Action.PROMOTE:
            steps.append(release)
        else:
            steps.pop()
    if len(steps) <= 1:
        served = f"Only {steps[0].bundle_id!r}" if steps else "Nothing"
        raise RollbackError(
            f"{served} was released, so there is nothing to roll back to.",
            next_step="Train and release another bundle with 'movie-mlops run'.",
        )
    return steps[-2]


def _check_unchanged(champion: Release | None, expected: str | None) -> None:
    present = None if champion is None else champion.bundle_id
    if present != expected:
        raise PromotionConflictError(
            f"The champion is {present or 'not there yet'}, not {expected or 'missing'} as it was when the decision"
            " was made.",
            next_step="Judge the candidate against the present champion, then promote again.",
        )


def _add(
    connection: Connection,
    champion: Release | None,
    action: Action,
    bundle_id: str,
    *,
    reason: str,
    gate: Mapping[str, Any],
    approved_by: str,
) -> Release:
    if not reason.strip() or not approved_by.strip():
        raise ReleaseError(
            f"The {action} of {bundle_id!r} has no reason or nobody who approved it.", next_step="Give both in words."
        )
    at = clock.now()
    if champion is not None:
        # A clock that was set back must not make two releases serve at one time.
        at = max(at, champion.at + _MICROSECOND)
    values = {
        "bundle_id": bundle_id,
        "model": bundle_id.rpartition("-")[0],
        "action": action.value,
        "at": (at - _EPOCH) // _MICROSECOND,
        "reason": reason,
        "gate": dict(gate),
        "approved_by": approved_by,
        "previous_release_id": _FIRST if champion is None else champion.release_id,
    }
    try:
        release_id = connection.execute(insert(RELEASES).values(values).returning(RELEASES.c.release_id)).scalar_one()
    except IntegrityError as error:
        raise PromotionConflictError(
            f"Another release was made while {bundle_id!r} was being released.",
            next_step="Judge the candidate against the present champion, then promote again.",
        ) from error
    row = connection.execute(select(RELEASES).where(RELEASES.c.release_id == release_id)).one()
    return _release(row, None)
