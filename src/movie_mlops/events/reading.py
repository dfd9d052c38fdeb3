"""Events read from the log within a transaction."""

from typing import Final

from sqlalchemy import Connection

from movie_mlops.events.stored import COLUMNS, ERASED, StoredEvent, from_rows
from movie_mlops.state import fetch_rows

_LAST: Final = 'SELECT max("offset") FROM events'
_PAGE: Final = f"""
SELECT {COLUMNS} FROM events WHERE "offset" > ? AND type <> '{ERASED}' ORDER BY "offset" LIMIT ?
"""  # noqa: S608 - the table's own names


def page_of(connection: Connection, after: int, limit: int) -> list[StoredEvent]:
    """Return the next events after a place; those that were erased are none."""
    return from_rows(fetch_rows(connection, _PAGE, (after, limit)))


def event_at(connection: Connection, offset: int) -> StoredEvent | None:
    """Return the event at a place; ``None`` where it was erased or pruned."""
    page = page_of(connection, offset - 1, 1)
    return page[0] if page and page[0].offset == offset else None


def last_offset(connection: Connection) -> int:
    """Return the place of the newest event, be it erased; 0 while there is none."""
    [(last,)] = fetch_rows(connection, _LAST)
    return last or 0
