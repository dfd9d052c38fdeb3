"""One path that a file names."""

from collections.abc import Callable
from typing import NamedTuple

Exists = Callable[[str], bool]
"""Whether a file or folder of that path is in the tree."""


class Reference(NamedTuple):
    """A path that a file names.

    Attributes:
        line: The line, 1-based.
        start: Where ``text`` begins in that line, in characters.
        end: Where it ends.
        text: The path as it is written.
        target: The path that is meant, relative to the root, POSIX; it may be a folder.
        certain: Whether it is surely a path of this repository; else it is never reported.
    """

    line: int
    start: int
    end: int
    text: str
    target: str
    certain: bool
