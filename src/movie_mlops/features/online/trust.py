"""Whether what a carrier holds may be believed: one row in SQL, the same for every process.

A carrier can miss a change: it was away when an event was acknowledged, and came back with what it held before. So its
rows carry a **generation**, and the record says which one counts. Whoever cannot hand a committed change on *suspends*
the carrier in the record before the change is acknowledged, and waits until every reader has heard of it; readers ask
the record again at least every *lease*. Whoever finds the carrier well again *resumes* it with the next generation, for
which everything that it held before is outdated.
"""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, String, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.state import METADATA, Database

TRUST: Final = Table(
    "online_trust",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("namespace", String, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("suspended", Boolean, nullable=False),
)

_READ: Final = "SELECT namespace, generation, suspended FROM online_trust WHERE id = 1"


@dataclass(frozen=True, slots=True)
class Trust:
    """What the record says of its carrier.

    Attributes:
        namespace: The name of this record, made up once, so that two records never share a row of one carrier.
        generation: Rows of an earlier generation are outdated.
        suspended: No row is to be believed or written until it is resumed.
    """

    namespace: str
    generation: int
    suspended: bool


def read_trust(database: Database) -> Trust:
    """Return what the record says now; the first call makes the row."""
    found = database.fetch(_READ)
    if not found:
        with database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            row = {"id": 1, "namespace": uuid4().hex, "generation": 1, "suspended": False}
            connection.execute(dialect.insert(TRUST).on_conflict_do_nothing(), row)
        found = database.fetch(_READ)
    namespace, generation, suspended = found[0]
    return Trust(namespace, generation, bool(suspended))


def suspend(database: Database, generation: int) -> None:
    """Have no row of ``generation`` or before believed; a later generation has seen what this one missed."""
    with database.write() as connection:
        connection.execute(
            update(TRUST).where(TRUST.c.id == 1, TRUST.c.generation == generation).values(suspended=True)
        )


def resume(database: Database, generation: int) -> None:
    """End the suspension of ``generation``, with the next one; does nothing where somebody else did."""
    with database.write() as connection:
        connection.execute(
            update(TRUST)
            .where(TRUST.c.id == 1, TRUST.c.generation == generation, TRUST.c.suspended)
            .values(suspended=False, generation=generation + 1)
        )


def renew(connection: Connection) -> None:
    """Outdate every carried row, within the transaction that replaces the rows of the record."""
    connection.execute(update(TRUST).values(generation=select(TRUST.c.generation).scalar_subquery() + 1))
