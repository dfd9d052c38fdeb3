"""Names with holes: ``test_{stage}_{substage}_{feature}.py`` compiled, matched and filled."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

Groups = dict[str, str]

_HOLE: Final = re.compile(r"\{(\w+)\}|(\*)")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")


class Placeholder(NamedTuple):
    """What may stand in a hole.

    Attributes:
        name: The word between the braces.
        pattern: A regular expression without groups that capture.
        joined: What stands between the words of a right value; empty where it is no words.
        meaning: What it is, by language.
        source: ``stage`` where the value follows from the stage, else empty.
        form: How it follows, a format of the stage's number, slug and setup.
    """

    name: str
    pattern: str
    joined: str
    meaning: Mapping[str, str]
    source: str = ""
    form: str = ""

    def normal(self, text: str) -> str:
        """Return the nearest right way to write a value."""
        if self.joined:
            return self.joined.join(words(text))
        return text.lower() if text[:1].isalpha() else text.lstrip("0") or "0"


def words(text: str) -> list[str]:
    """Return the lower-case words of a name, however they are joined."""
    return [word.lower() for word in _WORDS.findall(text)]


class Template:
    """A name or path with holes; ``*`` is any text without a slash.

    Attributes:
        text: The template as it is declared.
        pieces: Literal texts and names of holes in turn: literal, hole, literal, …, literal.
        weight: How many literal characters it has: the more, the more specific.
    """

    __slots__ = ("_loose", "_placeholders", "_regex", "pieces", "text", "weight")

    def __init__(self, text: str, placeholders: Mapping[str, Placeholder]) -> None:
        self.text = text
        self.pieces = tuple(_pieces(text))
        self.weight = sum(len(piece) for piece in self.pieces[::2])
        self._placeholders = placeholders
        self._regex: re.Pattern[str] | None = None
        self._loose: re.Pattern[str] | None = None

    @property
    def holes(self) -> tuple[str, ...]:
        """The names of the holes, in order."""
        return tuple(hole for hole in self.pieces[1::2] if hole != "*")

    def pattern(self, known: Mapping[str, str] | None = None) -> str:
        """Return the regular expression, with named groups; ``known`` values stand as they are."""
        parts: list[str] = []
        seen: set[str] = set()
        for index, piece in enumerate(self.pieces):
            if index % 2 == 0:
                parts.append(re.escape(piece))
            elif piece == "*":
                parts.append("[^/]*")
            elif known and piece in known:
                parts.append(re.escape(known[piece]))
            else:
                group = f"?P<{piece}>" if piece not in seen else "?:"
                parts.append(f"({group}{self._placeholders[piece].pattern})")
                seen.add(piece)
        return "".join(parts)

    @property
    def regex(self) -> re.Pattern[str]:
        """The template, compiled when it is first needed."""
        if self._regex is None:
            self._regex = re.compile(self.pattern(), re.DOTALL)
        return self._regex

    def match(self, text: str) -> Groups | None:
        """Return what stands in the holes, or None where the text does not fit."""
        if len(self.pieces) == 1:
            return {} if text == self.text else None
        found = self.regex.fullmatch(text)
        return found.groupdict() if found else None

    def fill(self, groups: Mapping[str, str]) -> str:
        """Return the text with every hole filled.

        Raises:
            KeyError: A hole has no value.
        """
        return "".join(piece if index % 2 == 0 else groups[piece] for index, piece in enumerate(self.pieces))

    def can_fill(self, groups: Mapping[str, str]) -> bool:
        """Return whether every hole has a value."""
        return all(hole in groups for hole in self.pieces[1::2])

    def show(self, groups: Mapping[str, str] | None = None) -> str:
        """Return the text for a reader: known values, and ``<stage>`` where there is none."""
        known = groups or {}
        return "".join(
            piece if index % 2 == 0 or piece == "*" else known.get(piece, f"<{piece}>")
            for index, piece in enumerate(self.pieces)
        )

    def loosely(self, text: str) -> Groups | None:
        """Return the values that a badly written name means: other case, separators and endings; None if unclear."""
        if self._loose is None:
            self._loose = re.compile(self._loose_pattern(), re.IGNORECASE | re.DOTALL)
        found = self._loose.fullmatch(text)
        if found is None:
            return None
        groups = {name: self._placeholders[name].normal(value) for name, value in found.groupdict().items()}
        return groups if self.can_fill(groups) and self.match(self.fill(groups)) is not None else None

    def _loose_pattern(self) -> str:
        parts: list[str] = []
        seen: set[str] = set()
        last = len(self.pieces) - 1
        for index, piece in enumerate(self.pieces):
            if index % 2 == 0:
                parts.append(_loose_literal(piece, last=index == last))
            elif piece == "*":
                parts.append("[^/]*")
            else:
                group = f"?P<{piece}>" if piece not in seen else "?:"
                placeholder = self._placeholders[piece]
                inner = r"[^/.]+" if placeholder.joined else f"0*(?:{placeholder.pattern})"
                parts.append(f"({group}{inner})")
                seen.add(piece)
        return "".join(parts)


_ENDINGS: Final = {".yml": r"\.ya?ml", ".sh": r"\.(?:sh|bash)", ".md": r"\.(?:md|markdown)", ".py": r"\.py"}


def _loose_literal(text: str, *, last: bool) -> str:
    if re.fullmatch(r"[_.-]+", text):
        return r"[\s_.-]+"
    ending = next((known for known in _ENDINGS if last and text.endswith(known)), "")
    body = text[: len(text) - len(ending)] if ending else text
    parts = [
        r"[\s_.-]*" if re.fullmatch(r"[_.\-]+", part) else re.escape(part) for part in re.split(r"([_.\-]+)", body)
    ]
    return "".join(parts) + _ENDINGS.get(ending, "")


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for hole in _HOLE.finditer(text):
        yield text[at : hole.start()]
        yield hole.group(1) or "*"
        at = hole.end()
    yield text[at:]


def glob_pattern(glob: str) -> str:
    """Return a glob (``*`` and ``[…]``, no slash) as a regular expression."""
    parts = re.split(r"(\*|\[[^\]]*\])", glob)
    return "".join("[^/]*" if part == "*" else part if part[:1] == "[" else re.escape(part) for part in parts)
