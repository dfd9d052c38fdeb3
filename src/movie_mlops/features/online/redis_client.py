"""The one way to a Redis, for whoever keeps copies, carries events or counts requests in it."""

from typing import Any

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.features.config import RedisConfig


def open_redis(config: RedisConfig, *, patience_seconds: float | None = None) -> Any:
    """Return a client, which connects on first need and tries nothing twice.

    Args:
        config: Where it is, and how long it may take.
        patience_seconds: How long it may take where nobody waits for the answer, as beside the requests.

    Raises:
        ConfigurationError: The address cannot be used, or the package redis is not installed.
    """
    try:
        import redis  # noqa: PLC0415 - only who uses it needs it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "MOVIE_MLOPS_REDIS_URL is set, but the package redis is not installed.",
            next_step="Install it with: pip install 'movie-mlops[redis]', or take the setting away.",
        ) from error
    seconds = config.timeout_seconds if patience_seconds is None else patience_seconds
    try:
        return redis.Redis.from_url(
            config.url.get_secret_value(),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            # A second try would make every request wait twice for a Redis that is away.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigurationError(
            "MOVIE_MLOPS_REDIS_URL is no address of a Redis.",
            next_step="Write for example redis://localhost:6379/0, or rediss:// for TLS.",
        ) from error
