"""What an API key looks like: 256 random bits, with a name before them that scanners find and a checksum behind.

The checksum tells a key that was mistyped or cut from one that was revoked, without asking anybody.
It protects nothing.
"""

import secrets
import zlib
from typing import Final

PREFIX: Final = "mmk_"
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BYTES: Final = 32
_SECRET: Final = 43
_CHECKSUM: Final = 6
LENGTH: Final = len(PREFIX) + _SECRET + _CHECKSUM


def new_key() -> str:
    """Return a key that nobody has."""
    secret = _written(int.from_bytes(secrets.token_bytes(_BYTES)), _SECRET)
    return PREFIX + secret + _checksum(secret)


def is_whole(text: str) -> bool:
    """Return whether a text is a key as we make them, to the last letter."""
    if len(text) != LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return False
    secret, checksum = text[len(PREFIX) : -_CHECKSUM], text[-_CHECKSUM:]
    return checksum == _checksum(secret)


def _checksum(secret: str) -> str:
    return _written(zlib.crc32(secret.encode()), _CHECKSUM)


def _written(number: int, length: int) -> str:
    """Return a number in base 62, in so many letters."""
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))
