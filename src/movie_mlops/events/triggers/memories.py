"""What is remembered of each rule, in the state database: one row for each."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text, delete, insert, select

from movie_mlops.core import clock
from movie_mlops.events.triggers.judging import Judged, Memory
from movie_mlops.state import METADATA, Database

TRIGGER_STATES: Final = Table(
    "trigger_states",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("champion", String(128), nullable=False),
    Column("armed", Boolean, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("value", Float),
    Column("sentence", Text, nullable=False),
    Column("looked_at", String(40)),
)


class Memories:
    """Remembers how the rules stand.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Mapping[str, Memory]:
        """Return what is remembered of each rule that was ever looked at."""
        with self._database.read() as connection:
            rows = connection.execute(select(TRIGGER_STATES)).all()
        return {
            row.name: Memory(
                champion=row.champion,
                armed=row.armed,
                looks=row.looks,
                value=row.value,
                sentence=row.sentence,
                looked_at=None if row.looked_at is None else datetime.fromisoformat(row.looked_at),
            )
            for row in rows
        }

    def keep(self, judged: Iterable[Judged], *, fired: str | None = None) -> None:
        """Remember how rules stand, in place of what was remembered of them.

        Args:
            judged: How they stand.
            fired: The rule that a run was begun for: it is armed no longer.
        """
        rows = [
            {
                "name": each.name,
                "champion": each.memory.champion,
                "armed": each.memory.armed and each.name != fired,
                "looks": 0 if each.name == fired else each.memory.looks,
                "value": each.memory.value,
                "sentence": each.memory.sentence,
                "looked_at": None if each.memory.looked_at is None else clock.to_iso(each.memory.looked_at),
            }
            for each in judged
        ]
        with self._database.write() as connection:
            connection.execute(delete(TRIGGER_STATES).where(TRIGGER_STATES.c.name.in_([row["name"] for row in rows])))
            connection.execute(insert(TRIGGER_STATES), rows)
