"""Events on their way: from the log through a transport to their effects, by relays and consumers that share them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from movie_mlops.core.errors import ConfigurationError, MovieMlopsError
from movie_mlops.events.consumers import Consumer, Consuming, DeadLetters, Effect, OnlineEffect, positions
from movie_mlops.events.transports import Carries, LogSource, Relay, Source
from movie_mlops.features import RedisConfig, open_redis
from movie_mlops.flows.platform import Platform

_PATIENCE_SECONDS: Final = 5.0
"""So long Redis may take where no request waits for it."""

SourceName = Literal["log", "redis", "kafka"]


@dataclass(frozen=True)
class CarryingConfig:
    """How events are carried.

    Attributes:
        source: Where consumers take them.
        redis: The Redis of the source ``redis``.
        kafka: The brokers of the source ``kafka``, as ``host:port,host:port``.
        take_over_seconds: What a consumer took and did not finish for so long, another takes over.
    """

    source: SourceName = "log"
    redis: RedisConfig | None = None
    kafka: str | None = None
    take_over_seconds: float = 5.0


class Carrying:
    """The relay and the consumers of one worker.

    Args:
        platform: The stores.
        name: Of the worker; another's in every process.
        config: How events are carried.

    Raises:
        ConfigurationError: The transport is not configured, or its package is not installed.
    """

    def __init__(self, platform: Platform, name: str, config: CarryingConfig | None = None) -> None:
        self._platform = platform
        config = config or CarryingConfig()
        effects = effects_of(platform)
        self._consumers = [Consumer(platform.database, effect) for effect in effects]
        transport, self._source = _transport(platform, name, config, lambda: self._consumed() or 0)
        self._relay = None if transport is None else Relay(platform.events, transport, self._consumed)
        self._consuming = Consuming(platform.database, platform.events, self._consumers, self._source)
        self._does_nothing = transport is None and not effects

    def once(self) -> int:
        """Send on and make the effect of whatever there is now; return how many events had their effect made here."""
        if self._does_nothing:
            return 0
        made = 0
        while self._relay is not None and self._relay.turn():
            pass
        while (done := self._consuming.turn(0.2 if self._relay else 0.0)).deliveries:
            made += sum(done.made.values())
        return made + self._consuming.sweep()

    @contextmanager
    def beside(
        self, stop: threading.Event, *, on_error: Callable[[MovieMlopsError], None] = lambda _error: None
    ) -> Iterator[None]:
        """Do all of that in threads while the block runs; ``stop`` must be set when it ends."""
        threads = []
        if not self._does_nothing:
            threads.append(threading.Thread(target=lambda: self._consuming.work(stop, on_error=on_error)))
        relay = self._relay
        if relay is not None:
            threads.append(threading.Thread(target=lambda: relay.work(stop, on_error=on_error)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            close = getattr(self._source, "close", None)
            if close is not None:
                close()

    def _consumed(self) -> int | None:
        """Return how far every consumer is that is at work here; ``None`` where there is none."""
        there = positions(self._platform.database)
        return min((there.get(each.effect.name, 0) for each in self._consumers), default=None)


def effects_of(platform: Platform) -> list[Effect]:
    """Return what workers make of events."""
    return [OnlineEffect(platform.events)] if platform.config.events.effects == "by-workers" else []


def dead_letters(platform: Platform) -> DeadLetters:
    """Return the dead letters; they can be retried whoever sees to effects now."""
    return DeadLetters(platform.database, [OnlineEffect(platform.events)])


def stream_of(platform: Platform, redis: RedisConfig) -> Carries:
    """Return the stream of a data set's events in Redis."""
    from movie_mlops.events.transports import redis_streams  # noqa: PLC0415 - only where there is one

    return redis_streams.RedisStream(open_redis(redis, patience_seconds=_PATIENCE_SECONDS), platform.events.name)


def _transport(
    platform: Platform, name: str, config: CarryingConfig, consumed: Callable[[], int]
) -> tuple[Carries | None, Source]:
    log = platform.events
    if config.source == "redis":
        from movie_mlops.events.transports import redis_streams  # noqa: PLC0415 - only where there is one

        if config.redis is None:
            raise ConfigurationError(
                "The source is redis, but no Redis is named.", next_step="Set MOVIE_MLOPS_REDIS_URL."
            )
        source = redis_streams.RedisSource(
            open_redis(config.redis, patience_seconds=_PATIENCE_SECONDS),
            log.name,
            name,
            take_over_seconds=config.take_over_seconds,
        )
        return stream_of(platform, config.redis), source
    if config.source == "kafka":
        from movie_mlops.events.transports import kafka  # noqa: PLC0415 - only where there is one

        if config.kafka is None:
            raise ConfigurationError(
                "The source is kafka, but no brokers are named.", next_step="Set MOVIE_MLOPS_KAFKA_SERVERS."
            )
        return kafka.KafkaTopic(config.kafka, log.name, platform.database), kafka.KafkaSource(config.kafka, log.name)
    return None, LogSource(log, consumed)
