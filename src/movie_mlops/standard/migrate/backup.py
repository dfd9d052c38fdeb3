"""The back-up: what a migration will touch, as it was, in ``temp-cleanup/<time>/``."""

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.standard.migrate.errors import MigrationError
from movie_mlops.standard.migrate.files import content_of, digest_of, write_new
from movie_mlops.standard.migrate.journal import BACKUPS
from movie_mlops.standard.migrate.repository import display
from movie_mlops.standard.references.reference import folder_of

FILES: Final = "files"


def new_folder(root: Path) -> Path:
    """Make the folder of a migration; git does not see it.

    Raises:
        MigrationError: ``temp-cleanup`` is a link or a file.
    """
    parent = root / BACKUPS
    if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
        raise MigrationError(f"{BACKUPS} is not a folder.", next_step="Put it aside: the back-up is kept there.")
    parent.mkdir(exist_ok=True)
    name = clock.now().strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(1000):
        folder = parent / (f"{name}-{attempt}" if attempt else name)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        write_new(folder / ".gitignore", b"*\n")
        return folder
    raise MigrationError(f"{BACKUPS} has no free name for a back-up.", next_step="Clear it up.")


def back_up(root: Path, folder: Path, paths: Iterable[str]) -> list[dict[str, Any]]:
    """Copy files with their modes and times, links as links; return what each was.

    Args:
        root: Of the working tree.
        folder: Of the migration.
        paths: What it will move or change.
    """
    facts = []
    for path in sorted(set(paths)):
        place, copy = root / path, folder / FILES / path
        state = place.lstat()
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode)):
            raise MigrationError(f"{display(path)} is neither a file nor a link.", next_step="Put it aside.")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place, copy, follow_symlinks=False)
        content = content_of(copy) or b""
        facts.append({"path": path, "mode": state.st_mode, "time": state.st_mtime_ns, "digest": digest_of(content)})
    return facts


def folder_modes(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """Return the mode of every folder that some files lie in."""
    modes: dict[str, int] = {}
    for path in paths:
        folder = folder_of(path)
        while folder and folder not in modes:
            modes[folder] = stat.S_IMODE((root / folder).stat().st_mode)
            folder = folder_of(folder)
    return modes


def restore_modes(root: Path, modes: dict[str, int]) -> None:
    """Give folders their modes back."""
    for path, mode in modes.items():
        if (root / path).is_dir():
            (root / path).chmod(mode)


def restore_facts(root: Path, facts: Iterable[dict[str, Any]]) -> list[str]:
    """Give files their modes and times back; return the files whose bytes are not what they were.

    Raises:
        OSError: A mode cannot be set.
    """
    wrong = []
    for fact in facts:
        place = root / fact["path"]
        content = content_of(place)
        if content is None or digest_of(content) != fact["digest"]:
            wrong.append(fact["path"])
            continue
        if not stat.S_ISLNK(fact["mode"]):
            place.chmod(stat.S_IMODE(fact["mode"]))
            os.utime(place, ns=(fact["time"], fact["time"]))
    return wrong


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing; a link is replaced, not followed."""
    part = path.with_name(f".{path.name}.part")
    write_new(part, content)
    part.replace(path)
