"""Runs git, without a shell, and reads what it says."""

import os
import subprocess
from collections.abc import Sequence

from movie_mlops.standard.errors import GitError

StrPath = str | os.PathLike[str]
"""A path: text on the way of a check, where importing pathlib costs more than git."""


def start(root: StrPath, *arguments: str, stdin: bool = False) -> subprocess.Popen[bytes]:
    """Start git at a folder; read it with :func:`finish`.

    Raises:
        GitError: Git is not installed.
    """
    try:
        return subprocess.Popen(  # noqa: S603 -- arguments are a list, no shell reads them
            ["git", "-C", os.fspath(root), *arguments],  # noqa: S607 -- git is whatever git the user runs
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise GitError("The program 'git' was not found.", next_step="Install git, or check a plain folder.") from error


def finish(process: subprocess.Popen[bytes], data: bytes | None = None) -> bytes:
    """Return what a started git printed.

    Raises:
        GitError: It failed; the sentence is git's own.
    """
    out, _ = process.communicate(data)
    if process.returncode:
        raise GitError(
            f"git {_command(process)} failed: {_complaint(process, data)}.",
            next_step="Run that command by hand to see more.",
        )
    return out


def _complaint(process: subprocess.Popen[bytes], data: bytes | None) -> str:
    """Run a git that failed once more, for what it says: with one pipe alone, the usual run reads faster."""
    again = subprocess.run(process.args, input=data or b"", capture_output=True, check=False)  # noqa: S603 -- as above
    said = again.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[0] if said else f"exit code {process.returncode}"


def run(root: StrPath, *arguments: str, data: bytes | None = None) -> bytes:
    """Run git at a folder and return what it printed.

    Raises:
        GitError: It failed, or is not installed.
    """
    return finish(start(root, *arguments, stdin=data is not None), data)


def split(out: bytes) -> list[str]:
    """Return the parts of an output that ends each with NUL; broken bytes are kept as surrogates."""
    return out.decode("utf-8", "surrogateescape").split("\0")[:-1]


def blobs(root: StrPath, names: Sequence[str]) -> list[bytes | None]:
    """Return the contents of objects (ids or ``:path``), None for one that is not there; one process for all."""
    if not names:
        return []
    data = b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names)
    out = run(root, "cat-file", "--batch", data=data)
    found: list[bytes | None] = []
    at = 0
    for _ in names:
        end = out.index(b"\n", at)
        header = out[at:end].split(b" ")
        if len(header) != 3 or header[1] == b"missing":  # noqa: PLR2004 -- id, type, size
            found.append(None)
            at = end + 1
            continue
        size = int(header[2])
        found.append(out[end + 1 : end + 1 + size])
        at = end + size + 2
    return found


def repository_of(folder: StrPath) -> str | None:
    """Return the root of the working tree that holds a folder, or None where there is none; no process is started."""
    here = os.path.abspath(folder)
    while True:
        if os.path.lexists(os.path.join(here, ".git")):
            return here
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def private_folder(root: StrPath) -> str:
    """Return the folder where git keeps its own files for a working tree (a worktree has its own elsewhere).

    Raises:
        GitError: It cannot be read.
    """
    marker = os.path.join(root, ".git")
    if os.path.isdir(marker):
        return marker
    try:
        with open(marker, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise GitError(f"{marker} cannot be read: {error.strerror}.", next_step="Check its permissions.") from error
    return os.path.normpath(os.path.join(root, text.removeprefix("gitdir:").strip()))


def _command(process: subprocess.Popen[bytes]) -> str:
    arguments = process.args if isinstance(process.args, list) else []
    return str(arguments[3]) if len(arguments) > 3 else ""  # noqa: PLR2004 -- git -C root command
