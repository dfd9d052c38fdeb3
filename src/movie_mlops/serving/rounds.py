"""Work that is done again and again beside the requests, by a thread of its own."""

import logging
import threading
from collections.abc import Callable
from typing import Final

_LOG: Final = logging.getLogger("movie_mlops.serving.rounds")


class Rounds:
    """Does something every so often; what goes wrong once is logged once, and tried again.

    Args:
        name: Of the thread, and what the log calls it.
        work: What is done.
        seconds: How long it rests in between.
        at_end: Whether it is done once more when it is stopped.
    """

    def __init__(self, name: str, work: Callable[[], None], seconds: float, *, at_end: bool = False) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._at_end = at_end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_round, name=name, daemon=True)
        self._problem: str | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that goes on."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._at_end:
            self.once()

    def once(self) -> None:
        """Do it once."""
        try:
            self._work()
        # Whatever it is, answering must go on, and the next round may do better.
        except Exception as error:  # noqa: BLE001 - said above
            if str(error) != self._problem:
                _LOG.error("%s: %s", self._name, error, exc_info=error)
            self._problem = str(error)
        else:
            self._problem = None

    def _go_round(self) -> None:
        while not self._stopped.wait(self._seconds):
            self.once()
