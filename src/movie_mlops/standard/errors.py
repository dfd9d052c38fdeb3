"""How the standard fails: a declaration that cannot be used (exit code 2), or a tree that cannot be read (3)."""

from typing import ClassVar

from movie_mlops.core.errors import MovieMlopsError


class StandardError(MovieMlopsError):
    """A command of the standard cannot do its work.

    Attributes:
        exit_code: 2 for wrong usage or a wrong declaration, 3 where the work could not be done.
    """

    code = "standard"
    exit_code: ClassVar[int] = 3


class SpecError(StandardError):
    """The declaration (``standard.toml`` or ``config/standard.toml``) cannot be used."""

    code = "standard-spec"
    exit_code = 2


class UsageError(StandardError):
    """What was asked for makes no sense."""

    code = "standard-usage"
    exit_code = 2


class TreeError(StandardError):
    """The tree of files cannot be read."""

    code = "standard-tree"


class GitError(TreeError):
    """Git refused, or is not there."""

    code = "standard-git"
