"""The report of a migration: what moved where and why, what changed with it, and what was left."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.migrate import planning
from movie_mlops.standard.migrate.edits import Book, Edit
from movie_mlops.standard.migrate.files import write_new
from movie_mlops.standard.migrate.journal import Journal
from movie_mlops.standard.migrate.moves import Move
from movie_mlops.standard.migrate.plan import Plan
from movie_mlops.standard.migrate.repository import Repository, counted, display

REPORT: Final = "report.md"


class Outcome(NamedTuple):
    """How a migration ended, or how far it came.

    Attributes:
        folder: Of its back-up, journal and report.
        kept: Stages that were made.
        undone: Stages that were undone because the verification failed, with what it said.
        moves: How many files moved.
        edits: How many files changed.
    """

    folder: Path
    kept: tuple[int, ...]
    undone: tuple[tuple[int, str], ...]
    moves: int
    edits: int


def outcome_of(journal: Journal) -> Outcome:
    """Return how a migration ended, or how far it came."""
    stages = journal.stages()
    kept = [stage for stage in stages if stage["state"] == "kept"]
    undone = tuple((stage["number"], str(stage.get("said", ""))) for stage in stages if stage["state"] == "undone")
    moves = sum(len(stage["moves"]) for stage in kept)
    first = {target: source for stage in kept for source, target in stage["moves"]}
    edits = len({first.get(change["path"], change["path"]) for stage in kept for change in stage["changes"]})
    return Outcome(journal.folder, tuple(stage["number"] for stage in kept), undone, moves, edits)


def write_report(repository: Repository, journal: Journal, plan: Plan, book: Book, outcome: Outcome) -> None:
    """Write ``report.md`` beside the journal."""
    made = [move for move in plan.moves if move.stage in outcome.kept]
    edits, doubts = planning.followed(plan, book, made)
    before, after = journal.begin["commit"], repository.head()
    lines = [
        f"# Migration of {repository.root.name}",
        "",
        (
            f"{counted(len(made), 'file')} moved to where the standard has them, and {counted(len(edits), 'line')} in "
            f"{counted(len({edit.file for edit in edits}), 'file')} followed. Commits `{before[:12]}..{after[:12]}`; "
            "each stage has its renames in one and its edits in the next."
        ),
        "",
        f"To go back, byte for byte: `movie-mlops standard migrate rollback`. The back-up is `{journal.folder.name}/`.",
        "",
    ]
    for number in outcome.kept:
        lines += _stage(number, made, edits)
    if outcome.undone:
        lines += ["## Undone", ""]
        for number, said in outcome.undone:
            lines += [f"Stage {number}: the verification `{journal.begin['verify']}` failed after it.", ""]
            lines += [*(f"    {line}" for line in said.splitlines()), ""]
            lines += _moves(move for move in plan.moves if move.stage == number)
    if plan.ambiguous:
        lines += ["## Left where it is", "", "Only you know the right place of these files.", ""]
        lines += ["| file | why | it might be |", "|---|---|---|"]
        lines += [
            f"| {_code(item.path)} | {_cell(item.why)} | {', '.join(map(_code, item.alternatives))} |"
            for item in plan.ambiguous
        ]
        lines.append("")
    if doubts:
        lines += ["## Lines to look at", "", "They may name something that moved, and were left as they are.", ""]
        lines += ["| line | text | why |", "|---|---|---|"]
        lines += [
            f"| {_code(_place(doubt.file, doubt.line))} | {_code(doubt.text)} | {_cell(doubt.why)} |"
            for doubt in doubts
        ]
        lines.append("")
    write_new(journal.folder / REPORT, "\n".join(lines).encode("utf-8", "backslashreplace"))


def _stage(number: int, made: Iterable[Move], edits: Iterable[Edit]) -> list[str]:
    lines = [f"## Stage {number}" if number else "## Stage 0: the whole project", ""]
    lines += _moves(move for move in made if move.stage == number)
    changed = [edit for edit in edits if edit.stage == number]
    if changed:
        lines += ["| line | before | after |", "|---|---|---|"]
        lines += [f"| {_code(_place(e.file, e.line))} | {_code(e.before)} | {_code(e.after)} |" for e in changed]
        lines.append("")
    return lines


def _moves(moves: Iterable[Move]) -> list[str]:
    lines = ["| from | to | rule | why |", "|---|---|---|---|"]
    for move in moves:
        likely = "" if move.confidence == "certain" else f" ({move.confidence})"
        lines.append(f"| {_code(move.source)} | {_code(move.target)} | {move.rule}{likely} | {_cell(move.why)} |")
    return [*lines, ""]


def _code(text: str) -> str:
    shown = display(text.strip()).replace("|", "\\|")
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}" if shown else ""


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else f"{file} (link)"


def _cell(text: str) -> str:
    return display(text).replace("|", "\\|")
