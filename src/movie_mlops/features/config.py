"""What counts as liking a film."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Kind


def _default_weights() -> dict[Kind, float]:
    return {
        Kind.RATING: 1.0,
        Kind.LIKE: 1.0,
        Kind.WATCH: 1.0,
        Kind.DISLIKE: 0.0,
        Kind.SKIP: 0.0,
        Kind.VIEW: 0.0,
        Kind.CLICK: 0.0,
    }


@dataclass(frozen=True)
class FeedbackConfig:
    """How interactions become weights.

    Attributes:
        positive_rating: A rating of at least so many stars is a positive; a lower one is not.
        positive_watch: A watch of at least this fraction of the film is a positive, and so is one of unknown length.
        weights: What a positive of each kind weighs, at least 0; a kind that is absent weighs 0.

    Raises:
        ConfigurationError: A weight is negative or not a number.
    """

    positive_rating: float = 4.0
    positive_watch: float = 0.5
    weights: Mapping[Kind, float] = field(default_factory=_default_weights)

    def __post_init__(self) -> None:
        for kind, weight in self.weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigurationError(
                    f"The weight of the kind '{kind}' is {weight}.",
                    next_step="Give a finite number of at least 0 under feedback.weights.",
                )


@dataclass(frozen=True)
class RedisConfig:
    """The Redis that carries copies of what is served.

    Attributes:
        url: ``redis://[:password@]host:port/number``, or ``rediss://`` for TLS.
        timeout_seconds: How long one command may take; Redis is away when it takes longer.
        lease_seconds: How long a process believes Redis without asking the record whether it still may. When a change
            cannot be handed on, its acknowledgement waits for so long, once per outage.
        retry_seconds: How long Redis is left alone after it failed; doubled for each failure that follows.
        longest_retry_seconds: The end of that doubling.
        lifetime_seconds: How long a copy without a time-to-live of its own is kept.
    """

    url: SecretStr
    timeout_seconds: float = 0.1
    lease_seconds: float = 0.25
    retry_seconds: float = 0.5
    longest_retry_seconds: float = 8.0
    lifetime_seconds: float = 86_400.0
