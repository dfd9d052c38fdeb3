"""The git repository that is migrated: every git command that a migration needs."""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.migrate.errors import MigrationError, RepositoryError

LINK: Final = "120000"
SUBMODULE: Final = "160000"
_BUSY: Final = ("merge", "rebase", "cherry-pick", "revert", "bisect")
_BUSY_FILES: Final = ("MERGE_HEAD", "rebase-merge", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
_LOCK_WAIT_SECONDS: Final = 5.0


class Entry(NamedTuple):
    """A file of a commit: its mode in git's six digits, the id of its blob, and its size in bytes."""

    mode: str
    blob: str
    size: int = 0


class Repository:
    """A working tree with its repository.

    Attributes:
        root: The top folder of the working tree, resolved.
        git_dir: Where git keeps this working tree's own state.
    """

    def __init__(self, root: Path, git_dir: Path) -> None:
        self.root = root
        self.git_dir = git_dir

    @classmethod
    def at(cls, folder: Path) -> "Repository":
        """Open the repository that ``folder`` lies in.

        Raises:
            MigrationError: There is none, or it has no working tree.
        """
        try:
            made = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                ["git", "-C", os.fspath(folder), "rev-parse", "--show-toplevel", "--absolute-git-dir"],  # noqa: S607
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise MigrationError("Git could not be run.", next_step="Install git, then try again.") from error
        if made.returncode:
            said = made.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise MigrationError(
                f"{folder} is not in a git working tree that can be used ({said}).",
                next_step="Begin one: git init && git add --all && git commit.",
            )
        root, git_dir = (Path(os.fsdecode(line)) for line in made.stdout.rstrip(b"\n").split(b"\n")[:2])
        return cls(root, git_dir)

    def git(self, *arguments: str, given: bytes | None = None, index: Path | None = None) -> bytes:
        """Run git in the root and return what it printed.

        Args:
            arguments: Without ``git`` itself.
            given: What it reads from its standard input.
            index: Another index file than the repository's own.

        Raises:
            RepositoryError: It ended with an error.
        """
        command = ["git", "-C", os.fspath(self.root), "-c", "core.quotePath=false", *arguments]
        environment = {} if index is None else {"GIT_INDEX_FILE": os.fspath(index)}
        if environment:
            command = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            made = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                [os.fsencode(part) for part in command], input=given or b"", capture_output=True, check=False
            )
            if made.returncode == 0:
                return made.stdout
            said = made.stderr.decode(errors="replace").strip()
            locked = "index.lock" in said or "cannot lock ref" in said
            if not locked or time.monotonic() > deadline:
                raise RepositoryError(
                    f"git {arguments[0]} failed: {said or made.returncode}.",
                    next_step="Settle what git says, then run the same command again.",
                )
            # A git process that a killed migration had started may still be ending.
            time.sleep(0.05)

    def head(self) -> str:
        """Return the commit that is checked out."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except RepositoryError as error:
            raise MigrationError(
                "This repository has no commit yet.", next_step="Commit first: git add --all && git commit."
            ) from error

    def tree(self, commit: str) -> str:
        """Return the id of a commit's tree."""
        return self.git("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()

    def branch(self) -> str:
        """Return the full name of the branch that is checked out, or ``HEAD`` when it is detached."""
        try:
            return os.fsdecode(self.git("symbolic-ref", "--quiet", "HEAD")).strip()
        except RepositoryError:
            return "HEAD"

    def entries(self, commit: str) -> dict[str, Entry]:
        """Return every file of a commit by path."""
        entries: dict[str, Entry] = {}
        for record in self.git("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")[:-1]:
            facts, _, path = record.partition(b"\t")
            mode, _, blob, size = facts.decode().split()
            entries[os.fsdecode(path)] = Entry(mode, blob, int(size) if size.isdecimal() else 0)
        return entries

    def contents(self, blobs: Iterable[str]) -> Iterator[bytes]:
        """Yield the content of each blob, as git keeps it; one process for all."""
        out = self.git("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode())
        at = 0
        while at < len(out):
            end = out.index(b"\n", at)
            size = int(out[at:end].rpartition(b" ")[2])
            yield out[end + 1 : end + 1 + size]
            at = end + size + 2

    def untracked(self) -> list[str]:
        """Return the files that git neither tracks nor ignores."""
        listed = self.git("ls-files", "--others", "--exclude-standard", "-z")
        return [os.fsdecode(path) for path in listed.split(b"\0")[:-1]]

    def changed(self) -> list[str]:
        """Return the tracked files that differ from the commit, in the index or on disk."""
        listed = self.git(
            "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames"
        )
        return [os.fsdecode(record[3:]) for record in listed.split(b"\0")[:-1]]

    def must_be_still(self) -> None:
        """Refuse where something is under way that a migration would disturb.

        Raises:
            MigrationError: Tracked changes, an unfinished merge or the like, or hidden index flags.
        """
        for name, file in zip(_BUSY, _BUSY_FILES, strict=True):
            if (self.git_dir / file).exists():
                raise MigrationError(f"A git {name} is under way.", next_step=f"End it first: git {name} --abort.")
        if changed := self.changed():
            named = ", ".join(display(path) for path in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""  # noqa: PLR2004
            raise MigrationError(
                f"There are changes that are not committed in {counted(len(changed), 'tracked file')}: {named}{more}.",
                next_step="Commit or stash them first: git stash.",
            )
        hidden = [
            line for line in self.git("ls-files", "-v", "-z").split(b"\0") if line[:1].islower() or line[:1] == b"S"
        ]
        if hidden:
            raise MigrationError(
                f"{len(hidden)} files are hidden from git by skip-worktree or assume-unchanged, or left out by a "
                "sparse checkout.",
                next_step="Show them again: git sparse-checkout disable, git update-index --really-refresh.",
            )

    def committer(self) -> None:
        """Refuse where git does not know who commits.

        Raises:
            MigrationError: Neither name nor e-mail address is set.
        """
        try:
            self.git("var", "GIT_COMMITTER_IDENT")
        except RepositoryError as error:
            raise MigrationError(
                "Git does not know who commits.",
                next_step="Say it: git config user.name NAME && git config user.email ADDRESS.",
            ) from error

    def commit_tree(self, tree: str, parent: str, message: str) -> str:
        """Make a commit without checking anything out, and return it; hooks do not run."""
        return self.git("commit-tree", tree, "-p", parent, "-F", "-", given=message.encode()).decode().strip()

    def new_tree(self, base: str, changes: dict[str, Entry | None], scratch: Path) -> str:
        """Return the tree of ``base`` with some files changed (``None``: gone), using the index file ``scratch``."""
        scratch.unlink(missing_ok=True)
        scratch.with_name(scratch.name + ".lock").unlink(missing_ok=True)
        self.git("read-tree", base, index=scratch)
        zero = "0" * len(base)
        gone = [f"0 {zero}\t{path}\0" for path, entry in changes.items() if entry is None]
        there = [f"{entry.mode} {entry.blob}\t{path}\0" for path, entry in changes.items() if entry is not None]
        self.git("update-index", "-z", "--index-info", given=os.fsencode("".join(gone + there)), index=scratch)
        tree = self.git("write-tree", index=scratch).decode().strip()
        scratch.unlink()
        return tree

    def write_blob(self, content: bytes, path: str | None) -> str:
        """Store content as git would store it at ``path`` (with its filters; ``None``: as it is); return the blob."""
        how = ["--no-filters"] if path is None else [f"--path={path}"]
        return self.git("hash-object", "-w", "--stdin", *how, given=content).decode().strip()

    def point_at(self, commit: str, expected: str) -> None:
        """Make ``commit`` the head of the branch that is checked out, and the index its tree; files stay as they are.

        Raises:
            RepositoryError: The branch is neither at ``expected`` nor at ``commit``.
        """
        if expected != commit:
            self.git("update-ref", "-m", "standard migrate", "HEAD", commit, expected)
        self.git("read-tree", "--reset", commit)
        self.refresh()

    def refresh(self) -> None:
        """Let git look again at what is on disk."""
        # Its exit code says that files differ, which is so in the middle of a stage.
        subprocess.run(  # noqa: S603
            ["git", "-C", os.fspath(self.root), "update-index", "-q", "--refresh"],  # noqa: S607
            capture_output=True,
            check=False,
        )


def counted(number: int, what: str) -> str:
    """Return "1 file" or "2 files"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def display(path: str) -> str:
    """Return a path that can be printed on one line, whatever bytes it holds."""
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return shown if shown.isprintable() else ascii(shown)[1:-1]
