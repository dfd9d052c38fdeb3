"""Changes to the working tree that a kill cannot leave half done, and that never overwrite what is not known."""

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from movie_mlops.standard.migrate.errors import MigrationError
from movie_mlops.standard.migrate.moves import reachable
from movie_mlops.standard.migrate.repository import display
from movie_mlops.standard.references.reference import folder_of

_PART: Final = ".migrating"


def content_of(path: Path) -> bytes | None:
    """Return a file's bytes, or what a symbolic link holds; ``None`` where nothing is."""
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            return os.readlink(os.fsencode(path))
        return path.read_bytes()
    except FileNotFoundError:
        return None


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def write_new(path: Path, content: bytes) -> None:
    """Write a file of the migration's own, to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(root: Path, path: str, content: bytes, *, known: frozenset[str]) -> None:
    """Give a file new content, all of it or nothing; its mode stays. A symbolic link gets a new target.

    Args:
        root: Of the working tree.
        path: The file in it.
        content: The new bytes.
        known: Digests that the present content may have; ``content``'s own is always one.

    Raises:
        MigrationError: The file holds something else, or a folder on the way is a link.
    """
    place = root / path
    present = content_of(place)
    if present == content:
        return
    if present is None or digest_of(present) not in known or not reachable(path, root):
        raise MigrationError(
            f"{display(path)} was changed while the migration was under way.",
            next_step="Put it aside, restore it as it was, and run the command again.",
        )
    part = place.with_name(f".{place.name[:100]}{_PART}")
    part.unlink(missing_ok=True)
    facts = place.lstat()
    if stat.S_ISLNK(facts.st_mode):
        os.symlink(content, os.fsencode(part))
    else:
        write_new(part, content)
        part.chmod(stat.S_IMODE(facts.st_mode))
    part.replace(place)
    _settle(place.parent)


def move(root: Path, source: str, target: str, *, tidy: bool = True) -> None:
    """Move a file to a path where nothing is; doing it again after an interruption ends the same way.

    Args:
        root: Of the working tree.
        source: Where the file is.
        target: Where it goes.
        tidy: Remove the folders that are empty then.

    Raises:
        MigrationError: Something is at the target, nothing at the source, or a folder on the way is a link.
    """
    here, there = root / source, root / target
    if not (reachable(source, root) and reachable(target, root)):
        raise MigrationError(
            f"A folder on the way to {display(target)} is a link.",
            next_step="Replace the link by a folder, or roll back.",
        )
    if not os.path.lexists(here):
        if os.path.lexists(there):
            return
        raise MigrationError(f"{display(source)} is gone.", next_step="Restore it: git checkout, then run again.")
    there.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(there) and here != there and same_file(here, there):
        _rename_same(here, there)
    else:
        _rename(here, there)
    _settle(there.parent)
    if tidy:
        _leave(root, folder_of(source))


def same_file(here: Path, there: Path) -> bool:
    """Return whether two paths are names of one file, links not followed."""
    one, other = here.lstat(), there.lstat()
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _rename_same(here: Path, there: Path) -> None:
    """Both names are one file: a move that was cut off, or two spellings on a disk that ignores case."""
    names = {entry.name for entry in os.scandir(there.parent)} | {entry.name for entry in os.scandir(here.parent)}
    if here.name in names and there.name in names:
        here.unlink()
    else:
        here.rename(there)


def _rename(here: Path, there: Path) -> None:
    if os.path.lexists(there):
        raise MigrationError(
            f"Something is already at {display(os.fspath(there))}.",
            next_step="Put it aside, and run the command again.",
        )
    try:
        # Unlike a rename, a link never overwrites.
        os.link(here, there, follow_symlinks=False)
    except FileExistsError as error:
        raise MigrationError(
            f"Something came to {display(os.fspath(there))}.", next_step="Put it aside, and run the command again."
        ) from error
    except OSError:
        # This disk has no hard links; that nothing is there was seen a moment ago.
        here.rename(there)
    else:
        here.unlink()


def _leave(root: Path, folder: str) -> None:
    """Remove the folders that a move has emptied, as git does."""
    while folder:
        try:
            (root / folder).rmdir()
        except OSError:
            return
        folder = folder_of(folder)


def remove_made(root: Path, folders: list[str]) -> None:
    """Remove folders that a migration made, where they are empty; deepest first."""
    for folder in sorted(folders, key=len, reverse=True):
        with contextlib.suppress(OSError):
            (root / folder).rmdir()


def _settle(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
