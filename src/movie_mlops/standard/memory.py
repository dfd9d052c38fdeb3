"""What files were found to name, kept under git's own folder so that an unchanged file is not read again.

An entry belongs to one line of git's index, that is to one content at one path. Whether a path exists is asked while
a file is read, so every question is kept with its answer: an entry counts only while the answers are still the same.
The file may be deleted at any time.
"""

import json
import os
import sys
from collections.abc import Collection
from typing import Final, NamedTuple

from movie_mlops.standard import git
from movie_mlops.standard.tree import Tree

_PART: Final = "\n\0\0\n"
_PARTS: Final = 6


class Dangling(NamedTuple):
    """A path that is named in vain: where, how it is written, and what it means."""

    line: int
    column: int
    text: str
    target: str


class Said(NamedTuple):
    """What reading a file gave: the paths that it names in vain, and every answer that the reading asked for."""

    dangling: list[Dangling]
    asked: dict[str, bool]


class Memory:
    """What is known of the files of a tree.

    Attributes:
        dangling: The paths named in vain, by line of the index; only files that name some.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._place = _place(tree)
        self._parts = self._read()
        self._asked: dict[str, list[str]] | None = None
        self.dangling: dict[str, list[Dangling]] = {}

    def unknown(self) -> list[str]:
        """Return the lines of the index whose files must be read, because they or what they name have changed."""
        if self._parts is None:
            return list(self._tree.entries)
        known = self._parts[3]
        same = bool(known) and known == self._tree.listing
        flipped = self._flipped(_split(self._parts[1]), _split(self._parts[2]))
        again = (
            {entry for entry, asked in self._questions().items() if not flipped.isdisjoint(asked)} if flipped else ()
        )
        for entry, ones in json.loads(self._parts[4]).items():
            self.dangling[entry] = [Dangling(*one) for one in ones]
        if same and not again:
            return []
        settled = set(_split(known)).difference(again)
        self.dangling = {entry: ones for entry, ones in self.dangling.items() if entry in settled}
        present = set(self._tree.entries)
        self.dangling = {entry: ones for entry, ones in self.dangling.items() if entry in present}
        return [entry for entry in self._tree.entries if entry not in settled]

    def learn(self, entry: str, said: Said) -> None:
        """Take in what a file was found to say."""
        self._questions()[entry] = list(said.asked)
        if said.dangling:
            self.dangling[entry] = said.dangling

    def keep(self, known: Collection[str]) -> None:
        """Write what is known of these lines of the index; a place that cannot be written costs time, nothing else."""
        if self._place is None:
            return
        wanted = set(known)
        asked = {entry: paths for entry, paths in self._questions().items() if paths and entry in wanted}
        questions = {path for paths in asked.values() for path in paths if path}
        there = {path for path in questions if self._tree.exists(path)}
        parts = [
            _version(),
            "".join(f"{path}\0" for path in sorted(there)),
            "".join(f"{path}\0" for path in sorted(questions - there)),
            "".join(f"{entry}\0" for entry in known),
            json.dumps({entry: ones for entry, ones in self.dangling.items() if entry in wanted}),
            json.dumps(asked),
        ]
        beside = f"{self._place}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            with open(beside, "wb") as file:
                file.write(_PART.join(parts).encode("utf-8", "surrogateescape"))
            os.replace(beside, self._place)
        except OSError:
            return

    def _read(self) -> list[bytes] | None:
        if self._place is None:
            return None
        try:
            with open(self._place, "rb") as file:
                parts = file.read().split(_PART.encode(), _PARTS - 1)
        except OSError:
            return None
        return parts if len(parts) == _PARTS and parts[0] == _version().encode() else None

    def _flipped(self, there: list[str], missing: list[str]) -> set[str]:
        """Return the questions that would be answered otherwise now."""
        tree = self._tree
        gone = {path for path in set(there) - tree.files - tree.folders if not tree.exists(path)}
        asked = set(missing)
        come = (asked & tree.files) | (asked & tree.folders)
        if tree.submodules:
            come |= {path for path in asked if tree.exists(path)}
        return gone | come

    def _questions(self) -> dict[str, list[str]]:
        if self._asked is None:
            self._asked = json.loads(self._parts[5]) if self._parts else {}
        return self._asked


def _split(part: bytes) -> list[str]:
    return part.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _place(tree: Tree) -> str | None:
    repository = git.repository_of(tree.at) if tree.kind in {"working", "index"} else None
    if repository is None:
        return None
    prefix = os.path.relpath(tree.at, repository).replace(os.sep, "-")
    name = "references" if prefix == "." else f"references-{prefix}"
    return os.path.join(git.private_folder(repository), "movie-mlops", name)


def _version() -> str:
    """Return a word that changes whenever the readers change."""
    readers = os.path.join(os.path.dirname(__file__), "references")
    with os.scandir(readers) as found:
        files = sorted((entry.name, entry.stat()) for entry in found if entry.name.endswith(".py"))
    marks = [f"{name}:{about.st_size}:{about.st_mtime_ns}" for name, about in files]
    return ",".join([f"2:{sys.version_info.minor}", *marks])
