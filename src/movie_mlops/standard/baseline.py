"""Findings that a project has accepted for now, each with its reason; the list can only shrink."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from movie_mlops.standard.errors import SpecError
from movie_mlops.standard.findings import Finding
from movie_mlops.standard.schema import Entry, Source, Table, check_entry

_TABLE: Final = Table(
    "code path",
    {**dict.fromkeys(("code", "path", "reason"), "word"), "count": "number"},
    ("code", "path", "reason"),
)
_HEADER: Final = re.compile(r"(?m)^[ \t]*\[\[[ \t]*accepted[ \t]*\]\]")


class Accepted(NamedTuple):
    """Findings of one code at one path that are accepted: how many, and why."""

    code: str
    path: str
    reason: str
    times: int
    line: int


class Outcome(NamedTuple):
    """What is left of the findings, and the entries that accept more than there is."""

    findings: list[Finding]
    stale: list[Finding]


def load(path: str) -> list[Accepted]:
    """Return the entries of a baseline.

    Raises:
        SpecError: It cannot be read, or an entry has no reason, with its line.
    """
    import tomllib

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        data = tomllib.loads(text)
    except OSError as error:
        raise SpecError(
            f"The baseline {path} cannot be read: {error.strerror}.",
            next_step="Make it with: movie-mlops standard check --format baseline > FILE",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"The baseline {path} is not TOML: {error}.", next_step="Correct that line.") from error
    source = Source(path, text)
    for section in data:
        if section != "accepted" or not isinstance(data[section], list):
            Entry({}, source, section, -1).refuse(f"unknown table '{section}'.", next_step="Use [[accepted]].")
    found: dict[tuple[str, str], Accepted] = {}
    for nth, part in enumerate(data.get("accepted", [])):
        entry = Entry(part, source, "accepted", nth)
        check_entry(entry, _TABLE)
        if not part["reason"].strip():
            entry.refuse("an accepted finding has no reason.", key="reason", next_step="Say why it is accepted.")
        line = text.count("\n", 0, _blocks(text)[nth + 1][0]) + 1
        one = Accepted(part["code"], part["path"], part["reason"], part.get("count", 1), line)
        if (one.code, one.path) in found:
            entry.refuse(f"{one.code} of {one.path} is accepted twice.", next_step="Use one entry with a count.")
        found[one.code, one.path] = one
    return list(found.values())


def apply(findings: Sequence[Finding], accepted: Sequence[Accepted], name: str) -> Outcome:
    """Take accepted findings away; an entry that accepts more than there is becomes a finding itself."""
    there = Counter((one.code, one.path) for one in findings)
    allowed = {(one.code, one.path): one.times for one in accepted}
    left = [one for one in findings if there[one.code, one.path] > allowed.get((one.code, one.path), 0)]
    stale = [
        Finding(
            one.code,
            "error",
            name,
            one.line,
            None,
            f"accepts {one.times} of {one.code} at {one.path}, there is {there[one.code, one.path]}: "
            "a baseline can only shrink",
            "Run again with --update-baseline.",
        )
        for one in accepted
        if there[one.code, one.path] < one.times
    ]
    return Outcome(left, stale)


def shrunk(text: str, findings: Sequence[Finding], accepted: Sequence[Accepted]) -> str:
    """Return the text of a baseline without what no longer fires; nothing is ever added."""
    there = Counter((one.code, one.path) for one in findings)
    blocks = _blocks(text)
    kept = [text[blocks[0][0] : blocks[0][1]]]
    for (start, end), one in zip(blocks[1:], accepted, strict=True):
        count = min(one.times, there[one.code, one.path])
        if count == 0:
            continue
        block = text[start:end]
        kept.append(re.sub(r"(?m)^([ \t]*count[ \t]*=[ \t]*)\d+", rf"\g<1>{count}", block))
    return "".join(kept)


def shrink(path: str, findings: Sequence[Finding], accepted: Sequence[Accepted]) -> None:
    """Take out of a baseline's file what no longer fires; the file is replaced whole, or not at all."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    new = shrunk(text, findings, accepted)
    if new != text:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(new)
        os.replace(f"{path}.new", path)


def proposed(findings: Sequence[Finding]) -> str:
    """Return a baseline of all findings, with the reasons left to be written."""
    import json

    lines = ["# Findings that are accepted for now. Write a reason for each; the list can only shrink.\n"]
    for (code, path), count in sorted(Counter((one.code, one.path) for one in findings).items()):
        name = json.dumps(path.encode("utf-8", "replace").decode(), ensure_ascii=False)
        lines.append(f'\n[[accepted]]\ncode = "{code}"\npath = {name}\nreason = ""\n')
        if count > 1:
            lines.append(f"count = {count}\n")
    return "".join(lines)


def _blocks(text: str) -> list[tuple[int, int]]:
    """Return where the head of the text and each entry begin and end."""
    starts = [0, *(found.start() for found in _HEADER.finditer(text)), len(text)]
    return list(pairwise(starts))
