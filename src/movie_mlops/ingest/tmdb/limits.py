"""How often and how long: a rate for all workers together, waits between attempts, and what ``Retry-After`` says."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from movie_mlops.ingest.tmdb.config import TmdbConfig

Jitter = Callable[[float, float], float]
"""Returns a number between its two arguments."""

FULL_JITTER: Final[Jitter] = random.uniform


class Timer(Protocol):
    """Time that passes, and waiting for it."""

    def now(self) -> float:
        """Return seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or at once after :meth:`wake`."""
        ...

    def wake(self) -> None:
        """End every wait, present and future."""
        ...


class RealTimer:
    """The time of this machine."""

    def __init__(self) -> None:
        self._awake = threading.Event()

    def now(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, unless woken."""
        self._awake.wait(seconds)

    def wake(self) -> None:
        """End every wait."""
        self._awake.set()


class RateLimit:
    """A token bucket that all workers share; it can be held shut for a while.

    The bucket is kept as the time at which it would be full again, so that nothing has to fill it.

    Args:
        per_second: Tokens that come in a second.
        burst: Tokens that the bucket holds.
        timer: The time.
    """

    def __init__(self, per_second: float, burst: int, timer: Timer) -> None:
        self._interval = 1.0 / per_second
        self._slack = (burst - 1) * self._interval
        self._timer = timer
        self._lock = threading.Lock()
        self._full_at = timer.now()
        self._held_until = self._full_at

    def acquire(self) -> None:
        """Take a token, waiting for it where there is none."""
        with self._lock:
            now = self._timer.now()
            turn = max(now, self._full_at - self._slack)
            self._full_at = max(self._full_at, now) + self._interval
        if turn > now:
            self._timer.sleep(turn - now)
        # Whoever waited for a token may have been overtaken by a hold.
        if (shut := self._held_until - self._timer.now()) > 0:
            self._timer.sleep(shut)

    def hold(self, seconds: float) -> None:
        """Give no token for so many seconds from now."""
        with self._lock:
            self._held_until = max(self._held_until, self._timer.now() + seconds)


def backoff(attempt: int, config: TmdbConfig, jitter: Jitter) -> float:
    """Return the seconds to wait after the ``attempt``-th attempt (from 1): anything from none to twice the last most.

    Workers that failed together come back apart: "full jitter", after M. Brooker, "Exponential Backoff and Jitter"
    (AWS Architecture Blog, 2015).
    """
    return jitter(0.0, min(config.backoff_max_seconds, config.backoff_seconds * 2 ** (attempt - 1)))


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds that a server asks to wait, given as seconds or as a date; ``None`` where it does not say.

    A date is compared with the server's own clock (``Date``) where it tells that.
    """
    word = headers.get("Retry-After", "").strip()
    if word.isascii() and word.isdigit():
        return float(word)
    until = _date(word)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("Date", "")) or now)).total_seconds())


def _date(word: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(word)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
