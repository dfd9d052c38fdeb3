"""What a move is, and which moves are safe to make."""

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.migrate.errors import PlanError
from movie_mlops.standard.migrate.repository import SUBMODULE, Entry, display
from movie_mlops.standard.references.reference import folder_of

_LONGEST_NAME: Final = 255
_RULE_BY_HAND: Final = "by hand"


class Move(NamedTuple):
    """A file and where it goes.

    Attributes:
        stage: Number of the stage that it belongs to; 0 for none.
        source: Where it is.
        target: Where it should be.
        rule: Code of the rule that says so; ``by hand`` where a person added the move.
        confidence: ``certain`` or ``likely``.
        why: One sentence.
    """

    stage: int
    source: str
    target: str
    rule: str = _RULE_BY_HAND
    confidence: str = "certain"
    why: str = ""


def by_stage(moves: Iterable[Move]) -> list[tuple[int, list[Move]]]:
    """Return the moves of each stage, in the order of the stages, each in the order in which they can be made.

    Raises:
        PlanError: Some moves of one stage go round in a circle.
    """
    stages: dict[int, list[Move]] = {}
    for move in sorted(moves):
        stages.setdefault(move.stage, []).append(move)
    return [(number, _ordered(stages[number])) for number in sorted(stages)]


def _ordered(moves: Sequence[Move]) -> list[Move]:
    """A file leaves a path before another comes to it."""
    waiting = {move.source: move for move in moves}
    ordered: list[Move] = []
    while waiting:
        free = [move for move in waiting.values() if move.target not in waiting or move.target == move.source]
        if not free:
            named = display(next(iter(waiting)))
            raise PlanError(
                f"The moves around {named} go round in a circle.",
                next_step="Give one of them another target, and move it again later.",
            )
        for move in free:
            ordered.append(move)
            del waiting[move.source]
    return ordered


def check_moves(moves: Sequence[Move], entries: Mapping[str, Entry], root: Path) -> None:
    """Refuse any move that is not safe.

    Args:
        moves: All moves of a plan.
        entries: The commit's files.
        root: Of the working tree, which is looked at for what git does not track.

    Raises:
        PlanError: A source that is not there, a target that is taken or outside, a link on the way.
    """
    problems = list(move_problems(moves, entries, root))
    if problems:
        move, problem = problems[0]
        more = f" ({len(problems) - 1} more moves have problems.)" if len(problems) > 1 else ""
        raise PlanError(
            f"The move of {display(move.source)} to {display(move.target)} is not safe: {problem}.{more}",
            next_step="Change or delete that move in the plan.",
        )
    by_stage(moves)


def move_problems(moves: Sequence[Move], entries: Mapping[str, Entry], root: Path) -> list[tuple[Move, str]]:
    """Return every move that is not safe, with what is wrong about it."""
    sources: dict[str, int] = {}
    targets: dict[str, int] = {}
    for move in moves:
        sources[move.source] = sources.get(move.source, 0) + 1
        targets[_folded(move.target)] = targets.get(_folded(move.target), 0) + 1
    stage_of = {move.source: move.stage for move in moves}
    problems: list[tuple[Move, str]] = []
    for move in moves:
        problem = _source_problem(move, sources, entries) or _shape_problem(move.target)
        if not problem and targets[_folded(move.target)] > 1:
            problem = "another move has the same target"
        problem = problem or _target_problem(move, stage_of, entries, root)
        if problem:
            problems.append((move, problem))
    return problems


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _source_problem(move: Move, sources: Mapping[str, int], entries: Mapping[str, Entry]) -> str:
    if move.source not in entries:
        return "git does not track the first"
    if entries[move.source].mode == SUBMODULE:
        return "it is a submodule, which only 'git mv' moves"
    if sources[move.source] > 1:
        return "it is moved twice"
    return "it stays where it is" if move.source == move.target else ""


def _shape_problem(target: str) -> str:
    parts = target.split("/")
    if not target or target.startswith("/") or "\0" in target:
        return "the target is not a path in the repository"
    if any(part in {"", ".", ".."} for part in parts):
        return "the target is not a plain path in the repository"
    if any(part.casefold() in {".git", "git~1"} for part in parts):
        return "the target is in git's own folder"
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        return f"a name of more than {_LONGEST_NAME} bytes cannot be made"
    return ""


def _target_problem(move: Move, stage_of: Mapping[str, int], entries: Mapping[str, Entry], root: Path) -> str:
    vacated = stage_of.get(move.target)
    only_case = _folded(move.source) == _folded(move.target)
    if vacated is not None and vacated > move.stage:
        return "the file that is there leaves only in a later stage"
    if vacated is None and not only_case and (move.target in entries or os.path.lexists(root / move.target)):
        return "something is there already"
    folder = folder_of(move.target)
    while folder:
        if folder in entries and folder not in stage_of:
            return f"{display(folder)} is a file"
        if folder not in stage_of and _blocks(root / folder):
            return f"{display(folder)} is a link or no folder, and a migration never follows one"
        folder = folder_of(folder)
    return ""


def _blocks(path: Path) -> bool:
    return path.is_symlink() or (os.path.lexists(path) and not path.is_dir())


def reachable(path: str, root: Path) -> bool:
    """Return whether no folder on the way to ``path`` is a symbolic link."""
    folder = folder_of(path)
    while folder:
        if (root / folder).is_symlink():
            return False
        folder = folder_of(folder)
    return True


def vacant(target: str, taken: Collection[str], root: Path) -> bool:
    """Return whether nothing is at ``target``, neither in the plan nor on disk."""
    return target not in taken and not os.path.lexists(root / target)
