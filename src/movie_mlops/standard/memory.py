"""What files were found to name, kept under git's own folder so that an unchanged file is not read again.

An entry belongs to one line of git's index, that is to one content at one path. Whether a path exists is asked while
a file is read, so every question is kept with its answer: an entry counts only while the answers are still the same.
The file may be deleted at any time.
"""

import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard import git
from movie_mlops.standard.tree import Tree

_PART: Final = "\0\0"
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
        outdated: Whether what is kept on disk must be written anew.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._place = _place(tree)
        self.dangling: dict[str, list[Dangling]] = {}
        self.outdated = False
        self._known: set[str] = set()
        self._asked: dict[str, list[str]] = {}
        self._details = ""

    def recall(self, entries: Collection[str]) -> Collection[str]:
        """Return those lines of the index whose files need not be read again."""
        parts = self._parts()
        if parts is None:
            self.outdated = True
            return self._known
        self._known = set(_split(parts[3]))
        wanted = self._known.intersection(entries)
        flipped = self._flipped(set(_split(parts[1])), set(_split(parts[2])))
        self._details = parts[5]
        if flipped:
            self.outdated = True
            wanted -= {entry for entry, asked in self._all_asked().items() if not flipped.isdisjoint(asked)}
        self._known = wanted
        for entry, ones in json.loads(parts[4]).items():
            if entry in wanted:
                self.dangling[entry] = [Dangling(*one) for one in ones]
        return wanted

    def learn(self, entry: str, said: Said) -> None:
        """Take in what a file was found to say."""
        self._all_asked()[entry] = list(said.asked)
        if said.dangling:
            self.dangling[entry] = said.dangling
        else:
            self.dangling.pop(entry, None)
        self._known.add(entry)

    def keep(self, entries: Collection[str]) -> None:
        """Write what is known of these lines of the index; a place that cannot be written costs time, nothing else."""
        if self._place is None:
            return
        known = self._known.intersection(entries)
        asked = {entry: paths for entry, paths in self._all_asked().items() if entry in known}
        questions = {path for paths in asked.values() for path in paths if path}
        there = {path for path in questions if self._tree.exists(path)}
        parts = [
            _version(),
            "\0".join(sorted(there)),
            "\0".join(sorted(questions - there)),
            "\0".join(sorted(known)),
            json.dumps({entry: ones for entry, ones in self.dangling.items() if entry in known}),
            json.dumps({entry: paths for entry, paths in asked.items() if paths}),
        ]
        beside = f"{self._place}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            with open(beside, "wb") as file:
                file.write(_PART.join(parts).encode("utf-8", "surrogateescape"))
            os.replace(beside, self._place)
        except OSError:
            return

    def _parts(self) -> list[str] | None:
        if self._place is None:
            return None
        try:
            with open(self._place, "rb") as file:
                parts = file.read().decode("utf-8", "surrogateescape").split(_PART, _PARTS - 1)
        except (OSError, UnicodeDecodeError):
            return None
        return parts if len(parts) == _PARTS and parts[0] == _version() else None

    def _flipped(self, there: set[str], missing: set[str]) -> set[str]:
        """Return the questions that would be answered otherwise now."""
        tree = self._tree
        gone = {path for path in there - tree.files - tree.folders if not tree.exists(path)}
        come = (missing & tree.files) | (missing & tree.folders)
        if tree.submodules:
            come |= {path for path in missing if tree.exists(path)}
        return gone | come

    def _all_asked(self) -> dict[str, list[str]]:
        if self._details:
            self._asked = json.loads(self._details)
            self._details = ""
        return self._asked


def _split(part: str) -> list[str]:
    return part.split("\0") if part else []


def _place(tree: Tree) -> str | None:
    repository = git.repository_of(tree.root) if tree.kind in {"working", "index"} else None
    if repository is None:
        return None
    prefix = os.path.relpath(tree.root, repository).replace(os.sep, "-")
    name = "references" if prefix == "." else f"references-{prefix}"
    return os.path.join(git.private_folder(repository), "movie-mlops", name)


def _version() -> str:
    """Return a word that changes whenever the readers change."""
    readers = Path(__file__).with_name("references")
    with os.scandir(readers) as found:
        files = sorted((entry.name, entry.stat()) for entry in found if entry.name.endswith(".py"))
    marks = [f"{name}:{about.st_size}:{about.st_mtime_ns}" for name, about in files]
    return ",".join([f"2:{sys.version_info.minor}", *marks])
