"""A working tree that git is still comparing with its index while other work is done."""

from typing import Self

from movie_mlops.standard import git
from movie_mlops.standard.git import StrPath
from movie_mlops.standard.tree import Tree, read_index


class Finished:
    """A tree that nothing is waited for."""

    def __init__(self, tree: Tree) -> None:
        self.listed = tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def tree(self) -> Tree:
        """Return the tree."""
        return self.listed


class Beginning:
    """A working tree that git is still listing, and comparing with the index, while other work is done."""

    def __init__(self, root: StrPath) -> None:
        self._root = root
        self._listing = git.start(root, "ls-files", "-s", "-z")
        self._changes = git.start(root, "diff-files", "--name-status", "--no-renames", "--relative", "-z")
        self._listed: Tree | None = None

    @property
    def listed(self) -> Tree:
        """What git holds, whether it is still on disk or not.

        Raises:
            GitError: Git could not list it.
        """
        if self._listed is None:
            out = git.finish(self._listing)
            entries, paths, special = read_index(out)
            tracked = frozenset(paths)
            self._listed = Tree(
                self._root, paths, kind="working", tracked=tracked, entries=entries, special=special, listing=out
            )
        return self._listed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._listing, self._changes):
            if process.returncode is None:
                process.communicate()

    def tree(self) -> Tree:
        """Return what is on disk; the same tree as listed where nothing was changed.

        Raises:
            GitError: Git could not compare.
        """
        listed = self.listed
        parts = git.split(git.finish(self._changes))
        if not parts:
            return listed
        status = dict(zip(parts[1::2], parts[::2], strict=True))
        gone = {path for path, letter in status.items() if letter == "D"}
        kept = [(path, entry) for path, entry in zip(listed.paths, listed.entries, strict=True) if path not in gone]
        return Tree(
            listed.at,
            [path for path, _ in kept],
            kind="working",
            tracked=listed.tracked,
            entries=[entry for _, entry in kept],
            changed=frozenset(status) - gone,
            special={path: mode for path, mode in listed.special.items() if path not in gone},
            listing=listed.listing,
        )
