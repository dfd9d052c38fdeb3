"""What events are accepted."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class EventConfig:
    """Limits of an event.

    Attributes:
        clock_skew: How far in the future a sender's clock may put an event.
        longest_id: The most characters of an event id, a user id or a source.
    """

    clock_skew: timedelta = timedelta(minutes=5)
    longest_id: int = 256
