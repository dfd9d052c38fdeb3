"""What is packed, by how it begins: libraries that read tables unpack it unasked, however large it becomes."""

from typing import Final

_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_BEGINNINGS: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", *_ZLIB, b"BZh", b"\xfd7zXZ")
"""gzip, Zstandard, zlib at each of its levels, bzip2, xz."""

HEAD_BYTES: Final = 8
"""So much of a file is enough to tell."""


def is_packed(head: bytes) -> bool:
    """Return whether a file that begins so is packed."""
    return head.startswith(_BEGINNINGS)
