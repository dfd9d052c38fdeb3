"""What serving needs of rooms that it does not import."""

from collections.abc import Sequence
from typing import Protocol

from movie_mlops.core.nouns import Interaction


class Appended(Protocol):
    """What became of a batch of events."""

    @property
    def accepted(self) -> int:
        """How many were new."""
        ...

    @property
    def duplicates(self) -> int:
        """How many were recorded before."""
        ...


class EventSink(Protocol):
    """Where events go."""

    def append(self, interactions: Sequence[Interaction], /) -> Appended:
        """Record a batch, all or nothing; when it returns, the next history that is read reflects it."""
        ...
