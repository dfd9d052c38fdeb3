"""Which paths a change touches: what is staged, or what differs from a commit."""

from typing import NamedTuple

from movie_mlops.standard import git
from movie_mlops.standard.errors import GitError
from movie_mlops.standard.git import StrPath


class Changes(NamedTuple):
    """The paths that a change adds or changes, and those that it takes away."""

    kept: frozenset[str]
    removed: frozenset[str]


def staged(root: StrPath) -> Changes:
    """Return what the next commit would change.

    Raises:
        GitError: Git could not say it.
    """
    return _changes(git.run(root, "diff", "--cached", "--name-status", "--no-renames", "--relative", "-z"))


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
