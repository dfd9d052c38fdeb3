"""What a check says."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Finding(NamedTuple):
    """One thing that does not follow the standard.

    Attributes:
        code: The rule's code.
        severity: ``error`` or ``warning``.
        path: The path it is about, relative to the root, POSIX.
        line: The line, 1-based, where it is about a place in a file.
        column: The column, 1-based, in characters.
        message: One line that says what is wrong.
        fix: What to do, or empty.
        target: The path it should become, or empty.
        stage: The number of the stage it belongs to, where that is known.
    """

    code: str
    severity: str
    path: str
    line: int | None
    column: int | None
    message: str
    fix: str
    target: str = ""
    stage: int | None = None


_BROKEN: Final = 0xDC80  # where surrogateescape begins to put bytes that are not UTF-8


def order(finding: Finding) -> tuple[str, int, str, str]:
    """Return the key that puts findings in the order of reading."""
    return (finding.path, finding.line or 0, finding.code, finding.message)


def say(texts: Mapping[str, str], language: str) -> str:
    """Return the text in the language, or in English."""
    return texts.get(language) or texts.get("en", "")


def shown(path: str) -> str:
    """Return a path that can be printed on one line: control characters and broken bytes are escaped."""
    if path.isprintable() and '"' not in path:
        return path
    escaped = "".join(
        character if character.isprintable() and character not in '"\\' else _escape(character) for character in path
    )
    return f'"{escaped}"'


def _escape(character: str) -> str:
    point = ord(character)
    if _BROKEN <= point <= _BROKEN + 0x7F:
        return f"\\x{point - 0xDC00:02x}"
    return {'"': '\\"', "\\": "\\\\"}.get(character) or character.encode("unicode_escape").decode("ascii")
