"""Proves a migration afterwards: files are in their places, nothing new dangles, history is followed."""

import os
from typing import Any, NamedTuple

from movie_mlops.standard.migrate import planning
from movie_mlops.standard.migrate.edits import Book
from movie_mlops.standard.migrate.errors import MigrationError
from movie_mlops.standard.migrate.journal import Journal, journals
from movie_mlops.standard.migrate.repository import Repository, display
from movie_mlops.standard.spec import Spec


class Proof(NamedTuple):
    """What was found after a migration; all lists are empty when it holds.

    Attributes:
        moved: How many files moved.
        misplaced: Moved files that the standard still has elsewhere.
        dangling: References that dangle now and did not before.
        forgotten: Moved files whose history ``git log --follow`` does not find.
    """

    moved: int
    misplaced: list[str]
    dangling: list[str]
    forgotten: list[str]

    def holds(self) -> bool:
        """Return whether nothing speaks against the migration."""
        return not (self.misplaced or self.dangling or self.forgotten)


def prove(repository: Repository, spec: Spec) -> Proof:
    """Look at the latest migration that ended.

    Raises:
        MigrationError: There is none.
    """
    journal = next((found for found in reversed(journals(repository.root)) if found.last() == "done"), None)
    if journal is None:
        raise MigrationError(
            "No migration of this repository has ended.", next_step="Apply a plan: standard migrate apply PLAN."
        )
    moves = moves_made(journal)
    misplaced = []
    for _, target in moves:
        placement = spec.place(target)
        if placement.verdict in {"misplaced", "misnamed"} and placement.target not in {None, target}:
            misplaced.append(f"{display(target)} should be {display(placement.target or '')}")
    return Proof(len(moves), misplaced, _dangling(repository, journal), _forgotten(repository, journal, moves))


def moves_made(journal: Journal) -> list[tuple[str, str]]:
    """Return what a migration moved and kept."""
    kept: list[dict[str, Any]] = [stage for stage in journal.stages() if stage["state"] == "kept"]
    return [(source, target) for stage in kept for source, target in stage["moves"]]


def _dangling(repository: Repository, journal: Journal) -> list[str]:
    now = dict(moves_made(journal))
    before = _broken(planning.read_book(repository, repository.entries(journal.begin["commit"])))
    known = {(now.get(file, file), now.get(target, target)) for file, target in before}
    after = _broken(planning.read_book(repository, repository.entries(repository.head())))
    return [
        f"{display(file)}:{line} names {display(target)}, which is not there"
        for (file, target), line in sorted(after.items())
        if (file, target) not in known
    ]


def _broken(book: Book) -> dict[tuple[str, str], int]:
    return {
        (file, reference.target): reference.line
        for file, found in book.found.items()
        for reference in found
        if reference.certain and not book.exists(reference.target)
    }


def _forgotten(repository: Repository, journal: Journal, moves: list[tuple[str, str]]) -> list[str]:
    own = set(repository.git("rev-list", f"{journal.begin['commit']}..HEAD").decode().split())
    forgotten = []
    for _, target in moves:
        followed = repository.git("log", "--follow", "--format=%H", "--", f":(literal,top){target}").decode().split()
        if not set(followed) - own:
            forgotten.append(os.fspath(display(target)))
    return forgotten
