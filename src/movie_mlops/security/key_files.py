"""Files of keys: made on first need, whole or not at all, and for their owner's eyes alone."""

import os
import secrets
from pathlib import Path
from typing import Final

_OTHERS: Final = 0o077


def make_once(path: Path, content: bytes) -> None:
    """Write a key unless there is one; of two processes that do so at once, one does, and the other's key is that."""
    if not path.exists():
        _write(path, content, first=True)


def replace(path: Path, content: bytes) -> None:
    """Put a content in the place of a file's, for good; whoever reads meanwhile reads the one or the other."""
    _write(path, content, first=False)


def others_may_read(path: Path) -> bool:
    """Return whether anybody but its owner may read a file."""
    return bool(path.stat().st_mode & _OTHERS)


def _write(path: Path, content: bytes, *, first: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not first:
            made.replace(path)
            return
        os.link(made, path)
    except FileExistsError:
        # Another process was first: then its key is the key.
        pass
    finally:
        made.unlink(missing_ok=True)
