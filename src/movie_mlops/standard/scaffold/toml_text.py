"""TOML as text: where its statements are, so that one can be added while comments and order stay."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_HEADER: Final = re.compile(r"\[\[?\s*(.*?)\s*\]\]?\s*(?:#.*)?", re.DOTALL)
_QUOTES: Final = ('"""', "'''", '"', "'")


class Statement(NamedTuple):
    """A header (``[[stage]]``: key is ``stage``, tables doubled) or an assignment.

    Attributes:
        key: The name of the table, or of the key.
        header: 0 for an assignment, 1 for ``[table]``, 2 for ``[[table]]``.
        start: Where it begins in the text.
        value: Where its value begins (an assignment), else where the header begins.
        end: Where it ends, its line end excluded.
    """

    key: str
    header: int
    start: int
    value: int
    end: int


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a text that is TOML."""
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        else:
            found = _statement(text, at)
            yield found
            at = found.end


def _statement(text: str, start: int) -> Statement:
    if text[start] == "[":
        end = _line_end(text, start)
        found = _HEADER.fullmatch(text, start, end)
        key = found[1] if found else ""
        return Statement(key.replace(" ", ""), 2 if text.startswith("[[", start) else 1, start, start, end)
    equals = text.index("=", start)
    value = equals + 1
    while text[value] in " \t":
        value += 1
    return Statement(text[start:equals].strip().strip("\"'"), 0, start, value, value_end(text, value))


def value_end(text: str, start: int) -> int:
    """Return where a value ends: at the end of its line, brackets and texts of several lines included."""
    depth, at = 0, start
    while at < len(text):
        character = text[at]
        if character in "\"'":
            at = _string_end(text, at)
            continue
        if character == "#":
            at = _line_end(text, at)
            continue
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "\n" and depth == 0:
            break
        at += 1
    return at


def closing(text: str, start: int) -> tuple[int, int]:
    """Return where the last thing inside a list ends (the opening bracket's end where it is empty) and its bracket."""
    depth, at, last = 0, start, start + 1
    while True:
        character = text[at]
        if character in "\"'":
            at = last = _string_end(text, at)
            continue
        if character == "#":
            at = _line_end(text, at)
            continue
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
            if depth == 0:
                return last, at
        at += 1
        if not character.isspace():
            last = at


def _string_end(text: str, start: int) -> int:
    quote = next(mark for mark in _QUOTES if text.startswith(mark, start))
    at = start + len(quote)
    while not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    return at + len(quote)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
