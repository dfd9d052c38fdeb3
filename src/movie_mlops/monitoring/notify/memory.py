"""What a watch knows beyond its process: how it stands with what is wrong, and what its receivers have not got yet.

A file and no table: a watch must remember while the database that it watches is away.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.report_page import write_whole
from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.monitoring.notify.notices import Notice, Told


@dataclass
class Standing:
    """How it stands with something that is wrong.

    Attributes:
        since: When it began.
        seen: When it was last seen to be so.
        sentence: What is wrong.
        told: When it was told last; ``None`` where it was not told yet.
    """

    since: AwareDatetime
    seen: AwareDatetime
    sentence: str
    told: AwareDatetime | None = None


@dataclass(frozen=True)
class Remembered:
    """What a watch goes by.

    Attributes:
        standing: What is wrong, by the condition's key.
        over: What is over, and not told yet.
        last_notice: When the last message was made.
    """

    standing: Mapping[str, Standing] = field(default_factory=dict)
    over: Mapping[str, Told] = field(default_factory=dict)
    last_notice: AwareDatetime | None = None


@dataclass(frozen=True)
class Kept:
    """What is in the file.

    Attributes:
        watch: What the watch goes by.
        waiting: Messages that were not brought yet, by the receiver's name, the oldest first.
    """

    watch: Remembered = field(default_factory=Remembered)
    waiting: Mapping[str, tuple[Notice, ...]] = field(default_factory=dict)


_FILE: TypeAdapter[Kept] = TypeAdapter(Kept)


class Memory:
    """Keeps it in a file that is always whole, also after ``kill -9``; one watch at a time may have it.

    Args:
        path: The file; its folder is made.
        on_error: Told, once, where the file cannot be read or written: the watch goes on without.
    """

    def __init__(self, path: Path, on_error: Callable[[MovieMlopsError], None]) -> None:
        self._path = path
        self._on_error = on_error
        self._changing = threading.Lock()
        self._watch = Remembered()
        self._written = ""
        self._failing = False

    def read(self) -> Kept:
        """Return what is kept; nothing where there is no such file yet, or none that can be read."""
        try:
            found = _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Kept()
        except (OSError, ValidationError):
            self._on_error(
                MonitoringError(
                    f"{self._path} is not what a watch has kept; what still goes on is told anew.",
                    next_step="Nothing; the file is written anew. If it comes again, look at the disk.",
                )
            )
            return Kept()
        self._watch = found.watch
        return found

    def keep(self, waiting: Callable[[], Mapping[str, tuple[Notice, ...]]], watch: Remembered | None = None) -> None:
        """Write what has changed.

        Args:
            waiting: Asked for what was not brought yet.
            watch: What the watch goes by; ``None``: as before.
        """
        with self._changing:
            self._watch = watch or self._watch
            text = _FILE.dump_json(Kept(self._watch, waiting()), indent=1).decode()
            if text == self._written:
                return
            try:
                write_whole(self._path, text)
            except OSError as error:
                if not self._failing:
                    why = MonitoringError(
                        f"{self._path} cannot be written ({error.strerror}): a watch that is started again would tell"
                        " anew what was told.",
                        next_step="Check the folder and the disk; it is tried again at every change.",
                    )
                    self._on_error(why)
                self._failing = True
            else:
                self._written, self._failing = text, False
