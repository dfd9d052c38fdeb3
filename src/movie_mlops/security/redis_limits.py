"""Buckets that several servers share in a Redis: some requests at a time are taken out there, by one script.

What a server has taken and not given away is lost when it ends, and then comes back as the bucket fills. While Redis
is away each server counts for itself: its keys go on working, and everybody may at most ask each server as much as all.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from movie_mlops.security.limits import Bucket, Buckets, LeaseNeededError, Level, MemoryLimiter, Taken, fullest_used
from movie_mlops.security.principals import Principal

_LOG: Final = logging.getLogger("movie_mlops.security.limits")
_PARTS: Final = 20
"""A lease is so small a part of a bucket."""
_MOST: Final = 50_000
_RETRY_SECONDS: Final = 2.0
_SCRIPT: Final = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local wanted = tonumber(ARGV[1])
local count = (#ARGV - 1) / 2
local found = redis.call('HMGET', KEYS[1], 'at', 'l1', 'l2')
local at = tonumber(found[1]) or now
local lefts, taken = {}, wanted
for i = 1, count do
  local holds, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local left = tonumber(found[i + 1]) or holds
  lefts[i] = math.min(holds, left + math.max(0, now - at) * rate)
  taken = math.min(taken, math.floor(lefts[i]))
end
taken = math.max(0, taken)
local answer, longest = {taken}, 1
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now))
for i = 1, count do
  lefts[i] = lefts[i] - taken
  redis.call('HSET', KEYS[1], 'l' .. i, string.format('%.6f', lefts[i]))
  answer[i + 1] = string.format('%.6f', lefts[i])
  longest = math.max(longest, tonumber(ARGV[2 * i]) / tonumber(ARGV[2 * i + 1]))
end
redis.call('PEXPIRE', KEYS[1], math.ceil(longest * 1000) + 1000)
return answer
"""


@dataclass(slots=True)
class _Lease:
    """What this server has of somebody's requests, and how the common buckets stood."""

    own: int = 0
    lefts: list[float] = field(default_factory=list)
    empty_until: float = 0.0


class RedisLimiter:
    """Counts what all servers are asked.

    Args:
        buckets: Who has which.
        connect: Returns a client of redis-py's.
        prefix: What the names of keys begin with.
    """

    def __init__(self, buckets: Buckets, connect: Callable[[], Any], *, prefix: str) -> None:
        self._buckets = buckets
        self._connect = connect
        self._prefix = prefix
        self._script: Any = None
        self._alone = MemoryLimiter(buckets)
        self._away_until = 0.0
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, principal: Principal) -> Taken | None:
        """Take one request out of somebody's buckets."""
        buckets = self._buckets.of(principal)
        if not buckets:
            return None
        now = time.monotonic()
        if now < self._away_until:
            return self._alone.take(principal)
        with self._lock:
            lease = self._leases.get(principal.name)
            if lease is None or len(lease.lefts) != len(buckets):
                raise LeaseNeededError
            if lease.own > 0:
                lease.own -= 1
                return Taken(True, _level(buckets, lease))
        if now < lease.empty_until:
            return Taken(False, _level(buckets, lease))
        raise LeaseNeededError

    def lease(self, principal: Principal) -> None:
        """Take some requests out of the common buckets."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - only where there is one

        buckets = self._buckets.of(principal)
        wanted = max(1, int(min(bucket.holds for bucket in buckets) // _PARTS))
        given = [number for bucket in buckets for number in (bucket.holds, bucket.per_second)]
        # A name may hold an address: what somebody is called is in no key of Redis.
        name = f"{self._prefix}:limit:{blake2b(principal.name.encode(), digest_size=16).hexdigest()}"
        try:
            if self._script is None:
                self._script = self._connect().register_script(_SCRIPT)
            told = self._script(keys=[name], args=[wanted, *given])
        except (RedisError, OSError) as error:
            if time.monotonic() >= self._away_until:
                _LOG.warning("the limits cannot be shared over Redis: %s", error)
            self._away_until = time.monotonic() + _RETRY_SECONDS
            return
        lefts = [float(left) for left in told[1:]]
        with self._lock:
            before = self._leases.pop(principal.name, None)
            own = int(told[0]) + (0 if before is None else before.own)
            lease = _Lease(own, lefts)
            if own == 0:
                levels = [Level(bucket, left) for bucket, left in zip(buckets, lefts, strict=True)]
                lease.empty_until = time.monotonic() + max(level.wait_seconds for level in levels)
            self._leases[principal.name] = lease
            if len(self._leases) > _MOST:
                self._leases.popitem(last=False)


def _level(buckets: Sequence[Bucket], lease: _Lease) -> Level:
    """Return how the bucket that matters stands, with what this server still has of it."""
    return fullest_used(buckets, [left + lease.own for left in lease.lefts])
