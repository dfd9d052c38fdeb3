"""How the servers do by what they noted last: are they watched at all, do requests fail, what could not be read?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from movie_mlops.core import clock
from movie_mlops.serving.history import ERRORS, MISSING, REQUESTS
from movie_mlops.state import Database

_LATELY: Final = timedelta(hours=1)
_TOGETHER: Final = timedelta(minutes=3)
"""A server whose last sample is so much older than the newest one of all has ended."""
_LAST: Final = "SELECT max(at) FROM metric_history WHERE series = ?"
_SAMPLES: Final = """
SELECT server, series, at, value FROM metric_history WHERE at >= ? AND (series IN (?, ?) OR series LIKE ?)
"""


@dataclass(frozen=True)
class Noted:
    """What servers noted of themselves.

    Attributes:
        at: When any did last; ``None`` where none has.
        servers: How many did so in the same few minutes.
        failed: The share of the last hour's requests that failed; ``None`` where there was none.
        missing: The parts of the metrics that one of them could not read when it noted last.
    """

    at: datetime | None
    servers: int
    failed: float | None
    missing: tuple[str, ...]


def noted(database: Database) -> Noted:
    """Return what the servers noted last.

    Raises:
        StateError: The database refuses.
    """
    [(last,)] = database.fetch(_LAST, (REQUESTS,))
    if last is None:
        return Noted(None, 0, None, ())
    rows = database.fetch(_SAMPLES, (clock.microseconds(clock.now() - _LATELY), REQUESTS, ERRORS, f"{MISSING}%"))
    ends = {server: max(at for other, _, at, _ in rows if other == server) for server in {row[0] for row in rows}}
    begin = last - _TOGETHER // timedelta(microseconds=1)
    running = {server: at for server, at in ends.items() if at >= begin}
    requests, errors = (sum(value for _, name, _, value in rows if name == series) for series in (REQUESTS, ERRORS))
    missing = {
        series.removeprefix(MISSING)
        for server, series, at, _ in rows
        if series.startswith(MISSING) and running.get(server) == at
    }
    failed = errors / requests if requests else None
    return Noted(clock.from_microseconds(last), len(running), failed, tuple(sorted(missing)))
