"""Applies a plan, stage by stage, and goes on where it was interrupted."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from movie_mlops.standard.migrate import backup, planning
from movie_mlops.standard.migrate.edits import Book
from movie_mlops.standard.migrate.errors import MigrationError, PlanError, RepositoryError, UnfinishedError
from movie_mlops.standard.migrate.journal import Journal, Pause, must_be_finished, no_pause, unfinished
from movie_mlops.standard.migrate.moves import Move, by_stage, check_moves, move_problems
from movie_mlops.standard.migrate.plan import Plan, read_plan
from movie_mlops.standard.migrate.report import Outcome, outcome_of, write_report
from movie_mlops.standard.migrate.repository import Repository, counted, display
from movie_mlops.standard.migrate.stages import Stage

PLAN: Final = "plan.toml"

_SHOWN_LINES: Final = 12
_LOCK_WAIT_SECONDS: Final = 3.0

Say = Callable[[str], None]
"""Tells a person what happens, one line at a time."""


@contextmanager
def alone(repository: Repository) -> Iterator[None]:
    """Keep a second migration of the same working tree out.

    Raises:
        MigrationError: One is running.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover - a system without file locks
        yield
        return
    with (repository.git_dir / "standard-migrate.lock").open("wb") as lock:
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                # What a killed migration had just started may hold the lock for another moment.
                if time.monotonic() > deadline:
                    raise MigrationError(
                        "Another migration of this repository is running.", next_step="Wait for it."
                    ) from error
                time.sleep(0.05)
        yield


def apply(
    repository: Repository,
    plan_path: Path,
    *,
    private: Sequence[str] = (),
    verify: str | None = None,
    say: Say = lambda _: None,
    pause: Pause = no_pause,
) -> Outcome:
    """Make the moves and the edits of a plan.

    Args:
        repository: Whose.
        plan_path: The plan, as a person left it.
        private: Files that git does not track and whose references are followed.
        verify: A shell command that must succeed before the first stage and after each; a stage after which it fails
            is undone, and the migration goes on with the next.
        say: Told each step.
        pause: See :data:`movie_mlops.standard.migrate.journal.Pause`.

    Raises:
        MigrationError: The tree is not clean, the plan was made for another commit or is not safe, or the command
            fails before anything has moved.
    """
    with alone(repository):
        must_be_finished(repository.root)
        plan = read_plan(plan_path)
        commit = repository.head()
        if not _made_for(repository, plan, commit, plan_path):
            raise PlanError(
                f"The plan was made for commit {plan.commit[:12]}, and {commit[:12]} is checked out.",
                next_step="Make a new plan: movie-mlops standard migrate plan.",
            )
        repository.must_be_still()
        repository.committer()
        entries = repository.entries(commit)
        check_moves(plan.moves, entries, repository.root)
        if not plan.moves:
            raise PlanError(
                "The plan has no moves.", next_step="Nothing is to be done: 'standard check' says what is left."
            )
        book = planning.read_book(repository, entries, private)
        edits, _ = planning.followed(plan, book, plan.moves)
        if verify is not None:
            say(f"verifying before anything moves: {verify}")
            failed = _verify(repository, verify)
            if failed is not None:
                raise MigrationError(
                    f"The verification fails before anything has moved: {failed}", next_step="Repair that first."
                )
        touched = {move.source for move in plan.moves} | {edit.file for edit in edits}
        journal = _begin(repository, plan_path, commit, touched=touched, book=book, verify=verify, pause=pause)
        say(f"backed up {len(journal.begin['files'])} files in {journal.folder.relative_to(repository.root)}")
        return _Run(repository, journal, plan, book, say=say).go_on()


def resume(repository: Repository, *, say: Say = lambda _: None, pause: Pause = no_pause) -> Outcome:
    """Go on with a migration that was interrupted.

    Raises:
        MigrationError: None was, or something else changed the tree meanwhile.
    """
    with alone(repository):
        journal = unfinished(repository.root)
        if journal is None:
            raise UnfinishedError("No migration was interrupted.", next_step="Begin one: standard migrate apply PLAN.")
        if any(step["step"] == "rollback" for step in journal.steps):
            raise UnfinishedError(
                "A roll-back was interrupted.", next_step="End it: movie-mlops standard migrate rollback."
            )
        journal.pause = pause
        repository.committer()
        plan = read_plan(journal.folder / PLAN)
        entries = repository.entries(journal.begin["commit"])
        book = planning.read_book(repository, entries, journal.begin["private"], journal.folder / backup.FILES)
        return _Run(repository, journal, plan, book, say=say).go_on()


def _made_for(repository: Repository, plan: Plan, commit: str, plan_path: Path) -> bool:
    """Return whether nothing has changed since the plan was made, but that the plan itself was committed."""
    if plan.commit == commit:
        return True
    try:
        changed = repository.git("diff", "--name-only", "--no-renames", "-z", plan.commit, commit).split(b"\0")[:-1]
        inside = plan_path.resolve().relative_to(repository.root.resolve())
    except (RepositoryError, ValueError):
        return False
    return changed == [os.fsencode(inside)]


def _begin(
    repository: Repository,
    plan_path: Path,
    commit: str,
    *,
    touched: set[str],
    book: Book,
    verify: str | None,
    pause: Pause,
) -> Journal:
    """Back up, and write the first line of the journal: from here on there is something to resume."""
    folder = backup.new_folder(repository.root)
    pause("back up")
    shutil.copyfile(plan_path, folder / PLAN)
    files = backup.back_up(repository.root, folder, touched)
    pause("backed up")
    private = sorted(path for path in book.found if path not in book.files)
    # What is not tracked is read again after an interruption: from the back-up, where it is as it was.
    backup.back_up(repository.root, folder, private)
    journal = Journal(folder, pause)
    journal.write(
        "begin",
        commit=commit,
        branch=repository.branch(),
        verify=verify,
        files=files,
        private=private,
        folders=backup.folder_modes(repository.root, touched),
    )
    return journal


class _Run:
    """A migration under way, begun or resumed."""

    def __init__(self, repository: Repository, journal: Journal, plan: Plan, book: Book, *, say: Say) -> None:
        self.repository = repository
        self.journal = journal
        self.plan = plan
        self.book = book
        self.say = say

    def go_on(self) -> Outcome:
        """Carry out what is left of the plan, and end with the report."""
        stages: Mapping[int, dict[str, Any]] = {stage["number"]: stage for stage in self.journal.stages()}
        for number, moves in by_stage(self.plan.moves):
            facts = stages.get(number)
            if facts is None:
                self._carry_out(self._prepare(number, moves))
            elif facts["state"] not in {"kept", "undone"}:
                self._carry_out(Stage(self.repository, self.journal, facts))
        outcome = outcome_of(self.journal)
        write_report(self.repository, self.journal, self.plan, self.book, outcome)
        self.journal.write("done", commit=self.repository.head())
        return outcome

    def _prepare(self, number: int, moves: Sequence[Move]) -> Stage:
        undone = {stage["number"] for stage in self.journal.stages() if stage["state"] == "undone"}
        made = [move for move in self.plan.moves if move.stage <= number and move.stage not in undone]
        problems = move_problems(moves, self.repository.entries(self.repository.head()), self.repository.root)
        if problems:
            move, problem = problems[0]
            raise PlanError(
                f"Stage {number} cannot be made any more: {display(move.source)} -> {display(move.target)}: {problem}.",
                next_step="Roll back (standard migrate rollback), and make a new plan.",
            )
        edits, _ = planning.followed(self.plan, self.book, made)
        now = {move.source: move.target for move in made}
        of_stage = [edit for edit in edits if edit.stage == number]
        return Stage.prepare(self.repository, self.journal, number, moves=moves, edits=of_stage, now=now)

    def _carry_out(self, stage: Stage) -> None:
        """Carry out one stage, from wherever it was left, verify it, and undo it if that fails."""
        if stage.facts["state"] == "undoing":
            stage.undo(str(stage.facts.get("said", "")))
            return
        name = f"stage {stage.number}"
        moved, changed = len(stage.facts["moves"]), len(stage.facts["changes"])
        self.say(f"{name}: {counted(moved, 'move')}, {counted(changed, 'file')} to change")
        stage.carry_out()
        command = self.journal.begin["verify"]
        failed = None if command is None else _verify(self.repository, command)
        if failed is None:
            stage.keep()
            return
        self.say(f"{name}: undone, because the verification fails: {failed.splitlines()[-1]}")
        stage.undo(failed)


def _verify(repository: Repository, command: str) -> str | None:
    """Run the user's own command in the root; return ``None`` if it succeeds, else the end of what it said.

    Raises:
        MigrationError: It changed files that git tracks.
    """
    made = subprocess.run(  # noqa: S602 - a command line of the user's own, who asked for a shell
        command, shell=True, cwd=repository.root, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    changed = repository.changed()
    if changed:
        raise MigrationError(
            f"The verification changed {display(changed[0])}, which git tracks.",
            next_step="Restore it (git checkout), and run again with '--resume', or roll back.",
        )
    if made.returncode == 0:
        return None
    said = (made.stdout + made.stderr).decode(errors="replace").strip().splitlines()
    return "\n".join([f"exit code {made.returncode}", *said[-_SHOWN_LINES:]])
