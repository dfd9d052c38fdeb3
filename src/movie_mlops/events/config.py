"""What events are accepted, and how they are carried."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from movie_mlops.core.contract import CLOCK_SKEW, LONGEST_NAME


@dataclass(frozen=True)
class EventConfig:
    """Limits of an event, and what becomes of it.

    Attributes:
        effects: ``at-once``: an event is in its user's history and features before it is acknowledged. ``by-workers``:
            it is on disk, and a worker brings it there within milliseconds, so that many more are taken a second.
        clock_skew: How far in the future a sender's clock may put an event.
        longest_id: The most characters of an event id, a user id or a source.
    """

    effects: Literal["at-once", "by-workers"] = "at-once"
    clock_skew: timedelta = CLOCK_SKEW
    longest_id: int = LONGEST_NAME
