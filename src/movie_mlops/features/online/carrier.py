"""Redis in front of the record: it carries copies of rows, may forget them or be away, and is never believed blindly.

A copy is believed when it is whole, is of its key, and belongs to the generation that counts (see ``trust.py``).
Anything else, and everything while Redis is away, is read from the record; both are counted.
"""

import logging
import struct
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from movie_mlops.features.config import RedisConfig
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.online.counts import Counts
from movie_mlops.features.online.record import Record, Stored
from movie_mlops.features.online.redis_client import open_redis
from movie_mlops.features.online.rows import CHECK, RESIDUE
from movie_mlops.features.online.trust import Trust, read_trust, resume, suspend

_LOG: Final = logging.getLogger("movie_mlops.features.online")
_HEADER: Final = struct.Struct(">2sQQq")
_SHORTEST: Final = _HEADER.size + CHECK.size
_MAGIC: Final = b"M1"
_AT_ONCE: Final = 500
# A slow reader must not put an older copy over the newer one of a writer.
_KEEP_NEWEST: Final = """
local held = redis.call('GETRANGE', KEYS[1], 0, 17)
if #held == 18 then
  local held_generation, held_stamp = struct.unpack('>I8I8', string.sub(held, 3))
  local generation, stamp = struct.unpack('>I8I8', string.sub(ARGV[1], 3, 18))
  if held_generation > generation or (held_generation == generation and held_stamp > stamp) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class Carrier:
    """The record with Redis in front of it.

    Args:
        record: What is right.
        config: Which Redis, and how patient to be with it.
        lifetimes: Seconds for which a copy of each view may be kept.

    Raises:
        ConfigurationError: The address cannot be used, or the package redis is not installed.
    """

    def __init__(self, record: Record, config: RedisConfig, lifetimes: Mapping[str, float] | None = None) -> None:
        self._record = record
        self._config = config
        self._lifetimes = dict(lifetimes or {})
        self._client, self._failures = open_redis(config), _failures()
        self._lock = threading.Lock()
        self._trust = Trust("", 0, suspended=True)
        self._asked = float("-inf")
        self._retry_at = float("-inf")
        self._pause = config.retry_seconds
        self.degraded: str | None = None
        self.counts = Counts("redis")

    def read_many(self, view: str, keys: Sequence[str]) -> list[Stored | None]:
        """Return the row of each key; see :class:`~movie_mlops.features.online.record.OnlineStore`.

        Raises:
            StateError: The record itself refuses.
        """
        trust = self._believed()
        if trust is None:
            self.counts.add(view, "fallback", len(keys))
            return self._record.read_many(view, keys)
        prefix = _prefix(trust, view)
        names = [prefix + key.encode() for key in keys]
        try:
            copies = [self._client.get(names[0])] if len(names) == 1 else self._client.mget(names) if names else []
        except self._failures as error:
            self._away(error)
            self.counts.add(view, "fallback", len(keys))
            return self._record.read_many(view, keys)
        opened, generation = self._opened, trust.generation
        rows = [opened(view, name, copy, generation) for name, copy in zip(names, copies, strict=True)]
        absent = [place for place, row in enumerate(rows) if row is None]
        self.counts.add(view, "hit", len(rows) - len(absent))
        if absent:
            found = self._record.read_many(view, [keys[place] for place in absent])
            for place, row in zip(absent, found, strict=True):
                rows[place] = row
            self._fill(view, trust, {keys[place]: row for place, row in zip(absent, found, strict=True) if row})
        return rows

    def publish(self, view: str, keys: Sequence[str]) -> None:
        """Hand committed rows on; where that fails, nothing that Redis holds is believed any more, anywhere."""
        if not keys:
            return
        # After the commit: whoever resumes later reads the record later, and so has these rows.
        trust = read_trust(self._record.database)
        if trust.suspended:
            self.counts.add(view, "unpublished", len(keys))
            return
        try:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                found = zip(some, self._record.read_many(view, some), strict=True)
                self._write(view, trust, {key: row for key, row in found if row})
        except self._failures as error:
            self.counts.add(view, "unpublished", len(keys))
            suspend(self._record.database, trust.generation)
            self._away(error)
            # Every reader asks the record again within a lease.
            time.sleep(self._config.lease_seconds)

    def forget(self, view: str, keys: Sequence[str]) -> int:
        """Remove the copies of keys, whose rows are gone from the record; return how many there were.

        Raises:
            FeatureError: Redis cannot be used, so that nobody knows whether they are gone.
        """
        prefix = _prefix(read_trust(self._record.database), view)
        try:
            return int(self._client.delete(*(prefix + key.encode() for key in keys)))
        except self._failures as error:
            raise FeatureError(
                f"Redis cannot be used ({type(error).__name__}), so it may still hold copies of what is gone.",
                next_step="Run the command again when Redis answers; it goes on where it stopped.",
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _believed(self) -> Trust | None:
        """Return what the record says, asked at most a lease ago; ``None`` while Redis is not to be asked."""
        began = time.monotonic()
        if began < self._retry_at:
            return None
        if began - self._asked >= self._config.lease_seconds:
            self._trust = read_trust(self._record.database)
            self._asked = began
        if self._trust.suspended or self.degraded:
            return self._probe()
        return self._trust

    def _probe(self) -> Trust | None:
        """Try Redis again; once it can be written, end a suspension."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            began = time.monotonic()
            trust = read_trust(self._record.database)
            try:
                self._client.set(f"movie-mlops:{trust.namespace}:probe", b"1", px=60_000)
            except self._failures as error:
                self._away(error)
                return None
            if trust.suspended:
                resume(self._record.database, trust.generation)
                trust = read_trust(self._record.database)
            self._trust, self._asked, self._pause = trust, began, self._config.retry_seconds
            if self.degraded:
                _LOG.warning("Redis answers again; what it held before is not believed unless the record says so.")
            self.degraded = None
            return None if trust.suspended else trust
        finally:
            self._lock.release()

    def _away(self, error: Exception) -> None:
        if not self.degraded:
            _LOG.warning("Redis cannot be used (%s); rows are read from the record.", type(error).__name__)
        self.degraded = f"Redis cannot be used ({type(error).__name__}), so rows are read from the record."
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, self._config.longest_retry_seconds)

    def _opened(self, view: str, name: bytes, copy: bytes | None, least: int) -> Stored | None:
        if copy is None:
            self.counts.add(view, "miss")
            return None
        # The name is part of what is checked: another key's copy is damaged here.
        if len(copy) >= _SHORTEST and zlib.crc32(copy, zlib.crc32(name)) == RESIDUE:
            magic, generation, stamp, written_at = _HEADER.unpack_from(copy)
            if magic == _MAGIC and generation >= least:
                return Stored(stamp, written_at, copy[_HEADER.size : -CHECK.size])
            if magic == _MAGIC:
                self.counts.add(view, "outdated")
                return None
        self.counts.add(view, "corrupt")
        _LOG.error("A copy in Redis of the view %s is damaged; the record's row is used.", view)
        # What is damaged may look newer than everything, and would then never be replaced.
        try:
            self._client.delete(name)
        except self._failures as error:
            self._away(error)
        return None

    def _fill(self, view: str, trust: Trust, rows: Mapping[str, Stored]) -> None:
        try:
            self._write(view, trust, rows)
        except self._failures as error:
            self._away(error)

    def _write(self, view: str, trust: Trust, rows: Mapping[str, Stored]) -> None:
        if not rows:
            return
        lifetime = int(1000 * self._lifetimes.get(view, self._config.lifetime_seconds))
        prefix = _prefix(trust, view)
        pipeline = self._client.pipeline(transaction=False)
        for key, row in rows.items():
            name = prefix + key.encode()
            copy = _HEADER.pack(_MAGIC, trust.generation, row.stamp, row.written_at) + row.packed
            pipeline.eval(_KEEP_NEWEST, 1, name, copy + CHECK.pack(zlib.crc32(copy, zlib.crc32(name))), lifetime)
        pipeline.execute()


def _prefix(trust: Trust, view: str) -> bytes:
    return f"movie-mlops:{trust.namespace}:{view}:".encode()


def _failures() -> tuple[type[Exception], ...]:
    """Return what a Redis that is away makes of a question; the package is there, for there is a client."""
    import redis  # noqa: PLC0415 - only who uses it needs it

    return redis.RedisError, OSError
