"""Tar files that have one spelling: a reader knows each header beforehand, compares it, and obeys nothing in it."""

import hashlib
import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import IO, Final

from movie_mlops.release.arrays import open_regular

_BLOCK: Final = 512
_CHUNK: Final = 1 << 20
_SIZE: Final = slice(124, 136)
"""Where in a header the size stands."""

# What a tar file ends with is filled up to.
_RECORD: Final = 20 * _BLOCK


class FormError(Exception):
    """An archive is not spelt as it should be; the message completes the sentence "The archive …"."""


def _header(name: str, size: int) -> bytes:
    """Return the only header that a file of this name and size may have: nobody's, of no time, readable by all."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH
    # GNU's spelling holds sizes beyond 8 GiB in the same 512 bytes.
    return info.tobuf(tarfile.GNU_FORMAT)


def add(file: IO[bytes], name: str, content: bytes) -> None:
    """Write a file that is in memory."""
    file.write(_header(name, len(content)))
    file.write(content)
    file.write(bytes(-len(content) % _BLOCK))


def add_file(file: IO[bytes], name: str, path: Path) -> None:
    """Write a file that lies on the disk."""
    size = path.stat().st_size
    file.write(_header(name, size))
    with open_regular(path) as source:
        shutil.copyfileobj(source, file, _CHUNK)
    file.write(bytes(-size % _BLOCK))


def take(file: IO[bytes], name: str, most: int) -> bytes:
    """Return the next file, which must be called ``name`` and be no longer than ``most``.

    Raises:
        FormError: Something else comes next.
    """
    size = _size(file, name)
    if size > most:
        raise FormError(f"holds a {name} of {size:,} bytes, more than {most:,}")
    content = _exactly(file, size, name)
    _check_padding(file, size, name)
    return content


def extract(file: IO[bytes], path: Path, size: int, sha256: str) -> None:
    """Copy the next file to a new one at ``path``; it must have that file's name, this size and this digest.

    Raises:
        FormError: Something else comes next.
    """
    if _size(file, path.name) != size:
        raise FormError(f"holds a {path.name} that is not of {size:,} bytes, as its manifest says")
    digest = hashlib.sha256()
    with path.open("xb") as target:
        left = size
        while left:
            chunk = _exactly(file, min(left, _CHUNK), path.name)
            digest.update(chunk)
            target.write(chunk)
            left -= len(chunk)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != sha256:
        raise FormError(f"holds a {path.name} of other bytes than those that were written (its SHA-256 differs)")
    _check_padding(file, size, path.name)


def _size(file: IO[bytes], name: str) -> int:
    found = file.read(_BLOCK)
    field = found[_SIZE]
    try:
        # GNU's spelling of what eleven octal digits do not hold begins with this byte.
        size = int.from_bytes(field[1:], "big") if field[:1] == b"\x80" else int(field[:11], 8)
    except ValueError:
        size = -1
    if size < 0 or found != _header(name, size):
        raise FormError(f"has something else where {name} should be")
    return size


def _exactly(file: IO[bytes], size: int, name: str) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise FormError(f"ends in the middle of {name}")
    return content


def _check_padding(file: IO[bytes], size: int, name: str) -> None:
    padding = -size % _BLOCK
    if file.read(padding) != bytes(padding):
        raise FormError(f"has something else behind {name}")


def add_end(file: IO[bytes]) -> None:
    """Write the end."""
    file.write(_end(file.tell()))


def check_end(file: IO[bytes]) -> None:
    """Make sure that nothing follows.

    Raises:
        FormError: Something does, or the end is missing.
    """
    end = _end(file.tell())
    if file.read(len(end) + 1) != end:
        raise FormError("does not end where it should")


def _end(at: int) -> bytes:
    return bytes(2 * _BLOCK + -(at + 2 * _BLOCK) % _RECORD)
