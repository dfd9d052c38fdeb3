"""Makes a plan: asks the standard for the place of every file, and finds every reference that the moves touch."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from movie_mlops.standard.migrate.edits import LARGEST, Book, Doubt, Edit, edits_of
from movie_mlops.standard.migrate.journal import BACKUPS
from movie_mlops.standard.migrate.moves import Move, by_stage, move_problems
from movie_mlops.standard.migrate.plan import FIRST_WORDS, Ambiguous, Plan, digest_of
from movie_mlops.standard.migrate.repository import LINK, SUBMODULE, Entry, Repository
from movie_mlops.standard.references.reference import folder_of
from movie_mlops.standard.spec import Spec


def make_plan(repository: Repository, spec: Spec) -> Plan:
    """Return the plan that brings every file of the present commit to its place.

    Args:
        repository: Whose.
        spec: The standard that it is to follow.

    Raises:
        MigrationError: There is no commit.
    """
    commit = repository.head()
    entries = repository.entries(commit)
    moves, ambiguous = moves_of(entries, spec)
    moves, unsafe = _safe(moves, entries, repository.root)
    book = read_book(repository, entries, private_files(repository, spec))
    edits, doubts = edits_of(book, mappings(moves))
    left = tuple(sorted([*ambiguous, *unsafe]))
    return Plan(commit, tuple(moves), tuple(edits), left, tuple(doubts), digest=digest_of(moves))


def moves_of(entries: Mapping[str, Entry], spec: Spec) -> tuple[list[Move], list[Ambiguous]]:
    """Return the moves that the standard is sure enough of, and the files that it is not."""
    moves: list[Move] = []
    ambiguous: list[Ambiguous] = []
    for path, entry in entries.items():
        placement = spec.place(path)
        if placement.verdict in {"right", "open"} or path.startswith(BACKUPS + "/"):
            continue
        target = placement.target
        if target is None or target == path or placement.confidence == "ambiguous" or entry.mode == SUBMODULE:
            ambiguous.append(Ambiguous(path, placement.why, placement.alternatives))
            continue
        stage = stage_of(target, spec)
        moves.append(
            Move(stage, path, target, placement.rule or placement.verdict, placement.confidence, placement.why)
        )
    return sorted(_with_followers(moves, entries, spec)), ambiguous


def _with_followers(moves: list[Move], entries: Mapping[str, Entry], spec: Spec) -> list[Move]:
    """Take along what a folder's files need beside them, where all of them go to one folder and nothing else stays.

    They share what they take along, so they go in one stage, the first of theirs.
    """
    leaving: dict[str, list[Move]] = {}
    for move in moves:
        leaving.setdefault(folder_of(move.source), []).append(move)
    for folder, of_folder in leaving.items():
        targets = {folder_of(move.target) for move in of_folder}
        gone = {move.source for move in of_folder}
        rest = [path for path in entries if path.startswith(f"{folder}/") and path not in gone] if folder else []
        if len(targets) != 1 or not rest:
            continue
        home = targets.pop()
        fitting = {path: f"{home}{path[len(folder) :]}" for path in rest}
        if not all(_belongs(target, spec) and target not in entries for target in fitting.values()):
            continue
        stage = min(move.stage for move in of_folder)
        moves = [move._replace(stage=stage) if move.source in gone else move for move in moves]
        why = f"goes with the files of {folder}/ that it serves"
        moves += [Move(stage, path, target, of_folder[0].rule, "likely", why) for path, target in fitting.items()]
    return moves


def _belongs(path: str, spec: Spec) -> bool:
    return any(folder.text != "**" for match in spec.kinds_of(path) for folder in match.kind.folders)


def stage_of(path: str, spec: Spec) -> int:
    """Return the stage that a path belongs to by its name; 0 for none."""
    for match in spec.kinds_of(path):
        number = match.groups.get("stage", "")
        if number.isdecimal():
            return int(number)
    return 0


def _safe(moves: Sequence[Move], entries: Mapping[str, Entry], root: Path) -> tuple[list[Move], list[Ambiguous]]:
    """Leave out what would overwrite, or meet another; leaving out may make room for a problem, so look again."""
    kept, left = list(moves), []
    while problems := dict(move_problems(kept, entries, root)):
        left += [
            Ambiguous(move.source, f"{move.why} But {problem}.", (move.target,)) for move, problem in problems.items()
        ]
        kept = [move for move in kept if move not in problems]
    return kept, left


def mappings(moves: Iterable[Move]) -> list[tuple[int, dict[str, str]]]:
    """Return the moves of each stage as old path to new path."""
    return [(number, {move.source: move.target for move in of_stage}) for number, of_stage in by_stage(moves)]


def private_files(repository: Repository, spec: Spec) -> list[str]:
    """Return the files that git does not track and whose references a migration follows nevertheless."""
    private = {path.path for path in spec.paths.values() if path.forbid == "index" and not path.folder}
    untracked = {path for path in repository.untracked() if not path.startswith(BACKUPS + "/")}
    return sorted(path for path in untracked | private if _followed(repository.root / path))


def _followed(place: Path) -> bool:
    """Return whether a file is read: links lead elsewhere, and a plan speaks of what is before it."""
    if place.is_symlink() or not place.is_file():
        return False
    with place.open("rb") as file:
        return not file.read(len(FIRST_WORDS)).startswith(FIRST_WORDS.encode())


def read_book(
    repository: Repository, entries: Mapping[str, Entry], private: Iterable[str] = (), folder: Path | None = None
) -> Book:
    """Read the references of a commit and of some files that git does not track.

    Args:
        repository: Where.
        entries: The commit's files.
        private: Files beside them.
        folder: Where the untracked ones are read; the working tree by default.
    """
    book = Book(entries)
    small = {path: entry for path, entry in entries.items() if entry.mode != SUBMODULE and entry.size <= LARGEST}
    for (path, entry), content in zip(small.items(), repository.contents(e.blob for e in small.values()), strict=True):
        if entry.mode == LINK:
            book.read_link(path, content.decode("utf-8", "surrogateescape"))
        elif not content.startswith(FIRST_WORDS.encode()):
            book.read(path, content)
    for path in private:
        place = (folder or repository.root) / path
        if path not in entries and place.is_file() and place.stat().st_size <= LARGEST:
            book.read(path, place.read_bytes())
    return book


def followed(plan: Plan, book: Book, moves: Sequence[Move]) -> tuple[list[Edit], list[Doubt]]:
    """Return the edits that a plan's moves cause, with a person's corrections.

    Args:
        plan: As it was read.
        book: The repository.
        moves: Those of the plan that are made.
    """
    edits, doubts = edits_of(book, mappings(moves))
    told = {edit[:4]: edit for edit in plan.edits}
    same_moves = digest_of(plan.moves) == plan.digest
    followed = []
    for edit in edits:
        place = edit[:4]
        if place in plan.kept or (same_moves and place not in told and len(moves) == len(plan.moves)):
            continue
        followed.append(told.get(place, edit)._replace(causes=edit.causes))
    return followed, doubts
