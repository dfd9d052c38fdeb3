"""A file that takes whole lines, never grows beyond its bound, and says when it cannot."""

import errno
import fcntl
import os
import sys
from pathlib import Path
from typing import Protocol


class Sink(Protocol):
    """Takes lines."""

    def write(self, line: bytes) -> None:
        """Take one line.

        Raises:
            OSError: It cannot; nothing of the line is kept.
        """
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class ErrorStream:
    """The standard error stream, for containers whose runtime keeps logs."""

    def write(self, line: bytes) -> None:
        """Take one line."""
        if sys.stderr is not None:
            sys.stderr.write(line.decode())
            sys.stderr.flush()

    def close(self) -> None:
        """Leave the stream open: it is everybody's."""


class BoundedFile:
    """A file, and those before it: ``name``, ``name.1`` …, the oldest with the highest number.

    Args:
        path: The file. Its folder is made when missing.
        most_bytes: How large it may become.
        files: How many there are at most.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        self._path = path
        self._most = most_bytes
        self._files = files
        self._opened: int | None = None

    def write(self, line: bytes) -> None:
        """Take one line.

        Raises:
            OSError: The file cannot be written, or another process writes it.
        """
        if self._opened is None:
            self._open()
        assert self._opened is not None
        size = os.fstat(self._opened).st_size
        if size and size + len(line) > self._most:
            self._put_aside()
            size = 0
        try:
            _append(self._opened, line, size)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            # Two that put files aside at once would lose lines.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            raise
        self._opened = opened

    def _put_aside(self) -> None:
        self.close()
        for number in range(self._files - 1, 0, -1):
            before = self._path if number == 1 else self._numbered(number - 1)
            if before.exists():
                before.replace(self._numbered(number))
        if self._files == 1:
            self._path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _append(opened: int, line: bytes, size: int) -> None:
    if os.write(opened, line) != len(line):
        # A line that is cut off would spoil the one after it.
        os.ftruncate(opened, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
