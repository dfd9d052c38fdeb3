"""Which tree a command means: the project around a folder, what is staged, or a commit."""

from pathlib import Path

from movie_mlops.standard import git, tree
from movie_mlops.standard.errors import UsageError


def project(given: str | None) -> Path:
    """Return the root of the project: the folder that was given, or the repository around the present one.

    Raises:
        UsageError: There is no such folder.
    """
    if given is None:
        return git.repository_of(Path.cwd()) or Path.cwd()
    root = Path(given)
    if not root.is_dir():
        raise UsageError(f"'{given}' is not a folder.", next_step="Name the root of a project.")
    return root


def files(root: Path, *, rev: str | None = None, staged: bool = False) -> tree.Tree:
    """Return the files to judge.

    Raises:
        TreeError: They cannot be read, or there is no git where a commit or the index is asked for.
    """
    if rev is not None:
        return tree.commit(root, rev)
    if staged:
        return tree.index(root)
    repository = git.repository_of(root)
    if repository is None:
        return tree.folder(root)
    found = tree.working_tree(root)
    # A folder inside a repository that git knows nothing of is judged as a plain folder.
    return found if found.paths or repository.samefile(root) else tree.folder(root)
