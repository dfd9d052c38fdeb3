"""How far each consumer is in the log: a row that changes in the very transaction that makes its effect."""

from typing import Final

from sqlalchemy import BigInteger, Column, Connection, String, Table

from movie_mlops.state import METADATA, Database, fetch_rows, run_for_each

CONSUMERS: Final = Table(
    "event_consumers",
    METADATA,
    Column("consumer", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
    # Up to where the effect was handed on to what carries copies of it.
    Column("published", BigInteger, nullable=False),
)

ONLINE: Final = "online"
"""The consumer that brings events into histories and feature rows."""

_FIND: Final = "SELECT position, published FROM event_consumers WHERE consumer = ?"
_BEGIN: Final = (
    "INSERT INTO event_consumers (consumer, position, published) VALUES (?, ?, ?) ON CONFLICT (consumer) DO NOTHING"
)
_MOVE: Final = "UPDATE event_consumers SET position = ? WHERE consumer = ? AND position < ?"
_PUBLISH: Final = "UPDATE event_consumers SET published = ? WHERE consumer = ? AND published < ?"
_SENT: Final = "UPDATE event_consumers SET position = ?, published = ? WHERE consumer = ? AND position = ?"
_EVERY: Final = "SELECT consumer, position FROM event_consumers ORDER BY consumer"
_ALL: Final = "SELECT consumer, position FROM event_consumers WHERE consumer NOT LIKE 'relay:%' ORDER BY consumer"


def place_of(connection: Connection, consumer: str) -> tuple[int, int] | None:
    """Return up to which offset a consumer has the log, and up to which that is published; ``None``: it never began."""
    found = fetch_rows(connection, _FIND, (consumer,))
    return (found[0][0], found[0][1]) if found else None


def begin(connection: Connection, consumer: str, offset: int) -> None:
    """Have a consumer that never began have everything up to an offset."""
    run_for_each(connection, _BEGIN, [(consumer, offset, offset)])


def move(connection: Connection, consumer: str, offset: int) -> None:
    """Have a consumer that began be at an offset, within the transaction that makes its effect; it never goes back."""
    run_for_each(connection, _MOVE, [(offset, consumer, offset)])


def note_published(connection: Connection, consumer: str, offset: int) -> None:
    """Keep that what was done up to an offset is published."""
    run_for_each(connection, _PUBLISH, [(offset, consumer, offset)])


def positions(database: Database) -> dict[str, int]:
    """Return how far each consumer that began is."""
    return dict(database.fetch(_ALL))


def note_sent(connection: Connection, relay: str, offset: int, *, after: int) -> bool:
    """Keep that a relay's transport has the log up to an offset, if it was where that relay took it to be."""
    return run_for_each(connection, _SENT, [(offset, offset, relay, after)]) == 1


def all_places(database: Database) -> dict[str, int]:
    """Return how far each consumer, and each relay whose transport cannot be asked, is."""
    return dict(database.fetch(_EVERY))
