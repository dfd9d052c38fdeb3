"""The plan: a file for people, which says every move, every edit that it causes, and what is left to them."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from movie_mlops.core import clock
from movie_mlops.standard.migrate.edits import Doubt, Edit
from movie_mlops.standard.migrate.errors import PlanError
from movie_mlops.standard.migrate.moves import Move
from movie_mlops.standard.migrate.repository import counted

FORMAT: Final = 1

_BYTE_PLANE: Final = 0x10FF00
"""An undecodable byte XX of a name or a line is the character U+10FFXX in the plan: TOML holds characters only."""

FIRST_WORDS: Final = "# Migration plan."
"""Every plan begins so, and is not itself taken for a file that names paths."""

_HEADING: Final = """\
# Migration plan. Read it, change it, then: {apply}
#
# [[move]]       Delete one, or change its target or stage; 'apply' checks every move again, and never overwrites.
# [[edit]]       A line that changes because of the moves. Correct 'after', or write keep = true to leave it alone.
#                Where you change moves, edits are found anew, and your own words are kept where they still fit.
# [[ambiguous]]  Files whose right place only you know. To move one, write a [[move]] with from, to and stage.
# [[review]]     Lines that may name something that moves. They are left as they are: look at them.
"""


class Ambiguous(NamedTuple):
    """A file that should move, and nobody but a person knows where."""

    path: str
    why: str
    alternatives: tuple[str, ...]


class Plan(NamedTuple):
    """A migration before it is made.

    Attributes:
        commit: The commit that it was made for.
        moves: In the order of the stages.
        edits: The lines that they change.
        ambiguous: Files that are left to a person.
        doubts: Lines that are left to a person.
        kept: Edits that a person struck out: stage, file, line and the line before.
        digest: Of the moves when the plan was made; it shows whether a person changed them.
    """

    commit: str
    moves: tuple[Move, ...]
    edits: tuple[Edit, ...]
    ambiguous: tuple[Ambiguous, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    kept: frozenset[tuple[int, str, int, str]] = frozenset()
    digest: str = ""


def digest_of(moves: Iterable[Move]) -> str:
    """Return what tells one set of moves from another."""
    told = "\0".join(f"{move.stage}\1{move.source}\1{move.target}" for move in sorted(moves))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def to_toml(plan: Plan, *, apply: str = "movie-mlops standard migrate apply") -> str:
    """Return the plan as TOML."""
    parts = [_HEADING.format(apply=apply)]
    parts.append(
        _table(
            "[plan]",
            format=FORMAT,
            commit=plan.commit,
            made=clock.to_iso(clock.now()),
            digest=plan.digest or digest_of(plan.moves),
        )
    )
    left = f"{counted(len(plan.ambiguous), 'file')} and {counted(len(plan.doubts), 'line')} left to you"
    parts.append(f"# {counted(len(plan.moves), 'move')}, {counted(len(plan.edits), 'line')} to change, {left}\n")
    for stage in sorted({move.stage for move in plan.moves}):
        parts.append(f"# {'-' * 20} {f'stage {stage}' if stage else 'stage 0: the whole project'} {'-' * 20}\n")
        parts += [_move(move) for move in plan.moves if move.stage == stage]
        parts += [_edit(edit) for edit in plan.edits if edit.stage == stage]
    if plan.ambiguous:
        parts.append(f"# {'-' * 20} ambiguous: left where they are {'-' * 20}\n")
    for item in plan.ambiguous:
        parts.append(_table("[[ambiguous]]", path=item.path, why=item.why, alternatives=list(item.alternatives)))
    if plan.doubts:
        parts.append(f"# {'-' * 20} review: left as they are {'-' * 20}\n")
    for doubt in plan.doubts:
        parts.append(_table("[[review]]", file=doubt.file, line=doubt.line, text=doubt.text, why=doubt.why))
    return "\n".join(parts)


def _move(move: Move) -> str:
    facts: dict[str, str | int | list[str]] = {"from": move.source, "to": move.target}
    return _table("[[move]]", stage=move.stage, **facts, rule=move.rule, confidence=move.confidence, why=move.why)


def _edit(edit: Edit) -> str:
    return _table(
        "[[edit]]",
        stage=edit.stage,
        file=edit.file,
        line=edit.line,
        before=edit.before,
        after=edit.after,
        because=list(edit.causes),
    )


def _table(heading: str, **values: str | int | list[str]) -> str:
    return "\n".join([heading, *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


def _value(value: str | int | list[str]) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if "'" not in value and value.isprintable() and ("\\" in value or '"' in value):
        return f"'{value}'"
    return '"' + "".join(_character(character) for character in value) + '"'


def _character(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - the surrogates that stand for undecodable bytes
        return f"\\U{_BYTE_PLANE + code - 0xDC00:08X}"
    if character in {'"', "\\"}:
        return "\\" + character
    if character == "\t":
        return "\\t"
    if character == "\n":
        return "\\n"
    return character if character.isprintable() else f"\\U{code:08X}"


def from_toml(text: str, name: str) -> Plan:
    """Read a plan.

    Args:
        text: The TOML.
        name: Of the file, for messages.

    Raises:
        PlanError: It is not TOML, or not a plan.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{name} is not TOML: {error}.", next_step="Correct that line, or make a new plan.") from error
    reader = _Reader(name)
    head = reader.table(document, "plan")
    unknown = set(document) - {"plan", "move", "edit", "ambiguous", "review"}
    if unknown:
        raise PlanError(f"{name} has an unknown part [{min(unknown)}].", next_step="Parts are [[move]] and [[edit]].")
    if reader.number(head, "format") != FORMAT:
        raise PlanError(f"{name} is a plan of another version.", next_step="Make a new plan: standard migrate plan.")
    moves = tuple(sorted(reader.move(item) for item in reader.tables(document, "move")))
    edits, kept = [], set()
    for item in reader.tables(document, "edit"):
        edit = reader.edit(item)
        edits.append(edit)
        if item.get("keep") is True:
            kept.add(edit[:4])
    ambiguous = tuple(
        Ambiguous(reader.word(item, "path"), reader.word(item, "why"), tuple(reader.words(item, "alternatives")))
        for item in reader.tables(document, "ambiguous")
    )
    doubts = tuple(
        Doubt(
            reader.word(item, "file"), reader.number(item, "line"), reader.word(item, "text"), reader.word(item, "why")
        )
        for item in reader.tables(document, "review")
    )
    commit = reader.word(head, "commit")
    return Plan(commit, moves, tuple(edits), ambiguous, doubts, frozenset(kept), reader.word(head, "digest"))


def read_plan(path: Path) -> Plan:
    """Read a plan from a file.

    Raises:
        PlanError: It cannot be read, or is not a plan.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            f"There is no plan at {path}: {error.strerror}.", next_step="Make one: movie-mlops standard migrate plan."
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path} is not UTF-8.", next_step="Save it as UTF-8.") from error
    return from_toml(text, str(path))


class _Reader:
    """Takes values out of the document, and says which one is wrong."""

    def __init__(self, name: str) -> None:
        self.name = name

    def table(self, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = document.get(key)
        if not isinstance(value, dict):
            raise PlanError(f"{self.name} has no [{key}].", next_step="Make a new plan: standard migrate plan.")
        return value

    def tables(self, document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        value = document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise PlanError(f"{self.name}: write [[{key}]], with two brackets.", next_step="Correct it.")
        return value

    def word(self, item: Mapping[str, Any], key: str) -> str:
        value = item.get(key)
        if not isinstance(value, str):
            raise PlanError(
                f"{self.name}: {key} = {value!r} should be text in {dict(item)!r}.", next_step="Correct it."
            )
        return _plain(value)

    def words(self, item: Mapping[str, Any], key: str) -> list[str]:
        value = item.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise PlanError(f"{self.name}: {key} should be a list of texts in {dict(item)!r}.", next_step="Correct it.")
        return [_plain(word) for word in value]

    def number(self, item: Mapping[str, Any], key: str) -> int:
        value = item.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            raise PlanError(f"{self.name}: {key} = {value!r} should be a number.", next_step="Correct it.")
        return value

    def move(self, item: Mapping[str, Any]) -> Move:
        known = {"stage", "from", "to", "rule", "confidence", "why"}
        if unknown := sorted(set(item) - known):
            raise PlanError(
                f"{self.name}: a move has no {unknown[0]!r}.", next_step=f"It has {', '.join(sorted(known))}."
            )
        rest = [
            _plain(str(item.get(key, default)))
            for key, default in (("rule", "by hand"), ("confidence", "certain"), ("why", ""))
        ]
        return Move(self.number(item, "stage"), self.word(item, "from"), self.word(item, "to"), *rest)

    def edit(self, item: Mapping[str, Any]) -> Edit:
        place = self.number(item, "stage"), self.word(item, "file"), self.number(item, "line")
        return Edit(*place, self.word(item, "before"), self.word(item, "after"), tuple(self.words(item, "because")))


def _plain(value: str) -> str:
    return re.sub("[\U0010ff80-\U0010ffff]", lambda found: chr(ord(found.group()) - _BYTE_PLANE + 0xDC00), value)
