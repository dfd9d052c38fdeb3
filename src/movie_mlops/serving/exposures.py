"""Who was shown which arm: one row for each answer and each roll-out that had a part in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.state import METADATA

EXPOSURES: Final = Table(
    "exposures",
    METADATA,
    Column("recommendation_id", String(32), primary_key=True),
    Column("stage_id", Integer, primary_key=True),
    Column("rollout", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    # Microseconds since 1970 UTC.
    Column("at", BigInteger, nullable=False),
    Index("exposures_of_stage", "stage_id", "at"),
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which arm of which roll-out somebody had.

    Attributes:
        rollout: Its name.
        arm: The arm.
        stage_id: The move of the ledger that began its stage.
    """

    rollout: str
    arm: str
    stage_id: int

    def document(self) -> dict[str, Any]:
        """Return it in the API's shape."""
        return {"name": self.rollout, "arm": self.arm}


def keep_exposures(connection: Connection, rows: Iterable[tuple[str, str, int, Exposure]]) -> None:
    """Write exposures, within the caller's transaction.

    Args:
        connection: The transaction.
        rows: The recommendation, the user, the time in microseconds since 1970, and the exposure.
    """
    values = [
        {
            "recommendation_id": recommendation_id,
            "stage_id": exposure.stage_id,
            "rollout": exposure.rollout,
            "arm": exposure.arm,
            "user_id": user_id,
            "at": at,
        }
        for recommendation_id, user_id, at, exposure in rows
    ]
    if values:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(EXPOSURES).on_conflict_do_nothing(), values)


def exposures_of(connection: Connection, recommendation_id: str) -> tuple[Exposure, ...]:
    """Return the exposures of one answer, in the order in which the roll-outs began."""
    statement = (
        select(EXPOSURES).where(EXPOSURES.c.recommendation_id == recommendation_id).order_by(EXPOSURES.c.stage_id)
    )
    return tuple(Exposure(row.rollout, row.arm, row.stage_id) for row in connection.execute(statement))
