"""What comes to nothing and anybody can cause, such as wrong tokens: counted, one entry a minute and source.

An entry for each would let a stranger fill the disk, and everybody else's entries drown in them.
"""

import threading
from typing import Final

from movie_mlops.security.audit.entries import Outcome
from movie_mlops.security.audit.log import AuditLog

_OTHERS: Final = "others"
_REFUSALS: Final = frozenset({401, 403, 429})

_Key = tuple[str, int, str]
"""The action, the status of its answer, and from where."""


class Refusals:
    """Counts them in memory until they are written; a process that is killed loses those since the last time.

    Args:
        log: Where the sums go.
        most: So many are told apart between two times; what comes from further sources is summed as ``others``.
    """

    def __init__(self, log: AuditLog, *, most: int = 20) -> None:
        self._log = log
        self._most = most
        self._lock = threading.Lock()
        self._counts: dict[_Key, int] = {}
        self._ids: dict[_Key, str] = {}

    def count(self, action: str, *, status: int, host: str | None, request_id: str) -> None:
        """Count one; nothing is written yet.

        Args:
            action: What was asked for.
            status: The HTTP status that it was answered with.
            host: The address that it came from.
            request_id: Of the request; that of the first one is told.
        """
        key = action, status, self._log.pseudonyms.address(host)
        with self._lock:
            if key not in self._counts and len(self._counts) >= self._most:
                key = action, status, _OTHERS
            self._counts[key] = self._counts.get(key, 0) + 1
            self._ids.setdefault(key, request_id)

    def write(self) -> None:
        """Write the sums; meant to be called once a minute, and at the end.

        Raises:
            StateError: The database refuses; what it did not take is kept for the next time.
        """
        with self._lock:
            counts, ids = self._counts, self._ids
            self._counts, self._ids = {}, {}
        try:
            while counts:
                key, count = next(iter(counts.items()))
                action, status, origin = key
                self._log.note(
                    action,
                    who="unknown",
                    outcome=Outcome.REFUSED if status in _REFUSALS else Outcome.FAILED,
                    origin=origin,
                    request_id=ids[key],
                    facts={"status": status, "times": count},
                )
                del counts[key]
        finally:
            if counts:
                self._keep(counts, ids)

    def _keep(self, counts: dict[_Key, int], ids: dict[_Key, str]) -> None:
        with self._lock:
            for key, count in counts.items():
                kept = key if key in self._counts or len(self._counts) < self._most else (*key[:2], _OTHERS)
                self._counts[kept] = self._counts.get(kept, 0) + count
                self._ids.setdefault(kept, ids[key])
