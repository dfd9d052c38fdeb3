"""Writes the files of a plan: all or nothing, and never over a file that the plan does not replace.

Everything is first written beside the project's files, in a folder of its own; then each file is linked into place,
which fails where something is already there; the last step renames the folder, and only then is the work done.
A run that was killed before that is undone by the next one, from what the folder says.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.errors import StandardError, UsageError

STAGING: Final = ".standard-new"
_DONE: Final = ".standard-new.done"
_PLAN: Final = "plan.json"


class Planned(NamedTuple):
    """A file to be written.

    Attributes:
        path: Relative to the project, POSIX.
        text: What it holds.
        mode: Its permissions.
        replaces: What it holds now, where it is to be replaced; None where it must not exist.
    """

    path: str
    text: str
    mode: int = 0o644
    replaces: bytes | None = None


class WriteError(StandardError):
    """The files could not be written; nothing was left behind."""

    code = "standard-write"


def write(root: Path, planned: Sequence[Planned]) -> None:
    """Write all files of a plan, or none.

    Raises:
        UsageError: A file is already there, or a folder leads out of the project.
        WriteError: The disk or the permissions did not allow it.
    """
    made_root = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            undo(root)
            refuse_taken(root, planned)
            try:
                _stage(root, planned)
                _place(root, planned)
                os.rename(root / STAGING, root / _DONE)
            except BaseException:
                undo(root)
                raise
            shutil.rmtree(root / _DONE)
    except OSError as error:
        if made_root:
            _remove_empty(root)
        name = os.path.relpath(error.filename or root, root)
        raise WriteError(
            f"{name} cannot be written: {error.strerror}. Nothing was changed.",
            next_step="Check the free space and the permissions, then run it again.",
        ) from error
    except BaseException:
        if made_root:
            _remove_empty(root)
        raise


def is_unfinished(root: Path) -> bool:
    """Return whether a run was killed here and is still to be taken back."""
    return (root / STAGING).exists() or (root / _DONE).exists()


def recover(root: Path) -> list[str]:
    """Take back what a killed run left, and return its paths.

    Raises:
        UsageError: That run is still at work.
    """
    if not is_unfinished(root):
        return []
    with _locked(root):
        return undo(root)


def refuse_taken(root: Path, planned: Sequence[Planned]) -> None:
    """Refuse a plan that would write over a file, or through a link that leads out of the project.

    Raises:
        UsageError: With the path.
    """
    real = os.path.realpath(root)
    for one in planned:
        folder = os.path.dirname(one.path)
        where = os.path.realpath(os.path.join(root, folder))
        if where != os.path.normpath(os.path.join(real, folder)):
            raise UsageError(f"{folder}/ is a link: nothing is written through it.", next_step="Make it a folder.")
        full = root / one.path
        if one.replaces is None and os.path.lexists(full):
            raise UsageError(
                f"{one.path} is already there, and nothing is overwritten.", next_step="Move it, or use another title."
            )
        if one.replaces is not None and (os.path.islink(full) or full.read_bytes() != one.replaces):
            raise UsageError(f"{one.path} has just been changed.", next_step="Run it again.")


def undo(root: Path) -> list[str]:
    """Undo a run that did not come to its end, and return the paths that were taken back."""
    import json

    shutil.rmtree(root / _DONE, ignore_errors=True)
    staging = root / STAGING
    try:
        plan = json.loads((staging / _PLAN).read_text("utf-8"))
    except (OSError, ValueError):
        # Without its plan nothing was placed yet.
        if staging.is_dir():
            shutil.rmtree(staging)
        return []
    gone = []
    for path, digest in reversed(plan["files"].items()):
        if _take_back(root, path, digest):
            gone.append(path)
    for folder in reversed(plan["folders"]):
        with suppress(OSError):
            os.rmdir(root / folder)
    shutil.rmtree(staging)
    return gone


def _take_back(root: Path, path: str, digest: str) -> bool:
    """Remove a placed file, or put the one back that it replaced; what somebody has changed since is left alone."""
    place, new, old = root / path, root / STAGING / "new" / path, root / STAGING / "old" / path
    try:
        there = place.read_bytes()
    except OSError:
        return False
    if old.exists():
        if _digest(there) == digest:
            os.replace(old, place)
        return _digest(there) == digest
    linked = os.path.samefile(place, new) and _digest(there) == digest
    # A copy that was cut short is a beginning of what was wanted.
    copied = (root / STAGING / "copied" / path).exists() and new.read_bytes().startswith(there)
    if linked or copied:
        place.unlink()
    return linked or copied


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _stage(root: Path, planned: Sequence[Planned]) -> None:
    """Write everything beside the project's files, then the plan: from then on a killed run can be undone."""
    import json

    staging = root / STAGING
    staging.mkdir()
    for one in planned:
        _write(staging / "new" / one.path, one.text.encode("utf-8"), one.mode)
        if one.replaces is not None:
            _write(staging / "old" / one.path, one.replaces, (root / one.path).stat().st_mode & 0o777)
    files = {one.path: _digest(one.text.encode("utf-8")) for one in planned}
    plan = {"files": files, "folders": _new_folders(root, planned)}
    _write(staging / f"{_PLAN}.new", json.dumps(plan).encode(), 0o644)
    os.rename(staging / f"{_PLAN}.new", staging / _PLAN)


def _place(root: Path, planned: Sequence[Planned]) -> None:
    for one in planned:
        source, place = root / STAGING / "new" / one.path, root / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if one.replaces is not None:
            beside = source.with_name(f"{source.name}.copy")
            shutil.copy2(source, beside)
            os.replace(beside, place)
            continue
        try:
            os.link(source, place)
        except FileExistsError:
            raise
        except OSError:
            # Some file systems know no links: a copy that refuses an existing file is as safe.
            _write(root / STAGING / "copied" / one.path, b"", 0o644)
            with open(place, "xb") as file:
                file.write(source.read_bytes())
            place.chmod(one.mode)


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    path.chmod(mode)


def _new_folders(root: Path, planned: Sequence[Planned]) -> list[str]:
    """Return the folders that are not there yet, the outer ones first."""
    found: dict[str, None] = {}
    for one in planned:
        parts = one.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if not os.path.isdir(root / folder):
                found[folder] = None
    return list(found)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep a second run out while one is at work; the system lets go of the lock when a run is killed."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: there two runs at once are the user's to avoid
        yield
        return
    descriptor = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError("Another run is making files here.", next_step="Wait until it has ended.") from error
        yield
    finally:
        os.close(descriptor)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
