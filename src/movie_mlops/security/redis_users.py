"""Whom somebody asked for, shared by several servers in a Redis: a set of hashes for each of them, for an hour.

While Redis is away each server counts for itself.
"""

import logging
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from movie_mlops.security.asked_users import HOUR_SECONDS

_LOG: Final = logging.getLogger("movie_mlops.security.limits")
_RETRY_SECONDS: Final = 2.0
_SCRIPT: Final = """
local new = {}
for i = 3, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then new[#new + 1] = ARGV[i] end
end
if #new == 0 then return 1 end
if redis.call('SCARD', KEYS[1]) + #new > tonumber(ARGV[1]) then return 0 end
redis.call('SADD', KEYS[1], unpack(new))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


class RedisUsers:
    """Counts for all servers, in one step that nobody can come between; never more are kept than somebody may ask for.

    Args:
        connect: Returns a client of redis-py's.
        prefix: What the names of keys begin with.
    """

    def __init__(self, connect: Callable[[], Any], *, prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self._script: Any = None
        self._away_until = 0.0

    def take(self, name: str, users: Sequence[str], *, most: int) -> bool | None:
        """Return whether users fit, and count them; ``None`` while Redis is away."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - only where there is one

        if time.monotonic() < self._away_until:
            return None
        key = f"{self._prefix}:asked:{_short(name, '').hex()}:{int(time.time() // HOUR_SECONDS)}"
        # No id, and for each who asks another hash: two sets do not tell whom they share.
        members = [_short(user_id, name) for user_id in users]
        try:
            if self._script is None:
                self._script = self._connect().register_script(_SCRIPT)
            return bool(self._script(keys=[key], args=[most, HOUR_SECONDS, *members]))
        except (RedisError, OSError) as error:
            _LOG.warning("whom somebody asks for cannot be counted in Redis: %s", error)
            self._away_until = time.monotonic() + _RETRY_SECONDS
            return None


def _short(text: str, name: str) -> bytes:
    key = blake2b(name.encode(), digest_size=16, person=b"mm-asked").digest()
    return blake2b(text.encode("utf-8", "replace"), key=key, digest_size=8, person=b"mm-asked").digest()
