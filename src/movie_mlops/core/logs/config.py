"""Where log lines go, and how many there may be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class LogConfig:
    """How a process logs.

    Attributes:
        file: Where; ``None`` for the standard error stream. A file belongs to one process at a time.
        form: ``json``, one object a line, or ``text``.
        most_bytes: A file that would become larger is put aside, and a new one begun.
        files: So many are kept in all, the one that is written included; older ones are deleted.
        most_waiting: So many lines may wait to be written; further ones are dropped, and counted.
    """

    file: Path | None = None
    form: Literal["json", "text"] = "json"
    most_bytes: int = 10 * 1024 * 1024
    files: int = 5
    most_waiting: int = 10_000
