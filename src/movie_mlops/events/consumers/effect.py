"""What a consumer does with events."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from movie_mlops.core.nouns import Interaction
from movie_mlops.events.log import EventLog
from movie_mlops.events.places import ONLINE
from movie_mlops.events.stored import StoredEvent


class Effect(Protocol):
    """Something that follows from events, kept in the state database."""

    name: str
    """Of the consumer; its place in the log is kept under it."""

    publishes: bool
    """Whether something carries copies that have to be renewed after a commit."""

    begins_at_end: bool
    """Whether events from before the first worker have their effect already."""

    def apply(self, connection: Connection, events: Sequence[StoredEvent], *, position: int) -> None:
        """Make the effect of events within the caller's transaction.

        Args:
            connection: A connection of :meth:`movie_mlops.state.Database.write`.
            events: In the order of the log, none of them applied before.
            position: The place in the log up to which the consumer then is.

        Raises:
            MovieMlopsError: One of the events cannot have it.
        """
        ...

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Hand committed effects on; once too often does no harm."""
        ...


class OnlineEffect:
    """Histories and feature rows.

    Args:
        log: What knows how an event goes into them.
    """

    name = ONLINE
    begins_at_end = True

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.publishes = log.publishes

    def apply(self, connection: Connection, events: Sequence[StoredEvent], *, position: int) -> None:
        """Bring events into the rows of their users and films."""
        self._log.apply(connection, _interactions(events), position)

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Renew the copies of these rows."""
        self._log.publish(_interactions(events))


def _interactions(events: Sequence[StoredEvent]) -> list[Interaction]:
    return [event.interaction for event in events]
