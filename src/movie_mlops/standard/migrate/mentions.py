"""Lines that name a moved file in a way that no reader understands: never changed, always shown."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

_BEFORE: Final = re.compile(r"""[^\s"'`(){}\[\]<>=,:;|&$]*$""")

Spans = Mapping[int, Sequence[tuple[int, int]]]
"""The parts of each 1-based line that are understood already."""


class Names:
    """The names of what moves, to be looked for in text."""

    def __init__(self, now: Mapping[str, str], files: Collection[str]) -> None:
        """Look for the old names of ``now``, a mapping of old path to new, in a repository of ``files``."""
        self._now = now
        self._paths: dict[str, list[str]] = {}
        for path in now:
            self._paths.setdefault(path.rpartition("/")[2], []).append(path)
        counts: dict[str, int] = {}
        for path in files:
            name = path.rpartition("/")[2]
            counts[name] = counts.get(name, 0) + 1
        self._shared = {name for name in self._paths if counts.get(name, 0) > 1}
        names = "|".join(re.escape(name) for name in sorted(self._paths, key=len, reverse=True))
        self._find: Callable[[str], Iterator[re.Match[str]]] = (
            re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])").finditer if names else lambda _: iter(())
        )

    def mentioned(self, lines: Sequence[str], understood: Spans) -> Iterator[tuple[int, str, str]]:
        """Yield the 1-based line, the file that it seems to name, and where that file is then; once a line."""
        for number, line in enumerate(lines, 1):
            for match in self._find(line):
                if any(first <= match.start() < last for first, last in understood.get(number, ())):
                    continue
                path = self._meant(line, match)
                if path is not None:
                    yield number, path, self._now[path]
                    break

    def _meant(self, line: str, match: re.Match[str]) -> str | None:
        name = match.group()
        before = line[: match.start()]
        beginning = _BEFORE.search(before)
        folder = beginning.group() if beginning is not None else ""
        if "://" in re.split(r"[\s\"'<>(]", before)[-1]:
            return None
        written = f"{folder}{name}".lstrip("./")
        if before[: len(before) - len(folder)].endswith(("$", "}", ")")) and "/" in written:
            # It begins with a variable or an expression: only what follows can be compared.
            written = written.partition("/")[2]
        for path in self._paths[name]:
            new = self._now[path]
            if "/" not in written:
                if name in self._shared or (new.rpartition("/")[2] == name and "/" not in folder):
                    continue
                return path
            if f"/{new}".endswith(f"/{written}"):
                continue
            if f"/{path}".endswith(f"/{written}") or f"/{written}".endswith(f"/{path}"):
                return path
        return None
