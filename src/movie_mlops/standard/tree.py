"""The files to judge: of a working tree, of the index, of a commit, or of a plain folder."""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from movie_mlops.standard import git
from movie_mlops.standard.errors import GitError, TreeError
from movie_mlops.standard.git import StrPath

if TYPE_CHECKING:
    from pathlib import Path

LINK: Final = "120000"
SUBMODULE: Final = "160000"
_FEW: Final = 100
_SKIPPED: Final = frozenset({".git", ".venv", "node_modules", "__pycache__"})


class Tree:
    """A list of files, and what is in them.

    Attributes:
        at: The folder that the paths start from, as text.
        paths: Files, links and submodules, sorted; POSIX, broken bytes as surrogates.
        tracked: What git holds; None where there is no git.
        entries: The line of git's index for each path (mode, object id, stage, path); empty without git.
        changed: Tracked paths whose content on disk is not the index's.
        special: The modes of links and submodules.
        listing: What git's index said, byte for byte.
        kind: ``working``, ``index``, ``commit`` or ``folder``.
    """

    def __init__(
        self,
        root: StrPath,
        paths: Sequence[str],
        *,
        kind: str,
        tracked: frozenset[str] | None = None,
        entries: Sequence[str] = (),
        changed: frozenset[str] = frozenset(),
        special: Mapping[str, str] | None = None,
        listing: bytes = b"",
    ) -> None:
        self.at, self.paths, self.kind = os.fspath(root), paths, kind
        self.tracked, self.entries, self.changed = tracked, entries, changed
        self.special: Mapping[str, str] = special or {}
        self.listing = listing
        self._files: frozenset[str] | None = tracked if tracked is not None and len(tracked) == len(paths) else None
        self._folders: frozenset[str] | None = None
        self._by_folder: dict[str, list[str]] | None = None
        self._objects: dict[str, str] | None = None

    @property
    def root(self) -> "Path":
        """The folder that the paths start from, as a path."""
        from pathlib import Path

        return Path(self.at)

    @property
    def files(self) -> frozenset[str]:
        """The paths as a set."""
        if self._files is None:
            self._files = frozenset(self.paths)
        return self._files

    @property
    def by_folder(self) -> Mapping[str, list[str]]:
        """The names in each folder that holds a path itself."""
        if self._by_folder is None:
            self._by_folder = by_folder(self.paths)
        return self._by_folder

    @property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a path, at any depth; the root is ""."""
        if self._folders is None:
            found = {"", *self.by_folder}
            for folder in self.by_folder:
                above = folder.rpartition("/")[0]
                while above not in found:
                    found.add(above)
                    above = above.rpartition("/")[0]
            self._folders = frozenset(found)
        return self._folders

    @property
    def links(self) -> list[str]:
        """The symbolic links among the paths."""
        return [path for path, mode in self.special.items() if mode == LINK]

    @property
    def submodules(self) -> list[str]:
        """The submodules among the paths."""
        return [path for path, mode in self.special.items() if mode == SUBMODULE]

    def exists(self, path: str) -> bool:
        """Return whether a file or folder of that path is in the tree; what lies in a submodule is taken on trust."""
        path = path.rstrip("/")
        if path in self.files or path in self.folders:
            return True
        return any(path.startswith(sub + "/") for sub in self.submodules)

    def ignored(self, paths: Sequence[str]) -> frozenset[str]:
        """Return those of the paths that git is told to ignore: they are made, not kept, so nobody misses them."""
        if self.tracked is None or not paths:
            return frozenset()
        data = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
        process = git.start(self.at, "check-ignore", "--no-index", "-z", "--stdin", stdin=True)
        return frozenset(git.split(process.communicate(data)[0]))

    def on_disk(self, path: str) -> bool:
        """Return whether something lies there on disk, in git or not."""
        return os.path.lexists(os.path.join(self.at, path))

    def read(self, path: str) -> bytes:
        """Return what is in a file; for a link, where it leads.

        Raises:
            TreeError: It cannot be read.
        """
        if self.kind in {"index", "commit"}:
            found = self.read_all([path])[0]
            if found is None:
                raise TreeError(f"{path} is not in the {self.kind}.", next_step="Check the path.")
            return found
        full = os.path.join(self.at, path)
        try:
            if self.special.get(path) == LINK and os.path.islink(full):
                return os.fsencode(os.readlink(full))
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise TreeError(f"{path} cannot be read: {error.strerror}.", next_step="Check its permissions.") from error

    def read_all(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return what git holds of each path, None where it holds nothing; one process for all."""
        if len(paths) < _FEW:
            wanted = set(paths)
            held = {path: object_of(e) for path, e in zip(self.paths, self.entries, strict=True) if path in wanted}
            return git.blobs(self.at, [held.get(path, "0" * 40) for path in paths])
        if self._objects is None:
            self._objects = {path: object_of(e) for path, e in zip(self.paths, self.entries, strict=True)}
        return git.blobs(self.at, [self._objects.get(path, "0" * 40) for path in paths])


def by_folder(paths: Collection[str]) -> dict[str, list[str]]:
    """Return the names in each folder of the paths."""
    found: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder in found:
            found[folder].append(name)
        else:
            found[folder] = [name]
    return found


def object_of(entry: str) -> str:
    """Return the object id of a line of the index."""
    return entry.split(" ", 2)[1]


def working_tree(root: StrPath) -> Tree:
    """Return what git holds of a working tree and is on disk.

    Raises:
        GitError: Git could not read it.
    """
    from movie_mlops.standard.beginning import Beginning

    with Beginning(root) as begun:
        return begun.tree()


def index(root: StrPath) -> Tree:
    """Return what is staged.

    Raises:
        GitError: Git could not read it.
    """
    return indexed(root, git.run(root, "ls-files", "-s", "-z"))


def indexed(root: StrPath, listing: bytes) -> Tree:
    """Return what is staged, as ``git ls-files -s -z`` lists it."""
    entries, paths, special = read_index(listing)
    tracked = frozenset(paths)
    return Tree(root, paths, kind="index", tracked=tracked, entries=entries, special=special, listing=listing)


def commit(root: StrPath, rev: str) -> Tree:
    """Return what a commit holds.

    Raises:
        GitError: There is no such commit.
    """
    if rev.startswith("-"):
        raise GitError(f"'{rev}' is not a commit.", next_step="Name a commit, a tag or a branch.")
    out = git.run(root, "ls-tree", "-r", "-z", rev)
    entries = [_as_index(part) for part in git.split(out)]
    paths = [entry.split("\t", 1)[1] for entry in entries]
    special = {path: entry[:6] for entry, path in zip(entries, paths, strict=True) if entry[:6] in {LINK, SUBMODULE}}
    return Tree(root, paths, kind="commit", tracked=frozenset(paths), entries=entries, special=special)


def folder(root: StrPath) -> Tree:
    """Return every file below a folder that git knows nothing of; links are not followed, so no loop can catch it.

    Raises:
        TreeError: The folder cannot be read.
    """
    paths: list[str] = []
    special: dict[str, str] = {}
    waiting = [("", os.fspath(root))]
    while waiting:
        prefix, full = waiting.pop()
        try:
            with os.scandir(full) as found:
                entries = list(found)
        except OSError as error:
            raise TreeError(
                f"{prefix or full} cannot be read: {error.strerror}.", next_step="Check the path and its permissions."
            ) from error
        for entry in entries:
            path = f"{prefix}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                special[path] = LINK
                paths.append(path)
            elif stat.S_ISDIR(mode):
                if entry.name not in _SKIPPED:
                    waiting.append((f"{path}/", entry.path))
            else:
                paths.append(path)
    return Tree(root, sorted(paths), kind="folder", special=special)


def read_index(out: bytes) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the lines of git's index, their paths, and the modes of links and submodules."""
    entries = git.split(out)
    if not entries:
        return [], [], {}
    at = entries[0].index("\t") + 1
    paths = [entry[at:] for entry in entries]
    if len(frozenset(paths)) < len(paths):  # a merge in progress has a path up to three times
        last = dict(zip(paths, entries, strict=True))
        entries, paths = list(last.values()), list(last)
    if not any(mode.encode() + b" " in out for mode in (LINK, SUBMODULE)):
        return entries, paths, {}
    return entries, paths, {entry[at:]: entry[:6] for entry in entries if entry[:2] != "10"}


def _as_index(part: str) -> str:
    head, path = part.split("\t", 1)
    mode, _, sha = head.split(" ")
    return f"{mode} {sha} 0\t{path}"
