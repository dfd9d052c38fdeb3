"""SHA-256 of files and of plain data, written the same way everywhere."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Plain = None | bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON can hold."""


def canonical_json(value: Plain) -> bytes:
    """Return ``value`` as UTF-8 JSON with sorted keys and no spaces; NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Plain) -> str:
    """Return the SHA-256 of ``value``'s canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
