"""What serving needs of rooms that it does not import."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from movie_mlops.core.conditions import Condition
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.measures import Sample
from movie_mlops.core.nouns import Interaction
from movie_mlops.features import History
from movie_mlops.release import Graph
from movie_mlops.security.people import Consent, Purpose
from movie_mlops.serving.console import Glance


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

    def append_all(
        self, batches: Sequence[Sequence[Interaction]], places: Sequence[str | None], /
    ) -> Sequence["Appended | MovieMlopsError"]:
        """Record many batches in one commit, each all or nothing by itself, under a place in a trace each.

        When it returns, they are on disk.
        """
        ...


class Rights(Protocol):
    """What people may ask of their own data."""

    def erase(self, user_id: str, /, *, by: str) -> dict[str, Any]:
        """Erase somebody's data everywhere, and return the signed receipt."""
        ...

    def export(self, user_id: str, /) -> dict[str, Any]:
        """Return everything that is known of somebody."""
        ...

    def consents(self, user_id: str, /) -> list[Consent]:
        """Return what somebody permits, for every purpose."""
        ...

    def consent(self, user_id: str, said: Mapping[Purpose, bool], /, *, by: str) -> dict[str, Any] | None:
        """Write down what somebody permits from now on, and take out what is kept for what they do not permit.

        Purposes that are left out stay as they are. Returns the signed receipt of what was taken out, if anything was.
        """
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


class Operations(Protocol):
    """What the other rooms tell an operator; everything is read when it is asked for."""

    def glances(self) -> Sequence[Glance]:
        """Return every other stage that is there, in order, at a glance."""
        ...

    def sections(self) -> Sequence[str]:
        """Return the names of the sections that there are."""
        ...

    def section(self, name: str, /) -> Mapping[str, Any]:
        """Return what a section shows, as plain data for its template."""
        ...

    def graph_of(self, thing: str, /) -> Graph:
        """Return what is behind a thing, and what came of it."""
        ...

    def report(self, name: str, /) -> Path | None:
        """Return a report that lies on disk, as HTML; ``None`` where there is none of this name."""
        ...


class Watched(Protocol):
    """What the other rooms tell of themselves."""

    def parts(self) -> Mapping[str, Callable[[], Iterable[Sample]]]:
        """Return what reads the measures of each part; each may fail, or take long, without the others."""
        ...

    def dependencies(self) -> Mapping[str, Callable[[], Condition]]:
        """Return what looks after each thing that the server depends on; what fails or takes long has failed."""
        ...
