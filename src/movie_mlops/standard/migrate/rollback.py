"""Brings a working tree back to what it was before its latest migration, byte for byte."""

from movie_mlops.standard.migrate import backup
from movie_mlops.standard.migrate.apply import Say, alone
from movie_mlops.standard.migrate.errors import MigrationError
from movie_mlops.standard.migrate.journal import BACKUPS, Journal, Pause, journals, no_pause
from movie_mlops.standard.migrate.repository import Repository, display
from movie_mlops.standard.migrate.stages import Stage


def rollback(repository: Repository, *, say: Say = lambda _: None, pause: Pause = no_pause) -> Journal:
    """Undo the latest migration that was not rolled back, whether it ended or was interrupted.

    Args:
        repository: Whose.
        say: Told each step.
        pause: See :data:`movie_mlops.standard.migrate.journal.Pause`.

    Raises:
        MigrationError: There is none; there are newer commits or changes; or a file is not what the migration wrote.
    """
    with alone(repository):
        journal = next((found for found in reversed(journals(repository.root)) if found.last() != "rolled back"), None)
        if journal is None:
            raise MigrationError(
                f"No migration of this repository is in {BACKUPS}/.", next_step="Nothing is to be rolled back."
            )
        journal.pause = pause
        if journal.last() == "done":
            _must_be_latest(repository, journal)
        if not any(step["step"] == "rollback" for step in journal.steps):
            journal.write("rollback")
        for facts in reversed(journal.stages()):
            if facts["state"] != "undone":
                say(f"undoing stage {facts['number']}")
                Stage(repository, journal, facts).undo("rolled back")
        _check(repository, journal)
        journal.write("rolled back", commit=repository.head())
        return journal


def _must_be_latest(repository: Repository, journal: Journal) -> None:
    repository.must_be_still()
    head, left = repository.head(), str(journal.steps[-1]["commit"])
    if head != left:
        raise MigrationError(
            f"There are commits after the migration: {head[:12]} is checked out, and it ended at {left[:12]}.",
            next_step=f"Undo it with new commits: git revert {journal.begin['commit'][:12]}..{left[:12]}.",
        )


def _check(repository: Repository, journal: Journal) -> None:
    begin = journal.begin
    wrong = backup.restore_facts(repository.root, begin["files"])
    backup.restore_modes(repository.root, begin["folders"])
    repository.refresh()
    if wrong or repository.head() != begin["commit"]:
        named = display(wrong[0]) if wrong else "the branch"
        raise MigrationError(
            f"{named} is not what it was before the migration.",
            next_step=f"What it was is in {journal.folder}/{backup.FILES}.",
        )
