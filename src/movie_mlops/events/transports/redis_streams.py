"""Redis Streams: one stream for a log, one group of consumers, and entries of a consumer that died are taken over.

An entry's id is the event's place in the log, so that Redis itself refuses an event that it has. A relay adds only
behind what it thinks is last: of two relays, one finds that the other was there. What Redis forgets is in the log.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from movie_mlops.events.transports.port import Delivery, Message, TransportError, read_message

GROUP: Final = "movie-mlops"
_EVENT: Final = b"event"
_ADD: Final = """
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local told = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #told, 2 do if told[i] == 'last-generated-id' then last = told[i + 1] end end
end
if last ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'event', ARGV[i + 1]) end
return 1
"""
_NO_STREAM: Final = "no such key"
_NO_GROUP: Final = "NOGROUP"


class RedisStream:
    """The stream of one log, for a relay.

    Args:
        client: A client of the package redis.
        log_name: Which log.
    """

    name = "redis"
    keeps_all = False

    def __init__(self, client: Any, log_name: str) -> None:
        self._client = client
        self.key = key_of(log_name)

    def last(self) -> int:
        """Return the offset of the newest event that it has."""
        with _failures() as redis:
            try:
                return int(self._client.xinfo_stream(self.key)["last-generated-id"].partition(b"-")[0])
            except redis.ResponseError as error:
                if _NO_STREAM in str(error):
                    return 0
                raise

    def send(self, messages: Sequence[Message], *, after: int) -> bool:
        """Add events behind the one that must be last, all or none."""
        words: list[Any] = [f"{after}-0"]
        for each in messages:
            words += (f"{each.offset}-0", each.body)
        with _failures():
            return bool(self._client.eval(_ADD, 1, self.key, *words))

    def forget(self, offsets: Sequence[int]) -> int:
        """Remove events that were erased."""
        with _failures():
            return int(self._client.xdel(self.key, *(f"{offset}-0" for offset in offsets))) if offsets else 0

    def trim(self, before: int) -> None:
        """Remove what is older than an offset."""
        with _failures():
            self._client.xtrim(self.key, minid=f"{before}-0", approximate=True)

    def waiting(self) -> int:
        """Return how many entries were taken and are not done."""
        with _failures() as redis:
            try:
                return int(self._client.xpending(self.key, GROUP)["pending"])
            except redis.ResponseError as error:
                if _NO_GROUP in str(error):
                    return 0
                raise


class RedisSource:
    """The same, for a consumer.

    Args:
        client: A client of the package redis, with more patience than ``take`` waits.
        log_name: Which log.
        consumer: The name of this consumer, another's in every process.
        take_over_seconds: What another took and did not finish for so long is taken over.
    """

    def __init__(self, client: Any, log_name: str, consumer: str, *, take_over_seconds: float = 5.0) -> None:
        self._client = client
        self._key = key_of(log_name)
        self._consumer = consumer
        self._idle = int(take_over_seconds * 1000)
        self._looked_at = float("-inf")

    def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """Return what came, first of all what nobody finished."""
        with _failures() as redis:
            try:
                found = self._left_over(most) or self._new(most, wait_seconds)
            except redis.ResponseError as error:
                if _NO_GROUP not in str(error):
                    raise
                # A Redis that is new, or came back without anything.
                self._make_group(redis)
                found = []
        return [_read(entry, fields) for entry, fields in found if fields]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Say that deliveries need not come again."""
        if deliveries:
            with _failures():
                self._client.xack(self._key, GROUP, *(each.token for each in deliveries))

    def _left_over(self, most: int) -> list[Any]:
        # A look costs as much as a read: now and then is enough.
        now = time.monotonic()
        if (now - self._looked_at) * 1000 < self._idle / 5:
            return []
        found = self._client.xautoclaim(self._key, GROUP, self._consumer, self._idle, "0-0", count=most)[1]
        if len(found) < most:
            self._looked_at = now
        return list(found)

    def _new(self, most: int, wait_seconds: float) -> list[Any]:
        # Redis takes 0 for "as long as it takes".
        wait = max(1, int(wait_seconds * 1000)) if wait_seconds > 0 else None
        found = self._client.xreadgroup(GROUP, self._consumer, {self._key: ">"}, count=most, block=wait)
        if isinstance(found, dict):
            found = list(found.items())
        return [entry for _, entries in found or [] for entry in _flat(entries)]

    def _make_group(self, redis: Any) -> None:
        try:
            self._client.xgroup_create(self._key, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def key_of(log_name: str) -> str:
    """Return the name of a log's stream."""
    return f"movie-mlops:events:{log_name}"


def _flat(entries: Any) -> list[Any]:
    # The newer protocol of Redis puts the entries of a stream into one more list.
    return list(entries[0]) if entries and isinstance(entries[0], list) else list(entries)


def _read(entry: bytes, fields: dict[bytes, bytes]) -> Delivery:
    body = fields.get(_EVENT)
    if body is None or len(fields) > 1:
        return Delivery(entry, None, entry, "It has other fields than an event.")
    found = read_message(entry, body)
    if found.offset is not None and entry != b"%d-0" % found.offset:
        return Delivery(entry, None, body, "Its place is not the one that its envelope says.")
    return found


@contextmanager
def _failures() -> Iterator[Any]:
    """Say in a sentence that Redis is away."""
    import redis  # noqa: PLC0415 - whoever has a client has it

    try:
        yield redis
    except (redis.RedisError, OSError) as error:
        raise TransportError(
            f"Redis cannot be used as a transport ({type(error).__name__}).",
            next_step="Events wait in the log; look whether redis-server runs.",
        ) from error
