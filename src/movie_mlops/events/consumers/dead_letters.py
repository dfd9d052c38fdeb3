"""Dead letters: events whose effect could not be made, with the reason; nothing waits for them, and none is lost.

A letter names an event by its place in the log, never by what it says: what is erased there is erased here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, UniqueConstraint, delete, insert, select

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.consumers.effect import Effect
from movie_mlops.events.errors import DeadLetterError
from movie_mlops.events.places import place_of
from movie_mlops.events.reading import event_at
from movie_mlops.events.stored import StoredEvent
from movie_mlops.state import METADATA, Database

LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("consumer", String(64), nullable=False),
    # One of both: the event of the log, or a digest of what a transport brought that is none.
    Column("offset", BigInteger),
    Column("digest", String(64)),
    Column("code", String(64), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", String(40), nullable=False),
    UniqueConstraint("consumer", "offset"),
    UniqueConstraint("consumer", "digest"),
    sqlite_autoincrement=True,
)
_LONGEST: Final = 1000


@dataclass(frozen=True)
class DeadLetter:
    """One letter.

    Attributes:
        id: Its number.
        consumer: Which consumer could not deal with it.
        offset: The event's place in the log; ``None``: what a transport brought is no event of it.
        digest: SHA-256 of such a thing.
        code: The kind of error.
        reason: What was wrong, in a sentence that names nobody.
        attempts: How often it was tried.
        at: When it was given up (aware UTC).
    """

    id: int
    consumer: str
    offset: int | None
    digest: str | None
    code: str
    reason: str
    attempts: int
    at: datetime

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self.__dict__, "at": clock.to_iso(self.at)}


def bury(connection: Connection, consumer: str, event: StoredEvent, error: Exception, attempts: int) -> None:
    """Put an event among the dead letters, within the transaction that moves the consumer past it."""
    told = {"offset": event.offset, "code": _code(error), "reason": _reason(error, event), "attempts": attempts}
    _write(connection, consumer, told, LETTERS.c.offset == event.offset)


def bury_strange(connection: Connection, consumer: str, body: bytes, reason: str) -> None:
    """Put what a transport brought and is no event of the log among the dead letters; once, however often it comes."""
    digest = sha256(body).hexdigest()
    told = {"digest": digest, "code": "strange", "reason": reason, "attempts": 1}
    _write(connection, consumer, told, LETTERS.c.digest == digest)


class DeadLetters:
    """The dead letters of one data set.

    Args:
        database: Where they are.
        effects: What each consumer does.
    """

    def __init__(self, database: Database, effects: Sequence[Effect]) -> None:
        self._database = database
        self._effects: Mapping[str, Effect] = {effect.name: effect for effect in effects}

    def all(self) -> list[DeadLetter]:
        """Return every letter, the oldest first."""
        with self._database.read() as connection:
            return [_letter(row) for row in connection.execute(select(LETTERS).order_by(LETTERS.c.id)).mappings()]

    def retry(self, number: int) -> bool:
        """Make the effect of a letter's event after all, and take the letter away, in one transaction.

        Returns:
            Whether there was an effect to make; not where the event was erased meanwhile.

        Raises:
            DeadLetterError: There is no such letter, or it cannot be retried.
            MovieMlopsError: It fails again; the letter stays.
        """
        with self._database.write() as connection:
            letter = self._find(connection, number)
            effect = self._effects.get(letter.consumer)
            if letter.offset is None or effect is None:
                raise DeadLetterError(
                    f"The dead letter {number} cannot be retried: nobody here can make its effect.",
                    next_step=f"Look at its reason, then: movie-mlops events dead-letter drop {number}",
                )
            event = event_at(connection, letter.offset)
            if event is not None:
                place = place_of(connection, letter.consumer)
                effect.apply(connection, [event], position=max(letter.offset, place[0] if place else 0))
            connection.execute(delete(LETTERS).where(LETTERS.c.id == number))
        if event is not None:
            effect.publish([event])
        return event is not None

    def drop(self, number: int) -> DeadLetter:
        """Take a letter away without an effect; the event stays in the log.

        Raises:
            DeadLetterError: There is no such letter.
        """
        with self._database.write() as connection:
            letter = self._find(connection, number)
            connection.execute(delete(LETTERS).where(LETTERS.c.id == number))
        return letter

    def _find(self, connection: Connection, number: int) -> DeadLetter:
        row = connection.execute(select(LETTERS).where(LETTERS.c.id == number)).mappings().one_or_none()
        if row is None:
            raise DeadLetterError(
                f"There is no dead letter {number}.", next_step="See them with: movie-mlops events dead-letter list"
            )
        return _letter(row)


def _write(connection: Connection, consumer: str, told: Mapping[str, Any], same: Any) -> None:
    mine = (LETTERS.c.consumer == consumer) & same
    if connection.execute(select(LETTERS.c.id).where(mine)).first() is None:
        connection.execute(insert(LETTERS).values(consumer=consumer, at=clock.to_iso(clock.now()), **told))


def _letter(row: Mapping[Any, Any]) -> DeadLetter:
    return DeadLetter(**{**{str(key): value for key, value in row.items()}, "at": datetime.fromisoformat(row["at"])})


def _code(error: Exception) -> str:
    return error.code if isinstance(error, MovieMlopsError) else type(error).__name__


def _reason(error: Exception, event: StoredEvent) -> str:
    """Return what is wrong without a name: messages quote ids."""
    said = error.problem if isinstance(error, MovieMlopsError) else str(error)
    names = (event.interaction.user_id, event.interaction.event_id)
    for name in names:
        said = said.replace(f"'{name}'", "'…'")
    return f"{type(error).__name__}." if any(name in said for name in names) else said[:_LONGEST]
