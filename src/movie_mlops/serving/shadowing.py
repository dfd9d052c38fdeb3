"""A candidate answers beside the champion: off the way of the request, seen by nobody, counted."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from movie_mlops.serving.counting import Counting
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer, Source
from movie_mlops.serving.traffic import Shadowed

_LOG: Final = logging.getLogger("movie_mlops.serving.shadowing")
_MOST_WAITING: Final = 100
_PATIENCE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Question:
    shadowed: Shadowed
    make: Callable[[Snapshot], Answer]
    shown: Sequence[int]


class Shadowing:
    """Asks a candidate what the champion was asked; what it has no time for is left out and counted nowhere.

    Args:
        counting: Where its answers are counted.
        slow_s: An answer that takes longer is a slow one.
    """

    def __init__(self, counting: Counting, slow_s: float) -> None:
        self._counting = counting
        self._slow_s = slow_s
        self._waiting: queue.Queue[_Question] = queue.Queue(_MOST_WAITING)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._told = False

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def ask(self, shadowed: Shadowed, make: Callable[[Snapshot], Answer], shown: Sequence[int]) -> None:
        """Have a candidate answer soon, if there is time.

        Args:
            shadowed: Who.
            make: Gives the answer of a snapshot.
            shown: The films that the champion showed.
        """
        try:
            self._waiting.put_nowait(_Question(shadowed, make, shown))
        except queue.Full:
            return

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                question = self._waiting.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                continue
            self._answer(question)

    def _answer(self, question: _Question) -> None:
        exposure, began = question.shadowed.exposure, time.perf_counter()
        try:
            answer = question.make(question.shadowed.snapshot)
        # A candidate that fails is what a shadow is there to find out.
        except Exception as error:  # noqa: BLE001 - said above
            self._counting.count(exposure, seconds=time.perf_counter() - began, slow_s=self._slow_s, failed=True)
            if not self._told:
                _LOG.error("the shadow '%s' cannot answer: %s", exposure.rollout, error, exc_info=error)
                self._told = True
            return
        popular = answer.source is not Source.PERSONALISED
        self._counting.count(exposure, seconds=time.perf_counter() - began, slow_s=self._slow_s, popular=popular)
        shown = set(question.shown)
        if shown:
            same = sum(pick.film.movie_id in shown for pick in answer.picks)
            self._counting.agree(exposure, same / len(shown))
