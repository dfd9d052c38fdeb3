"""Which lines change when files move, and which of them a person has to look at."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from movie_mlops.standard.migrate.mentions import Names
from movie_mlops.standard.references import Reference, references, rewritten
from movie_mlops.standard.references.reference import folder_of, joined

LARGEST: Final = 2 << 20
"""Bytes; a longer file is data, and is not read."""


class Edit(NamedTuple):
    """A line that names something that moves.

    Attributes:
        stage: The stage whose moves cause it.
        file: The file as it is called before the migration.
        line: 1-based; 0 for the target of a symbolic link.
        before: The line before this stage, without its end.
        after: The line after it.
        causes: The moves behind it, by their old paths.
    """

    stage: int
    file: str
    line: int
    before: str
    after: str
    causes: tuple[str, ...]


class Doubt(NamedTuple):
    """A line that a program should not change by itself.

    Attributes:
        file: The file as it is called before the migration.
        line: 1-based; 0 for the target of a symbolic link.
        text: The line.
        why: What is not clear.
    """

    file: str
    line: int
    text: str
    why: str


class Book:
    """All references of a repository as they are before a migration.

    Attributes:
        files: Every tracked path.
        lines: The lines of every file that was read.
        found: Its references; a symbolic link has one, on line 0.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self.files = frozenset(files)
        self.folders: frozenset[str] = frozenset(_folders(self.files))
        self.lines: dict[str, list[str]] = {}
        self.found: dict[str, list[Reference]] = {}

    def exists(self, path: str) -> bool:
        """Return whether the repository has this file or folder."""
        return path in self.files or path in self.folders

    def read(self, path: str, content: bytes) -> None:
        """Read one file."""
        if len(content) > LARGEST or b"\0" in content:
            return
        text = content.decode("utf-8", "surrogateescape")
        self.lines[path] = text.split("\n")
        self.found[path] = references(path, text, self.exists)

    def read_link(self, path: str, target: str) -> None:
        """Read a symbolic link, which names its target."""
        meant = joined(folder_of(path), target)
        self.lines[path] = [target]
        self.found[path] = []
        if meant is not None and self.exists(meant):
            self.found[path] = [Reference(0, 0, len(target), target, meant, certain=False, base=".")]


def _folders(files: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in files:
        folder = folder_of(path)
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder_of(folder)


class _Moved:
    """Where everything is after some stages.

    Attributes:
        now: The new path by old path, for what moved.
    """

    def __init__(self, book: Book, now: Mapping[str, str]) -> None:
        self.book = book
        self.now = dict(now)
        self._places = {self.now.get(path, path) for path in book.files}
        self._left = set(_folders(self._places))
        self._touched = set(_folders(self.now))
        self._known: dict[str, tuple[str | None, bool]] = {}

    def folder(self, path: str) -> tuple[str | None, bool]:
        """Return where a folder is now (``None``: its files went apart), and whether some of its files left it."""
        if path not in self._touched:
            return path, False
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: str) -> tuple[str | None, bool]:
        below = [file for file in self.book.files if file.startswith(path + "/")]
        left = [file for file in below if not self.now.get(file, file).startswith(path + "/")]
        if path in self._left:
            return path, bool(left)
        ends = {self.now[file].removesuffix(file[len(path) :]) for file in below}
        if len(ends) == 1 and (end := ends.pop()) in self._left:
            return end, False
        shared = _shared_folder([self.now[file] for file in below])
        return shared or None, not shared

    def target(self, reference: Reference) -> tuple[str | None, bool]:
        if reference.target in self.book.files:
            return self.now.get(reference.target, reference.target), False
        return self.folder(reference.target)

    def touches(self, source: str, reference: Reference) -> bool:
        moved = source in self.now or reference.target in self.now
        return moved or reference.target in self._touched or reference.base in self._touched


def _shared_folder(paths: list[str]) -> str:
    parts = [folder_of(path).split("/") for path in paths]
    shared: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return "/".join(shared)


def edits_of(book: Book, stages: Iterable[tuple[int, Mapping[str, str]]]) -> tuple[list[Edit], list[Doubt]]:
    """Return every line that the moves change, stage by stage, and every line that a person has to look at.

    Args:
        book: The repository before the migration.
        stages: Number of each stage with its moves, in the order in which they are made.
    """
    edits: list[Edit] = []
    doubts: dict[tuple[str, int], Doubt] = {}
    written: dict[tuple[str, int], str] = {}
    now: dict[str, str] = {}
    for number, moves in stages:
        now |= moves
        moved = _Moved(book, now)
        for file, found in book.found.items():
            by_line: dict[int, list[Reference]] = {}
            for reference in found:
                if moved.touches(file, reference):
                    by_line.setdefault(reference.line, []).append(reference)
            for line, touched in by_line.items():
                original = book.lines[file][max(line - 1, 0)]
                before = written.get((file, line), original)
                after, causes, why = _rewrite(moved, file, original, touched)
                # What is not clear in the middle may be when a later stage has moved the rest.
                doubts.pop((file, line), None)
                if why:
                    doubts[file, line] = Doubt(file, line, original, why)
                if after != before:
                    written[file, line] = after
                    recent = tuple(cause for cause in causes if cause in moves)
                    edits.append(Edit(number, file, line, before, after, recent or causes))
    return sorted(edits), sorted([*doubts.values(), *_mentions(book, now, doubts)])


def _rewrite(moved: _Moved, file: str, original: str, found: list[Reference]) -> tuple[str, tuple[str, ...], str]:
    """Return a line as it has to be now, the moves behind that, and what about it is not clear."""
    text, why = original, ""
    causes: dict[str, None] = {}
    source = moved.now.get(file, file)
    for reference in sorted(found, key=lambda each: each.start, reverse=True):
        target, apart = moved.target(reference)
        new_base = _base_now(moved, reference)
        new = None
        if target is not None:
            new = rewritten(reference, file, source, target, new_base=new_base)
        stays = target == reference.target and source == file
        if new == reference.text and not apart:
            continue
        if new is None or apart or not reference.likely:
            if not (stays and not apart):
                why = _doubt(reference, target, apart=apart, unsayable=new is None)
            continue
        text = text[: reference.start] + new + text[reference.end :]
        causes |= dict.fromkeys(_causes(moved, reference, file, target))
    return text, tuple(causes), why


def _base_now(moved: _Moved, reference: Reference) -> str | None:
    """Return where the folder is that a reference is relative to, if that folder moved."""
    if reference.base.startswith(".") or not reference.base:
        return None
    folder, _ = moved.folder(reference.base)
    return folder if folder != reference.base else None


def _doubt(reference: Reference, target: str | None, *, apart: bool, unsayable: bool) -> str:
    if apart and target is not None:
        return f"some files of {reference.target}/ move elsewhere: does this line mean those, too?"
    if target is None:
        return f"the files of {reference.target}/ go to several folders"
    if unsayable:
        return f"{reference.target} or this file moves, and '{reference.text}' has no plain new spelling"
    return f"may mean {reference.target}, which is {target} then"


def _causes(moved: _Moved, reference: Reference, file: str, target: str | None) -> Iterator[str]:
    if file in moved.now:
        yield file
    if reference.target in moved.now:
        yield reference.target
    elif target != reference.target:
        yield from sorted(path for path in moved.now if path.startswith(reference.target + "/"))[:1]


def _mentions(book: Book, now: Mapping[str, str], known: Mapping[tuple[str, int], Doubt]) -> Iterator[Doubt]:
    """Yield the lines that name a moved file in a way that no reader understood."""
    names = Names(now, book.files)
    for file, lines in book.lines.items():
        spans: dict[int, list[tuple[int, int]]] = {}
        for reference in book.found.get(file, ()):
            spans.setdefault(reference.line, []).append((reference.start, reference.end))
        if 0 in spans:
            continue
        for line, path, new in names.mentioned(lines, spans):
            if (file, line) not in known:
                yield Doubt(file, line, lines[line - 1], f"seems to name {path}, which is {new} then")
