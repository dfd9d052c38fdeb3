"""A file under reading: resolves what looks like a path, and keeps what is one."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from movie_mlops.standard.references.reference import BESIDE, Reference, base_folder, joined

ROOT_THEN_BESIDE: Final = ("", BESIDE)
BESIDE_THEN_ROOT: Final = (BESIDE, "")

WORD: Final = re.compile(r"""[^\s"'`$;&|<>()=,:*?\[\]{}!#\\%]+""")
"""A run of characters that a path without spaces may have."""

LOOKS_LIKE_PATH: Final = re.compile(r"/|\.[A-Za-z]|^(?:Dockerfile|Makefile|LICENSE)\b")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_PATTERN: Final = re.compile(r"[*?\[\]{}$<>|]")


class Page:
    """One file's references, as they are found.

    Attributes:
        claims: Only what must exist is wanted.
        source: The file's path in the repository.
        lines: Its lines, decoded, without line ends.
        found: What was found so far, in the order of reading.
    """

    __slots__ = ("_exists", "_known", "_spans", "claims", "content", "found", "lines", "source")

    def __init__(self, source: str, content: str, exists: Callable[[str], bool], *, claims: bool = False) -> None:
        """Begin to read.

        Args:
            source: The file's path.
            content: Its text.
            exists: Whether the repository has a file or a folder of a path.
            claims: Only what must exist is wanted; of the rest nothing is asked.
        """
        self.claims = claims
        self.source = source
        self.content = content
        self.lines = content.split("\n")
        self.found: list[Reference] = []
        self._exists = exists
        self._known: dict[str, bool] = {}
        self._spans: dict[int, list[tuple[int, int]]] = {}

    def exists(self, path: str) -> bool:
        """Return whether the repository has this file or folder."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = not path or self._exists(path)
        return known

    def path(
        self,
        line: int,
        start: int,
        text: str,
        bases: Iterable[str],
        *,
        must: bool = False,
        style: str = "path",
        likely: bool = True,
        means: str | None = None,
        assume: bool = False,
        ask: bool = False,
    ) -> str | None:
        """Keep ``text`` if it is a path seen from one of ``bases``, or must be one.

        Args:
            line: 0-based line.
            start: Where ``text`` starts in it.
            text: As written.
            bases: In the order of trust; see :class:`Reference`.
            must: The place admits nothing but a path that exists.
            style: See :class:`Reference`.
            likely: See :class:`Reference`.
            means: The path that ``text`` stands for where it is not spelt plainly.
            assume: It is a path in any case, and may be one that the repository does not keep.
            ask: What follows depends on it, so it is looked for even where only claims are wanted.

        Returns:
            The target, if it was kept.
        """
        end = start + len(text)
        if (self.claims and not (must or ask)) or self._taken(line, start, end):
            return None
        said = text if means is None else means
        first: tuple[str, str] | None = None
        for base in bases:
            folder = base_folder(base, self.source)
            target = None if folder is None else joined(folder, said)
            if target is None or (target == "" and style not in {"suffix", "dotted"}):
                continue
            if self.exists(target):
                certain = must and target != ""
                return self._keep(Reference(line + 1, start, end, text, target, certain, base, style, likely))
            first = first or (target, base)
        if first is None or not (must or assume) or _PATTERN.search(said):
            return None
        return self._keep(Reference(line + 1, start, end, text, first[0], must, first[1], style, likely))

    def folder(self, line: int, start: int, text: str, target: str, *, base: str, style: str, likely: bool) -> None:
        """Keep an expression that means the folder ``target`` in one of the styles that no path spells."""
        if not self._taken(line, start, start + len(text)):
            self._keep(Reference(line + 1, start, start + len(text), text, target, False, base, style, likely))

    def words(self, line: int, start: int, text: str, bases: tuple[str, ...], *, likely: bool = True) -> None:
        """Keep every word of ``text`` that is a path or a module of the repository."""
        if self.claims:
            return
        for match in WORD.finditer(text):
            word = match.group().rstrip(".")
            if LOOKS_LIKE_PATH.search(word):
                at = start + match.start()
                if self.path(line, at, word, bases, likely=likely) is None and "/" not in word:
                    self.module_word(line, at, word)

    def value(self, line: int, start: int, text: str, bases: tuple[str, ...], *, bare: bool = False) -> None:
        """Keep a configuration value that is a path, or the paths in a value that is a command.

        Args:
            line: 0-based line.
            start: Where it starts.
            text: The value, without its quotes.
            bases: See :meth:`path`.
            bare: The key says that even a single plain word is a path.
        """
        if self.claims:
            return
        whole = text.strip()
        at = start + text.find(whole) if whole else start
        if whole and (bare or LOOKS_LIKE_PATH.search(whole)) and self.path(line, at, whole, bases) is not None:
            return
        if bare:
            for match in WORD.finditer(text):
                self.path(line, start + match.start(), match.group(), bases)
        self.words(line, start, text, bases)

    def module_word(self, line: int, start: int, word: str) -> None:
        """Keep ``package.module`` or ``package.module.attribute`` if the repository has that module."""
        if self.claims or not _DOTTED.fullmatch(word):
            return
        parts = word.split(".")
        for size in range(len(parts), 1, -1):
            text = ".".join(parts[:size])
            if self.module(line, start, text, ("", "src")) is not None:
                return

    def module(
        self, line: int, start: int, text: str, roots: Iterable[str], *, must: bool = False, style: str = "module"
    ) -> str | None:
        """Keep the dotted module ``text`` if one of ``roots`` has it; a package must hold a file to be one."""
        if (self.claims and not must) or self._taken(line, start, start + len(text)):
            return None
        for base in roots:
            folder = base_folder(base, self.source)
            target = None if folder is None else self.module_file(folder, text)
            if target is not None:
                end = start + len(text)
                return self._keep(Reference(line + 1, start, end, text, target, must, base, style))
        return None

    def module_file(self, folder: str, dotted: str) -> str | None:
        """Return the file or the package folder that ``dotted`` is below ``folder``."""
        path = joined(folder, dotted.replace(".", "/"))
        if not path:
            return None
        if self.exists(path + ".py"):
            return path + ".py"
        return path if self.exists(path + "/__init__.py") else None

    def keep_import(self, line: int, start: int, text: str, target: str, *, base: str, style: str, must: bool) -> None:
        """Keep an import whose target the caller has found."""
        if not self._taken(line, start, start + len(text)):
            self._keep(Reference(line + 1, start, start + len(text), text, target, must, base, style))

    def numbered(self) -> Iterator[tuple[int, str]]:
        """Yield each 0-based line with its text."""
        yield from enumerate(self.lines)

    def _taken(self, line: int, start: int, end: int) -> bool:
        return any(start < stop and begin < end for begin, stop in self._spans.get(line, ()))

    def _keep(self, reference: Reference) -> str:
        self.found.append(reference)
        self._spans.setdefault(reference.line - 1, []).append((reference.start, reference.end))
        return reference.target
