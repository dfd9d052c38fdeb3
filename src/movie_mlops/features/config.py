"""What counts as liking a film."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Kind

_VALUED: Final = (Kind.RATING, Kind.WATCH)
"""The kinds whose value says whether they are for or against a film."""


def _nothing_against() -> dict[Kind, float]:
    return dict.fromkeys((Kind.RATING, Kind.WATCH, Kind.DISLIKE, Kind.SKIP), 0.0)


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
class MemoryConfig:
    """How much memory is taken while the features of everybody are computed; the features are the same.

    Attributes:
        at_once: About so many bytes for what is computed at once; ``None``: an eighth of what is left.
        folder: Where lies what was computed and is not written yet; ``None``: where the system keeps temporary files,
            which may be memory.
    """

    at_once: int | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class FeedbackConfig:
    """How interactions become weights.

    Attributes:
        positive_rating: A rating of at least so many stars is a positive; a lower one is not.
        positive_watch: A watch of at least this fraction of the film is a positive, and so is one of unknown length.
        weights: What a positive of each kind weighs, at least 0; a kind that is absent weighs 0.
        graded_watch: Whether a watch that is a positive weighs its fraction of the film times its weight; one of
            unknown length weighs as a whole one.
        negative_rating: A rating of at most so many stars is evidence against the film.
        negative_watch: So is a watch of at most this fraction.
        against: How much evidence against a film each kind is, at least 0: its weight is that number below zero. A kind
            that is absent is none. Models train on positives alone, and use such evidence when they score.

    Raises:
        ConfigurationError: A weight is negative or not a number, a kind without a value is both for and against, or
            what is against begins where what is for does.
    """

    positive_rating: float = 4.0
    positive_watch: float = 0.5
    weights: Mapping[Kind, float] = field(default_factory=_default_weights)
    graded_watch: bool = False
    negative_rating: float = 2.0
    negative_watch: float = 0.1
    against: Mapping[Kind, float] = field(default_factory=_nothing_against)

    def __post_init__(self) -> None:
        for name, weights in (("weights", self.weights), ("against", self.against)):
            for kind, weight in weights.items():
                if not (math.isfinite(weight) and weight >= 0):
                    raise ConfigurationError(
                        f"The weight of the kind '{kind}' is {weight}.",
                        next_step=f"Give a finite number of at least 0 under feedback.{name}.",
                    )
        if self.weights.get(Kind.WITHDRAW, 0) > 0 or self.against.get(Kind.WITHDRAW, 0) > 0:
            raise ConfigurationError(
                "The kind 'withdraw' takes a word back, so it cannot weigh anything.",
                next_step="Leave it out under feedback.weights and feedback.against.",
            )
        for kind in Kind:
            if kind not in _VALUED and self.weights.get(kind, 0) > 0 and self.against.get(kind, 0) > 0:
                raise ConfigurationError(
                    f"The kind '{kind}' counts for and against a film.",
                    next_step="Set it to 0 under feedback.weights or under feedback.against.",
                )
        for kind in _VALUED:
            positive, negative = (getattr(self, f"{way}_{kind.value}") for way in ("positive", "negative"))
            if self.against.get(kind, 0) > 0 and negative >= positive:
                raise ConfigurationError(
                    f"A {kind} of {negative:g} counts against a film, and one of {positive:g} for it.",
                    next_step=f"Set feedback.negative_{kind} below feedback.positive_{kind}.",
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
