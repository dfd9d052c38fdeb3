"""What may stand in a declaration: its tables, their keys and the type of each."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from movie_mlops.standard.errors import SpecError

CHECKS: Final = ("require", "forbid", "place", "name", "companion", "registry", "reference", "portability", "branch")
SEVERITIES: Final = ("error", "warning", "off")
SCOPES: Final = ("index", "tree", "no")
ASPECTS: Final = {
    "portability": ("case", "reserved", "length", "characters", "encoding", "link"),
    "branch": ("name", "protected"),
}


class Table(NamedTuple):
    """A table of the declaration: the key that names an entry, the type of each key, and those that it must have."""

    key: str
    types: Mapping[str, str]
    needed: tuple[str, ...]


TABLES: Final[Mapping[str, Table]] = {
    "stage": Table(
        "number",
        {"number": "number", "slug": "word", "name": "text", "setup": "word", "substages": "tables"},
        ("number", "slug", "name"),
    ),
    "word": Table("of word", {"of": "word", "word": "word", "meaning": "text"}, ("of", "word", "meaning")),
    "kind": Table(
        "id",
        {
            **dict.fromkeys(("id", "within", "example"), "word"),
            **dict.fromkeys(("templates", "folders", "strays", "claims"), "words"),
            "name": "text",
            "aliases": "text",
            "counts": "yes or no",
            "fallback": "yes or no",
        },
        ("id", "name", "templates", "folders", "example"),
    ),
    "path": Table(
        "path",
        {
            **dict.fromkeys(("path", "require", "forbid", "otherwise"), "word"),
            **dict.fromkeys(("folder", "open", "closed"), "yes or no"),
            "holds": "text",
            "since": "number",
        },
        ("path", "holds"),
    ),
    "companion": Table("rule", {"for": "words", "needs": "words", "rule": "word"}, ("for", "needs", "rule")),
    "branch": Table(
        "template", {"template": "word", "example": "word", "meaning": "text"}, ("template", "example", "meaning")
    ),
    "rule": Table(
        "code",
        {
            **dict.fromkeys(("code", "check", "severity", "paragraph", "placeholder", "aspect", "scope"), "word"),
            **dict.fromkeys(("title", "reason", "message", "fix", "example"), "text"),
            "kinds": "words",
            "staged": "yes or no",
            "limit": "number",
        },
        ("code", "check", "severity", "paragraph", "title", "reason", "message", "example"),
    ),
    "settlement": Table("id", {"id": "word", "between": "words", "decision": "text"}, ("id", "between", "decision")),
    "checklist": Table("line", {"group": "text", "line": "text", "rules": "words"}, ("group", "line", "rules")),
}
SINGLES: Final[Mapping[str, Mapping[str, str]]] = {
    "standard": {"name": "word", "version": "word", "languages": "words", "extends": "yes or no"},
    "project": {"stages": "numbers"},
    "branches": {"protected": "words"},
}
PLACEHOLDER: Final = Table(
    "name",
    {**dict.fromkeys(("pattern", "joined", "from", "format"), "word"), "meaning": "text"},
    ("pattern", "meaning"),
)
SUBSTAGE: Final = Table(
    "number",
    {**dict.fromkeys(("number", "title", "room"), "word"), "name": "text"},
    ("number", "title", "name"),
)
_TYPES: Final[Mapping[str, Any]] = {
    "word": lambda value: isinstance(value, str),
    "words": lambda value: isinstance(value, list) and all(isinstance(part, str) for part in value),
    "text": lambda value: isinstance(value, dict) and all(isinstance(part, str) for part in value.values()),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "numbers": lambda value: isinstance(value, list) and all(type(part) is int for part in value),
    "yes or no": lambda value: isinstance(value, bool),
    "tables": lambda value: isinstance(value, list) and all(isinstance(part, dict) for part in value),
}
_SHAPES: Final = {
    "word": "a text in quotes",
    "words": "a list of texts",
    "text": 'a table of texts, such as {en = "…", ko = "…"}',
    "number": "a whole number",
    "numbers": "a list of whole numbers",
    "yes or no": "true or false",
    "tables": "a list of tables",
}


class Source(NamedTuple):
    """A file that is being read: how it is named in messages, and its text."""

    name: str
    text: str


class Entry(NamedTuple):
    """An entry of a declaration and where it was written: the n-th ``[[section]]``, or the table ``[section]``."""

    data: dict[str, Any]
    source: Source
    section: str
    nth: int

    def refuse(self, problem: str, *, key: str = "", next_step: str) -> NoReturn:
        """Refuse the declaration at this entry.

        Raises:
            SpecError: Always.
        """
        raise SpecError(f"{self.source.name}:{line_of(self, key)}: {problem}", next_step=next_step)


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known word that is nearest to a wrong one, or ""."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.5)), "")


def hint(word: str, known: Sequence[str]) -> str:
    """Return the sentence that names the nearest valid word, or all of them."""
    near = nearest(word, known)
    return f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(sorted(map(str, known)))}."


def line_of(entry: Entry, key: str) -> int:
    """Return the line of an entry, or of a key in it (1-based)."""
    lines = entry.source.text.splitlines()
    quoted = re.escape(entry.section)
    brackets = (r"\[", r"\]") if entry.nth < 0 else (r"\[\[", r"\]\]")
    header = re.compile(rf"\s*{brackets[0]}\s*{quoted}\s*{brackets[1]}")
    skip = max(entry.nth, 0)
    start = 0
    for number, line in enumerate(lines):
        if header.match(line):
            if skip == 0:
                start = number
                break
            skip -= 1
    if key:
        wanted = re.compile(rf"""(?:^|[{{,]|\s)["']?{re.escape(key)}["']?\s*=""")
        for number in range(start, len(lines)):
            if number > start and lines[number].lstrip().startswith("["):
                break
            if wanted.search(lines[number]):
                return number + 1
    return start + 1


def check_entry(entry: Entry, table: Table, *, complete: bool = True) -> None:
    """Refuse unknown keys, wrong types and missing keys.

    Raises:
        SpecError: With file, line and the nearest valid word.
    """
    label = f"[[{entry.section}]]" if entry.nth >= 0 else f"[{entry.section}]"
    for key, value in entry.data.items():
        if key not in table.types:
            entry.refuse(f"unknown key '{key}' in {label}.", key=key, next_step=hint(key, list(table.types)))
        if not _TYPES[table.types[key]](value):
            entry.refuse(f"'{key}' in {label} is not {_SHAPES[table.types[key]]}.", key=key, next_step="Correct it.")
    if complete:
        for key in table.needed:
            if key not in entry.data:
                entry.refuse(f"{label} has no '{key}'.", next_step=f"Add {key} = {_SHAPES[table.types[key]]}.")
