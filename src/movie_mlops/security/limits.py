"""How much somebody may ask: token buckets, in memory or, for servers that share a Redis, leased from there.

A bucket holds so many requests, each request takes one out, and it fills evenly (a quota of a day is a bucket that is
filled in a day). Servers that share a Redis do not ask it for each request, which would cost more than the answer: they
take some requests out of the common bucket at once, in one step that nobody can come between, and give them away
themselves.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from movie_mlops.security.config import LimitConfig
from movie_mlops.security.principals import Principal, Role

DAY_SECONDS: Final = 86_400.0
_MOST: Final = 50_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a bucket is.

    Attributes:
        name: ``second`` or ``day``.
        holds: How many requests.
        per_second: How fast it fills.
    """

    name: str
    holds: float
    per_second: float

    @property
    def fills_seconds(self) -> float:
        """How long it takes to fill."""
        return self.holds / self.per_second


@dataclass(frozen=True, slots=True)
class Level:
    """How a bucket stands.

    Attributes:
        bucket: Which.
        left: Requests in it.
    """

    bucket: Bucket
    left: float

    @property
    def wait_seconds(self) -> float:
        """How long until the next request is in it."""
        return max(0.0, (1 - self.left) / self.bucket.per_second)


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request may be answered.

    Attributes:
        good: Whether every bucket had one for it.
        level: The bucket with the least in it, for its size.
    """

    good: bool
    level: Level

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what a client is told (draft-ietf-httpapi-ratelimit-headers)."""
        bucket, left = self.level.bucket, max(0, int(self.level.left))
        window = math.ceil(bucket.fills_seconds)
        policy = f'"{bucket.name}";q={int(bucket.holds)};w={window}'
        said = f'"{bucket.name}";r={left};t={math.ceil((bucket.holds - self.level.left) / bucket.per_second)}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", said.encode())]

    @property
    def wait_seconds(self) -> int:
        """Whole seconds after which to ask again."""
        return max(1, math.ceil(self.level.wait_seconds))


class LeaseNeededError(Exception):
    """The requests that this server took are used up: it has to ask for more, which takes a moment."""


class Limiter(Protocol):
    """Counts requests."""

    def take(self, principal: Principal) -> Taken | None:
        """Take one request out of somebody's buckets; ``None`` where nothing limits them. It never waits.

        Raises:
            LeaseNeededError: :meth:`lease` has to be called first.
        """
        ...

    def lease(self, principal: Principal) -> None:
        """Ask for more; it may wait, and is called in a thread."""
        ...


class Buckets:
    """Which buckets somebody has: their own figures, else those of the most generous of their roles.

    Args:
        limits: By role.
    """

    def __init__(self, limits: Mapping[Role, LimitConfig]) -> None:
        self._of_role = {role: tuple(_buckets(limit)) for role, limit in limits.items()}
        self._of_key: dict[tuple[float | None, float | None, Role], tuple[Bucket, ...]] = {}
        self._limits = limits

    def of(self, principal: Principal) -> tuple[Bucket, ...]:
        """Return them; none for nobody, and for whom nothing limits."""
        if not principal.roles:
            return ()
        role = max(principal.roles, key=self._generosity)
        if principal.per_second is None and principal.per_day is None:
            return self._of_role[role]
        key = (principal.per_second, principal.per_day, role)
        if key not in self._of_key:
            general = self._limits[role]
            own = LimitConfig(
                per_second=principal.per_second or general.per_second,
                burst=general.burst if principal.per_second is None else None,
                per_day=principal.per_day or general.per_day,
            )
            self._of_key[key] = tuple(_buckets(own))
        return self._of_key[key]

    def _generosity(self, role: Role) -> float:
        return self._limits[role].per_second or math.inf


class MemoryLimiter:
    """Counts what this server is asked, and remembers the newest so many of those who ask.

    Args:
        buckets: Who has which.
        most: Of so many it is remembered; whoever is forgotten begins with full buckets.
    """

    def __init__(self, buckets: Buckets, *, most: int = _MOST) -> None:
        self._buckets = buckets
        self._most = most
        self._levels: OrderedDict[str, tuple[float, list[float]]] = OrderedDict()

    def take(self, principal: Principal) -> Taken | None:
        """Take one request out of somebody's buckets."""
        buckets = self._buckets.of(principal)
        if not buckets:
            return None
        now = time.monotonic()
        at, lefts = self._levels.pop(principal.name, (now, [bucket.holds for bucket in buckets]))
        if len(lefts) != len(buckets):
            lefts = [bucket.holds for bucket in buckets]
        gone = now - at
        lefts = [
            min(bucket.holds, left + gone * bucket.per_second) for bucket, left in zip(buckets, lefts, strict=True)
        ]
        good = all(left >= 1 for left in lefts)
        if good:
            lefts = [left - 1 for left in lefts]
        self._levels[principal.name] = (now, lefts)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return Taken(good, fullest_used(buckets, lefts))

    def lease(self, principal: Principal) -> None:
        """Do nothing: there is nobody to ask."""


def fullest_used(buckets: Sequence[Bucket], lefts: Sequence[float]) -> Level:
    """Return the bucket that has the least in it, for its size."""
    levels = [Level(bucket, left) for bucket, left in zip(buckets, lefts, strict=True)]
    return min(levels, key=lambda level: level.left / level.bucket.holds)


def _buckets(limit: LimitConfig) -> list[Bucket]:
    found = []
    if limit.per_second is not None:
        found.append(Bucket("second", limit.burst or max(1.0, 2 * limit.per_second), limit.per_second))
    if limit.per_day is not None:
        found.append(Bucket("day", limit.per_day, limit.per_day / DAY_SECONDS))
    return found
