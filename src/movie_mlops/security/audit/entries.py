"""The rows of the audit log, and the seals that chain them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Integer, Row, Table, Text

from movie_mlops.core import clock
from movie_mlops.state import METADATA, append_only

ENTRIES: Final = Table(
    "audit_entries",
    METADATA,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    # Microseconds since 1970 UTC: exact, and in order on every database.
    Column("at", BigInteger, nullable=False, index=True),
    Column("action", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    # Unique: an entry has one successor, whatever the isolation of the database.
    Column("previous_entry_id", Integer, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

SEALS: Final = Table(
    # A table of its own: who takes an entry away, the newest too, leaves its seal.
    "audit_seals",
    METADATA,
    Column("entry_id", Integer, primary_key=True, autoincrement=False),
    Column("before", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
)

append_only(ENTRIES)
append_only(SEALS)


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    """Whoever asked may not."""
    FAILED = "failed"
    """Whoever asked may, and it could not be done."""


@dataclass(frozen=True)
class Entry:
    """A row of the audit log.

    Attributes:
        entry_id: Ascending; never used twice.
        at: When (aware UTC).
        action: What was asked for, such as ``release.promote``.
        who: Who asked, as far as that is known.
        target: On what: a bundle, a roll-out, a key; empty where there is nothing to name.
        origin: From where: a part of a network address and its pseudonym, or the command line.
        outcome: How it ended.
        request_id: Of the HTTP request; empty for a command.
        facts: What else was said of it, plain data.
    """

    entry_id: int
    at: datetime
    action: str
    who: str
    target: str
    origin: str
    outcome: Outcome
    request_id: str
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> "Entry":
        """Return what a row of :data:`ENTRIES` says."""
        return cls(
            entry_id=row.entry_id,
            at=clock.from_microseconds(row.at),
            action=row.action,
            who=row.who,
            target=row.target,
            origin=row.origin,
            outcome=Outcome(row.outcome),
            request_id=row.request_id,
            facts=row.facts,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data; the time is RFC 3339."""
        return {**vars(self), "at": clock.to_iso(self.at), "outcome": self.outcome.value, "facts": dict(self.facts)}
