"""What serving needs of rooms that it does not import."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from movie_mlops.core.nouns import Interaction
from movie_mlops.features import History
from movie_mlops.release import Graph


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


class Conductor(Protocol):
    """Who sees to what is rolled out."""

    def step(self) -> None:
        """Look how a canary does, and do what is to be done."""
        ...

    def live(self) -> list[dict[str, Any]]:
        """Return everything that is rolled out, with what is known of it now."""
        ...


class Records(Protocol):
    """What the other rooms know of how an answer came about."""

    def graph(self, recommendation_id: str, /) -> Graph:
        """Return what is behind an answer that was kept."""
        ...

    def history(self, user_id: str, /, *, until: datetime) -> History:
        """Return a user's history as it was known at a time."""
        ...

    def rebuild(self, bundle_id: str, /) -> dict[str, Any]:
        """Return whether a bundle could be made again now: ``possible``, ``problem``, ``changes``, ``command``."""
        ...
