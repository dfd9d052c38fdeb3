"""The moves of roll-outs: rows of the ledger, each sealed with what it says and the seal before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Connection, Integer, Row, Table, Text, select

from movie_mlops.core import clock
from movie_mlops.release.chain import Chain
from movie_mlops.release.rollout.plans import Kind
from movie_mlops.state import FIRST, METADATA, Link, append_only, first_break, seal_of

MOVES: Final = Table(
    "rollout_moves",
    METADATA,
    Column("move_id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("said", JSON, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    # The release in force, so that the two chains of the ledger are tied to each other.
    Column("release_id", Integer, nullable=False),
    # Unique: a move has one successor, whatever the isolation of the database.
    Column("previous_move_id", Integer, nullable=False, unique=True),
    Column("before", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)
append_only(MOVES)

_UNSEALED: Final = frozenset({"move_id", "before", "sha256"})


class Step(StrEnum):
    """What a move does."""

    START = "start"
    ADVANCE = "advance"
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    STOP = "stop"


ENDS: Final = frozenset({Step.PROMOTE, Step.ROLLBACK, Step.STOP})


@dataclass(frozen=True)
class Move:
    """A row of the ledger of roll-outs.

    Attributes:
        move_id: Ascending; never used twice.
        name: Of which roll-out.
        kind: Of which kind it is.
        action: What was done.
        said: The plan, at the start; later what it was decided on.
        at: When (aware UTC).
        reason: Why, in words.
        approved_by: Who decided: a person, or the name of what acted for one.
        release_id: The release in force; ``None`` before the first.
        sha256: Its seal.
    """

    move_id: int
    name: str
    kind: Kind
    action: Step
    said: Mapping[str, Any]
    at: datetime
    reason: str
    approved_by: str
    release_id: int | None
    sha256: str

    @classmethod
    def of(cls, row: Row[Any]) -> "Move":
        """Return what a row of :data:`MOVES` says."""
        return cls(
            move_id=row.move_id,
            name=row.name,
            kind=Kind(row.kind),
            action=Step(row.action),
            said=row.said,
            at=clock.from_microseconds(row.at),
            reason=row.reason,
            approved_by=row.approved_by,
            release_id=None if row.release_id == FIRST else row.release_id,
            sha256=row.sha256,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data; times are RFC 3339."""
        return {
            "move_id": self.move_id,
            "name": self.name,
            "kind": self.kind.value,
            "action": self.action.value,
            "said": dict(self.said),
            "at": clock.to_iso(self.at),
            "reason": self.reason,
            "approved_by": self.approved_by,
            "release_id": self.release_id,
        }


def read_rows(connection: Connection) -> Sequence[Row[Any]]:
    """Return every row, the oldest first."""
    return connection.execute(select(MOVES).order_by(MOVES.c.move_id)).all()


def seal_of_move(values: Mapping[str, Any], before: str) -> str:
    """Return the seal of a row; of what cannot be read, one that no row has."""
    return seal_of("move", {name: value for name, value in values.items() if name not in _UNSEALED}, before)


def chain_of(rows: Sequence[Row[Any]]) -> Chain:
    """Hold every row against its seal."""
    return Chain(
        releases=len(rows),
        sealed=len(rows),
        taken_in=0,
        head=rows[-1].sha256 if rows else None,
        seals=tuple(row.sha256 for row in rows),
        broken=first_break("move", map(_link, rows), (row.move_id for row in rows)),
    )


def _link(row: Row[Any]) -> Link:
    now = seal_of_move(row._asdict(), row.before)
    return Link(row.move_id, row.previous_move_id, row.before, row.sha256, now)
