"""Ids that nobody else makes up, in the order of time."""

import secrets
from typing import Final

from movie_mlops.core import clock

_RANDOM_BYTES: Final = 10
_VERSION: Final = 0x7000 << 64
_VARIANT: Final = 0x8000 << 48
_KEPT: Final = ~(0xF000 << 64 | 0xC000 << 48)


def time_ordered_id() -> str:
    """Return a UUID of version 7 (RFC 9562) without dashes: the milliseconds since 1970, then 74 random bits.

    What comes together stands together in an index, so that a database writes few pages for many.
    """
    return time_ordered_ids(1)[0]


def time_ordered_ids(count: int) -> list[str]:
    """Return so many of them, all of the present time, with one question to the system for what is random."""
    chance = secrets.token_bytes(count * _RANDOM_BYTES)
    said = clock.microseconds(clock.now()) // 1000 << 8 * _RANDOM_BYTES
    parts = (chance[start : start + _RANDOM_BYTES] for start in range(0, len(chance), _RANDOM_BYTES))
    return [f"{(said | int.from_bytes(part)) & _KEPT | _VERSION | _VARIANT:032x}" for part in parts]
