"""How much somebody may ask, and for whom: in memory and in a real Redis; and wrong tokens at the console's door."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from movie_mlops.core import clock
from movie_mlops.flows.serve import shared_asked, shared_limiter
from movie_mlops.security import (
    AskedUsers,
    Buckets,
    How,
    LeaseNeededError,
    LimitConfig,
    Limiter,
    MemoryLimiter,
    Principal,
    RedisLimiter,
    Role,
    SecurityConfig,
    SignInConfig,
    Taken,
    TooManyUsersError,
)
from movie_mlops.security.sign_in import Tries
from movie_mlops.serving import ServingConfig
from tests.fixtures.stage_2.redis_server import RedisServer

LIMITS = SecurityConfig(
    limits={
        Role.VIEWER: LimitConfig(per_second=2, burst=5),
        Role.SERVICE: LimitConfig(per_second=1, burst=3, per_day=4),
    }
).limits
ANN = Principal("key:ann", How.KEY, frozenset({Role.VIEWER}), "ann")
SHOP = Principal("key:shop", How.KEY, frozenset({Role.SERVICE}))


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def take(limiter: Limiter, principal: Principal) -> Taken:
    """Take one, as the guard does."""
    while True:
        try:
            taken = limiter.take(principal)
        except LeaseNeededError:
            limiter.lease(principal)
        else:
            assert taken is not None
            return taken


def test_a_bucket_empties_and_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at once, then as many as come back; whoever is refused is told how long it takes, and it is true."""
    clock, limiter = Clock(monkeypatch), MemoryLimiter(Buckets(LIMITS))
    assert [take(limiter, ANN).good for _ in range(6)] == [True] * 5 + [False]
    refused = take(limiter, ANN)
    assert (refused.good, refused.wait_seconds) == (False, 1)
    assert refused.headers() == [(b"ratelimit-policy", b'"second";q=5;w=3'), (b"ratelimit", b'"second";r=0;t=3')]
    clock.now += 0.5
    assert [take(limiter, ANN).good for _ in range(2)] == [True, False]
    clock.now += 3600
    assert [take(limiter, ANN).good for _ in range(6)] == [True] * 5 + [False]


def test_a_quota_of_a_day_outlasts_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal by one bucket takes nothing out of the other, and the headers tell of the one with the least in it."""
    clock, limiter = Clock(monkeypatch), MemoryLimiter(Buckets(LIMITS))
    assert [take(limiter, SHOP).good for _ in range(4)] == [True] * 3 + [False]
    clock.now += 100
    assert [take(limiter, SHOP).good for _ in range(2)] == [True, False]
    refused = take(limiter, SHOP)
    assert refused.level.bucket.name == "day"
    assert 20_000 < refused.wait_seconds < 21_600
    clock.now += refused.wait_seconds
    assert take(limiter, SHOP).good


@pytest.mark.parametrize("moved", [-86_400.0 * 365, 86_400.0 * 365], ids=["a year back", "a year on"])
def test_no_limit_hangs_on_the_clock_of_the_day(monkeypatch: pytest.MonkeyPatch, moved: float) -> None:
    """A machine whose time is set gives back no bucket, no quota and no try at the door, nor holds them for ever."""
    steady, limiter = Clock(monkeypatch), MemoryLimiter(Buckets(LIMITS))
    tries = Tries(SignInConfig(tries=3, seconds=300, addresses=10))
    for _ in range(5):
        take(limiter, ANN)
        take(limiter, SHOP)
        tries.was_wrong("192.0.2.1")
    day, now = time.time(), clock.now()
    monkeypatch.setattr(time, "time", lambda: day + moved)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=moved))
    assert [take(limiter, one).good for one in (ANN, SHOP)] == [False, False]
    assert tries.wait_seconds("192.0.2.1") > 0
    steady.now += 86_400
    assert [take(limiter, one).good for one in (ANN, SHOP)] == [True, True]
    assert tries.wait_seconds("192.0.2.1") == 0


def test_each_has_their_own_and_the_best_role_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody uses up what is another's; a key's own figures go over those of its role; nothing limits an admin."""
    Clock(monkeypatch)
    limiter = MemoryLimiter(Buckets(LIMITS))
    ben = Principal("key:ben", How.KEY, frozenset({Role.VIEWER}), "ben")
    for _ in range(6):
        take(limiter, ANN)
    assert take(limiter, ben).good
    assert limiter.take(Principal("admin-token", How.ADMIN_TOKEN, frozenset({Role.ADMIN}))) is None
    assert limiter.take(Principal("x", How.TOKEN, frozenset({Role.ADMIN, Role.VIEWER}))) is None
    own = Principal("key:own", How.KEY, frozenset({Role.VIEWER}), "own", per_second=0.5)
    assert [take(limiter, own).good for _ in range(2)] == [True, False]


def test_the_memory_of_buckets_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so many alone it is remembered, the newest."""
    Clock(monkeypatch)
    limiter = MemoryLimiter(Buckets(LIMITS), most=10)
    for number in range(100):
        take(limiter, Principal(f"oidc:{number}", How.TOKEN, frozenset({Role.VIEWER}), str(number)))
    assert len(limiter._levels) == 10


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


def test_servers_share_a_bucket_in_redis(redis: RedisServer) -> None:
    """However many servers and threads ask at once, they give away what is in the common bucket, and not one more."""
    slow = SecurityConfig(limits={Role.VIEWER: LimitConfig(per_second=0.001, burst=60)}).limits
    servers = [RedisLimiter(Buckets(slow), redis.client, prefix="test") for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda number: take(servers[number % 3], ANN).good, range(300)))
    left = sum(lease.own for server in servers for lease in server._leases.values())
    assert sum(taken) + left == 60
    name = redis.client().keys("test:limit:*")
    assert len(name) == 1
    assert b"ann" not in name[0]
    assert 0 < redis.client().ttl(name[0]) <= 60_002


def test_without_redis_each_server_counts_alone(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis goes: keys go on working, under the same limits for each server; it comes back and is asked again."""
    serving = ServingConfig(security=SecurityConfig(limits=LIMITS))
    limiter = shared_limiter(serving, redis.config(), "tiny")
    assert take(limiter, ANN).good
    redis.kill()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limiter._leases.clear()
    assert [take(limiter, ANN).good for _ in range(6)] == [True] * 5 + [False]
    monkeypatch.undo()
    redis.start()
    limiter._away_until = 0.0
    assert take(limiter, ANN).good
    assert redis.client().keys("movie-mlops:tiny:limit:*")


THREE = LimitConfig(users_per_hour=3)
FEW = SecurityConfig(limits={Role.SERVICE: THREE, Role.VIEWER: THREE})


def answered(asked: AskedUsers, *users: str, principal: Principal = SHOP) -> bool:
    """Ask for users as a route does."""
    try:
        asked.check(principal, users)
    except TooManyUsersError:
        return False
    return all(asked.knows(principal, user) for user in users)


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock."""
    monkeypatch.setattr(time, "time", lambda: seconds)


def test_a_key_asks_for_so_many_users_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known users go on, more are refused whole until the hour ends; others, viewers and admins are not touched."""
    at(monkeypatch, 3600 * 500_000 + 10)
    asked = AskedUsers(FEW.limits)
    assert [answered(asked, user) for user in ("a", "b", "a", "a")] == [True] * 4
    assert not answered(asked, "c", "d")
    assert not asked.knows(SHOP, "c")
    assert [answered(asked, user) for user in ("c", "d", "a")] == [True, False, True]
    with pytest.raises(TooManyUsersError, match="3 different users an hour") as refused:
        asked.check(SHOP, ["e"])
    assert refused.value.wait_seconds == 3590
    assert answered(asked, *"efg", principal=Principal("key:other", How.KEY, frozenset({Role.SERVICE})))
    admin = Principal("x", How.TOKEN, frozenset({Role.ADMIN, Role.SERVICE}))
    assert all(answered(asked, str(number), principal=admin) for number in range(9))
    assert asked.limit(ANN) is None
    at(monkeypatch, 3600 * 500_001)
    assert answered(asked, "x", "y", "z")


def test_the_memory_of_asked_users_has_an_end() -> None:
    """Of so many users alone it is remembered, and of whoever asked last; a limit beyond a million is none."""
    asked = AskedUsers(SecurityConfig(limits={Role.SERVICE: LimitConfig(users_per_hour=50)}).limits, most=100)
    for number in range(40):
        principal = Principal(f"key:{number}", How.KEY, frozenset({Role.SERVICE}))
        assert answered(asked, *map(str, range(20)), principal=principal)
    assert sum(map(len, asked._seen.values())) == asked._total <= 100
    assert "key:39" in asked._seen
    with pytest.raises(ValueError, match="less than or equal to 1000000"):
        LimitConfig(users_per_hour=1_000_001)


def test_servers_share_whom_a_key_asked_for(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers count one user once, together never more; no id is in Redis, and an hour later nothing.

    Without Redis each counts for itself.
    """
    at(monkeypatch, 3600 * 500_000 + 10)
    one, two = (shared_asked(ServingConfig(security=FEW), redis.config(), "tiny") for _ in range(2))
    assert one.waits
    assert [answered(one, "ann-1", "ben-2"), answered(two, "ann-1"), answered(two, "cy-3")] == [True] * 3
    assert not answered(one, "dan-4")
    assert answered(one, "cy-3")
    assert not answered(two, "dan-4", "ann-1")
    client = redis.client()
    [name] = client.keys("movie-mlops:tiny:asked:*")
    assert 0 < client.ttl(name) <= 3600
    members = client.smembers(name)
    assert {len(member) for member in members} == {8}
    assert client.scard(name) == 3
    assert b"shop" not in name
    redis.kill()
    assert answered(two, "ben-2")
    assert not answered(two, "dan-4")
    third = shared_asked(ServingConfig(security=FEW), redis.config(), "tiny")
    assert [answered(third, user) for user in ("e", "f", "g", "h")] == [True] * 3 + [False]


def test_wrong_tokens_are_counted_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many an address waits; others do not; a network of IPv6 is one; tries come back; memory has an end."""
    clock = Clock(monkeypatch)
    tries = Tries(SignInConfig(tries=3, seconds=300, addresses=10))
    for _ in range(3):
        assert tries.wait_seconds("192.0.2.1") == 0
        tries.was_wrong("192.0.2.1")
    assert tries.wait_seconds("192.0.2.1") == 100
    assert tries.wait_seconds("192.0.2.2") == 0
    clock.now += 100
    assert tries.wait_seconds("192.0.2.1") == 0
    for number in range(3):
        tries.was_wrong(f"2001:db8:0:1::{number}")
    assert tries.wait_seconds("2001:db8:0:1:ffff::7") > 0
    assert tries.wait_seconds("2001:db8:0:2::1") == 0
    for number in range(100):
        tries.was_wrong(f"198.51.100.{number}")
    assert len(tries) == 10
