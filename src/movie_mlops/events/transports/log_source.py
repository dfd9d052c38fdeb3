"""The log itself as a source: nothing to install, for one machine."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from movie_mlops.events.log import EventLog
from movie_mlops.events.transports.port import Delivery

_LOOK_SECONDS: Final = 0.005


class LogSource:
    """Says how far the log is, whenever that is further than the consumers are.

    Args:
        log: The log.
        behind: Returns the place of the consumer that is furthest behind.
    """

    def __init__(self, log: EventLog, behind: Callable[[], int]) -> None:
        self._log = log
        self._behind = behind

    def take(self, most: int, wait_seconds: float) -> list[Delivery]:  # noqa: ARG002 - one says it for all
        """Return the newest place in the log, where somebody is behind it."""
        deadline = time.monotonic() + wait_seconds
        while True:
            last = self._log.last_offset()
            if last > self._behind():
                return [Delivery(None, last)]
            if time.monotonic() >= deadline:
                return []
            time.sleep(_LOOK_SECONDS)

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: how far consumers are stands with their effect."""
