"""Messages on their way: each receiver has a thread of its own, so that one that is down keeps nobody waiting."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.monitoring.notify.channels import Channel, NotToldError, RefusedNoticeError
from movie_mlops.monitoring.notify.config import NotifyConfig
from movie_mlops.monitoring.notify.notices import Notice

_FIRST_WAIT_SECONDS: Final = 1.0


class Outbox:
    """Brings messages to receivers, in order, until they take them.

    Args:
        channels: The receivers.
        config: How patient it is.
        on_error: Told of each attempt that failed.
        first_wait_seconds: After the first failure; each further one doubles it.
        waiting: What was not brought before this process began, by the receiver's name.
        on_brought: Told, from the receiver's thread, whenever a message waits no more.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        config: NotifyConfig,
        on_error: Callable[[MovieMlopsError], None],
        *,
        first_wait_seconds: float = _FIRST_WAIT_SECONDS,
        waiting: Mapping[str, Sequence[Notice]] | None = None,
        on_brought: Callable[["Outbox"], None] = lambda _: None,
    ) -> None:
        self._ways = [
            _Way(channel, config, on_error, first_wait_seconds, (waiting or {}).get(channel.name, ()))
            for channel in channels
        ]
        for way in self._ways:
            way.start(lambda: on_brought(self))

    def waiting(self) -> dict[str, tuple[Notice, ...]]:
        """Return what each receiver has not got yet, the oldest first."""
        return {way.name: waiting for way in self._ways if (waiting := way.waiting())}

    def put(self, notice: Notice) -> None:
        """Take a message; this never waits for a receiver."""
        for way in self._ways:
            way.put(notice)

    def close(self, patience_seconds: float) -> int:
        """Try once more for what still waits; return how many messages could not be brought in that time."""
        for way in self._ways:
            way.end()
        return sum(way.ended(patience_seconds) for way in self._ways)


class _Way:
    def __init__(
        self,
        channel: Channel,
        config: NotifyConfig,
        on_error: Callable[[MovieMlopsError], None],
        first_wait: float,
        waiting: Sequence[Notice],
    ) -> None:
        self.name = channel.name
        self._channel = channel
        self._on_error = on_error
        self._first_wait = first_wait
        self._longest_wait = config.longest_wait_seconds
        self._waiting: deque[Notice] = deque(waiting, maxlen=config.most_waiting)
        self._changed = threading.Condition()
        self._ends = threading.Event()
        self._on_brought: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._work, name=f"notify {channel.name}", daemon=True)

    def start(self, on_brought: Callable[[], None]) -> None:
        self._on_brought = on_brought
        self._thread.start()

    def waiting(self) -> tuple[Notice, ...]:
        with self._changed:
            return tuple(self._waiting)

    def put(self, notice: Notice) -> None:
        with self._changed:
            # Where too many wait, the oldest goes: the newest say how it stands.
            self._waiting.append(notice)
            self._changed.notify()

    def end(self) -> None:
        self._ends.set()
        with self._changed:
            self._changed.notify()

    def ended(self, patience_seconds: float) -> int:
        self._thread.join(patience_seconds)
        return len(self._waiting)

    def _work(self) -> None:
        wait = self._first_wait
        while True:
            with self._changed:
                while not self._waiting and not self._ends.is_set():
                    self._changed.wait()
                if not self._waiting:
                    return
                notice = self._waiting[0]
            last = self._ends.is_set()
            try:
                self._channel.send(notice)
            except NotToldError as error:
                self._on_error(error)
                if last:
                    return
                self._ends.wait(wait)
                wait = min(2 * wait, self._longest_wait)
                continue
            except RefusedNoticeError as error:
                self._on_error(error)
            wait = self._first_wait
            with self._changed:
                if self._waiting and self._waiting[0] is notice:
                    self._waiting.popleft()
            self._on_brought()
