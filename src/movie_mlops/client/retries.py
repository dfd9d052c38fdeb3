"""When a request is sent again, and after what time."""

import random
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from movie_mlops.client.config import ClientConfig
from movie_mlops.core import clock

_AGAIN: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server wants to be left alone: a number, or until a date (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    until = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (until - clock.now()).total_seconds())


def wait_after(config: ClientConfig, tried: int, status: int | None, said: float | None) -> float | None:
    """Return how long to wait before a request is sent again; ``None`` where it is not.

    Every request of this client may be repeated: reading changes nothing, and events have ids.

    Args:
        config: The settings.
        tried: How often it was sent.
        status: What came; ``None`` where nothing did.
        said: What the server said about when to come again.
    """
    if tried >= config.tries or (status is not None and status not in _AGAIN):
        return None
    if said is not None:
        return said if said <= config.longest_wait_seconds else None
    # By chance, so that many who were sent away together do not come back together.
    wait = config.first_wait_seconds * 2.0 ** (tried - 1) * random.uniform(0.5, 1)  # noqa: S311 - nothing is secret
    return float(min(wait, config.longest_wait_seconds))
