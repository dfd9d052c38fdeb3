"""Which paths a change touches: what is staged, or what differs from a commit."""

from typing import NamedTuple, Self

from movie_mlops.standard import git
from movie_mlops.standard.errors import GitError
from movie_mlops.standard.git import StrPath
from movie_mlops.standard.tree import Tree, indexed


class Changes(NamedTuple):
    """The paths that a change adds or changes, and those that it takes away."""

    kept: frozenset[str]
    removed: frozenset[str]


class Staged:
    """What is staged, listed by git while other work is done."""

    def __init__(self, root: StrPath) -> None:
        self._root = root
        self._listing = git.start(root, "ls-files", "-s", "-z")
        self._changes = git.start(root, "diff", "--cached", "--name-status", "--no-renames", "--relative", "-z")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._listing, self._changes):
            if process.returncode is None:
                process.communicate()

    def tree(self) -> Tree:
        """Return the whole index.

        Raises:
            GitError: Git could not list it.
        """
        return indexed(self._root, git.finish(self._listing))

    def changes(self) -> Changes:
        """Return what the next commit would change.

        Raises:
            GitError: Git could not say it.
        """
        return _changes(git.finish(self._changes))


def since(root: StrPath, rev: str) -> Changes:
    """Return what differs between a commit and the working tree.

    Raises:
        GitError: There is no such commit.
    """
    if rev.startswith("-"):
        raise GitError(f"'{rev}' is not a commit.", next_step="Name a commit, a tag or a branch.")
    return _changes(git.run(root, "diff", "--name-status", "--no-renames", "--relative", "-z", rev, "--"))


def _changes(out: bytes) -> Changes:
    parts = git.split(out)
    status = dict(zip(parts[1::2], parts[::2], strict=True))
    removed = frozenset(path for path, letter in status.items() if letter == "D")
    return Changes(frozenset(status) - removed, removed)
