"""What is told: what began, what goes on and what is over, in one message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime

from movie_mlops.core import clock


@dataclass(frozen=True)
class Told:
    """One thing that is, or was, wrong.

    Attributes:
        alert: Its name.
        severity: ``page`` or ``ticket``.
        sentence: What is wrong.
        since: When it began.
        runbook: Where it is said what to do.
    """

    alert: str
    severity: str
    sentence: str
    since: AwareDatetime
    runbook: str

    def line(self) -> str:
        """Return it for people."""
        return f"{self.alert} ({self.severity}, since {clock.to_iso(self.since)}): {self.sentence} {self.runbook}"


@dataclass(frozen=True)
class Notice:
    """A message.

    Attributes:
        at: When it was written.
        firing: What is wrong; new, or told again.
        resolved: What is over.
    """

    at: AwareDatetime
    firing: tuple[Told, ...] = ()
    resolved: tuple[Told, ...] = ()

    @property
    def subject(self) -> str:
        """Return it in one line."""
        parts = [
            f"{', '.join(dict.fromkeys(one.alert for one in told))} {what}" for what, told in self._parts() if told
        ]
        return f"movie-mlops: {'; '.join(parts)}"

    @property
    def text(self) -> str:
        """Return all of it, for people."""
        lines = [f"{what}: {one.line()}" for what, told in self._parts() for one in told]
        return "\n".join([self.subject, *lines])

    def document(self) -> Mapping[str, Any]:
        """Return all of it, for programs."""
        parts = {
            what: [{**vars(one), "since": clock.to_iso(one.since)} for one in told] for what, told in self._parts()
        }
        return {"at": clock.to_iso(self.at), **parts}

    def _parts(self) -> tuple[tuple[str, tuple[Told, ...]], ...]:
        return (("firing", self.firing), ("resolved", self.resolved))
