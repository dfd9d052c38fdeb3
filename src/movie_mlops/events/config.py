"""What events are accepted."""

from dataclasses import dataclass
from datetime import timedelta

from movie_mlops.core.contract import CLOCK_SKEW, LONGEST_NAME


@dataclass(frozen=True)
class EventConfig:
    """Limits of an event.

    Attributes:
        clock_skew: How far in the future a sender's clock may put an event.
        longest_id: The most characters of an event id, a user id or a source.
    """

    clock_skew: timedelta = CLOCK_SKEW
    longest_id: int = LONGEST_NAME
