"""What differs between the kinds of database."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


class Backend(Protocol):
    """A kind of database; its errors are the driver's own."""

    quick_errors: tuple[type[Exception], ...]
    """What :meth:`fetch` raises where the database refuses."""

    next_step: str
    """What to do about a database that refuses."""

    def name(self) -> str:
        """Return its address, without secrets."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """Open a transaction that no other writer's overlaps; it sees all that those before it wrote."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction on one snapshot; it waits for no writer."""
        ...

    def fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT with a ``?`` for each parameter, on the newest snapshot."""
        ...

    def make_place(self, connection: Connection) -> None:
        """Make what tables are made in, within a write."""
        ...

    def refuses(self, error: DBAPIError) -> bool:
        """Return whether an error is the database's own trouble, and not what a statement said."""
        ...

    def scrub(self, tables: Sequence[str]) -> None:
        """Have nothing of removed rows left in the files of tables.

        Raises:
            StateError: Somebody reads or writes all the time, so that it cannot be done now.
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
