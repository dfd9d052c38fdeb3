"""Which tree a command means: the project around a folder, what is staged, or a commit."""

import os

from movie_mlops.standard import beginning, git, tree
from movie_mlops.standard.errors import UsageError


def project(given: str | None) -> str:
    """Return the root of the project: the folder that was given, or the repository around the present one.

    Raises:
        UsageError: There is no such folder.
    """
    if given is None:
        return git.repository_of(".") or os.path.abspath(".")
    if not os.path.isdir(given):
        raise UsageError(f"'{given}' is not a folder.", next_step="Name the root of a project.")
    return given


def begun(root: str) -> beginning.Beginning | beginning.Finished:
    """Return the files of a project on disk, while git may still be comparing them.

    Raises:
        TreeError: They cannot be read.
    """
    repository = git.repository_of(root)
    if repository is None:
        return beginning.Finished(tree.folder(root))
    found = beginning.Beginning(root)
    if not os.path.samefile(repository, root):
        with found:
            # A folder inside a repository that git knows nothing of is judged as a plain folder.
            return beginning.Finished(found.tree() if found.listed.paths else tree.folder(root))
    return found


def files(root: str, *, rev: str | None = None) -> tree.Tree:
    """Return the files to judge.

    Raises:
        TreeError: They cannot be read, or there is no git where a commit is asked for.
    """
    if rev is not None:
        return tree.commit(root, rev)
    with begun(root) as found:
        return found.tree()
