"""Lines that are written by a thread of their own: whoever logs waits for no disk, and fails for no log.

Written with the standard library alone: a known library (structlog, python-json-logger) makes the line, which is the
small part of this; the bound, the redaction, the thread and the count of what was dropped would be ours all the same.
"""

import json
import logging
import queue
import threading
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

from movie_mlops.core.logs.config import LogConfig
from movie_mlops.core.logs.context import REQUEST_ID
from movie_mlops.core.logs.file import BoundedFile, ErrorStream, Sink
from movie_mlops.core.logs.redaction import Redaction
from movie_mlops.core.tracing import CURRENT

_OURS: Final = "movie_mlops"
_SERVERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")
_PLAIN: Final = frozenset({"request_id", "trace_id", "method", "route"})
"""Nothing can be in these: the door takes no other characters, and a route is a template."""
_LONGEST: Final = 4_000
_PAUSE_SECONDS: Final = 0.2
_REST_SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0

Event = tuple[float, str, str, str, Mapping[str, Any]]
"""When (seconds since 1970), the level, the room, what happened, and the facts."""


class LogLines:
    """Writes what a process logs; between ``start`` and ``stop`` also what any library does.

    Args:
        config: Where, and how much.
        redaction: What must not be told.

    Attributes:
        dropped: How many lines were not written.
    """

    def __init__(self, config: LogConfig, redaction: Redaction | None = None) -> None:
        self._json = config.form == "json"
        self._sink: Sink = (
            ErrorStream() if config.file is None else BoundedFile(config.file, config.most_bytes, config.files)
        )
        self._redaction = redaction or Redaction()
        self._most_waiting = config.most_waiting
        self._waiting: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log-lines", daemon=True)
        self._handler = _Forwarding(self)
        self._away_until = 0.0
        self._told = 0
        self.dropped = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to write, and take what libraries log: what is ours from information on, else from warnings on."""
        root, ours = logging.getLogger(), logging.getLogger(_OURS)
        root.addHandler(self._handler)
        ours.setLevel(logging.INFO)
        self._thread.start()

    def take_over_servers(self) -> None:
        """Have the server's own messages come here too, which it would write by itself otherwise."""
        for name in _SERVERS:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True

    def stop(self) -> None:
        """Write what waits, then end; a disk that does not answer is waited for no longer than five seconds."""
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger(_OURS).setLevel(logging.NOTSET)
        self._stopped.set()
        self._thread.join(_END_SECONDS)

    def put(self, level: str, room: str, message: str, facts: Mapping[str, Any]) -> None:
        """Have a line written soon; it costs a microsecond, and never fails."""
        if self._waiting.qsize() >= self._most_waiting:
            self.dropped += 1
            return
        self._waiting.put((time.time(), level, room, message, facts))

    def request(self, *, request_id: str, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Have a line on an answered request written soon; of its path only its user's pseudonym will be told."""
        level = "error" if status >= 500 else "info"  # noqa: PLR2004 - HTTP's own
        facts = {"request_id": request_id, "method": method, "route": route, "status": status, "seconds": seconds}
        if (span := CURRENT.get()) is not None:
            facts["trace_id"] = span.place.trace_id
        self.put(level, "serving", "request", {**facts, "path": path})

    def _work(self) -> None:
        # Many at once: to be woken for each line would take the processor from the answer that it is on.
        while not self._stopped.wait(_PAUSE_SECONDS):
            self._write_all()
        self._write_all()
        self._sink.close()

    def _write_all(self) -> None:
        while True:
            try:
                event = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._write(event)

    def _write(self, event: Event) -> None:
        # A disk that is full is not asked for every line.
        if time.monotonic() < self._away_until:
            self.dropped += 1
            return
        try:
            line = self._line(event)
            if missing := self.dropped - self._told:
                self._sink.write(self._line((event[0], "warning", "core", f"{missing} lines were dropped", {})))
                self._told += missing
            self._sink.write(line)
        except OSError:
            self._away_until = time.monotonic() + _REST_SECONDS
            self.dropped += 1
        # What cannot be written down, such as a fact that cannot be told as text, must not end the writing.
        except Exception:  # noqa: BLE001 - said above
            self.dropped += 1

    def _line(self, event: Event) -> bytes:
        at, level, room, message, facts = event
        clean = self._redaction.words
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level,
            "room": room,
            "event": clean(message[:_LONGEST]),
        }
        for name, value in facts.items():
            if name == "path":
                user = self._redaction.user_of(value)
                told |= {} if user is None else {"user": user}
            elif isinstance(value, float):
                told[name] = round(value, 6)
            elif isinstance(value, bool | int) or value is None or name in _PLAIN:
                told[name] = value
            else:
                told[name] = clean(str(value)[-_LONGEST:])
        if self._json:
            return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        head = [told.pop(name) for name in ("time", "level", "room", "event")]
        facts_told = [f"{name}={value}" for name, value in told.items()]
        return " ".join([*head, *facts_told]).replace("\n", "\\n").encode("utf-8", "replace") + b"\n"


class _Forwarding(logging.Handler):
    """Hands records of Python's own logging to the lines."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__(logging.NOTSET)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one over; a message that cannot be made is dropped, and counted."""
        try:
            facts: dict[str, Any] = dict(getattr(record, "facts", {}))
            if (request_id := REQUEST_ID.get()) is not None:
                facts["request_id"] = request_id
            if (span := CURRENT.get()) is not None:
                facts["trace_id"] = span.place.trace_id
            if record.exc_info and record.exc_info[1] is not None:
                facts["error"] = "".join(traceback.format_exception(record.exc_info[1]))
            self._lines.put(record.levelname.lower(), _room(record.name), record.getMessage(), facts)
        # A wrong format in somebody's message is no reason to fail who logs.
        except Exception:  # noqa: BLE001 - said above
            self._lines.dropped += 1


def _room(name: str) -> str:
    """Return which room a logger is of: ours without the package, a library by its first word."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == _OURS and rest else first
