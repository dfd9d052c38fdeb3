"""What is known of a canary and of the champion beside it, in one stage."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Self


@dataclass(frozen=True)
class ArmCounts:
    """What one arm did and what came of it.

    Attributes:
        answers: How many lists it was asked for.
        errors: How many of them it could not give.
        slow: How many took too long.
        popular: How many were not personal.
        people: How many different users got one.
        judged: Users whose time to respond is over.
        pleased: How many of these liked a film of their lists.
        displeased: How many of these disliked or skipped one.
    """

    answers: int = 0
    errors: int = 0
    slow: int = 0
    popular: int = 0
    people: int = 0
    judged: int = 0
    pleased: int = 0
    displeased: int = 0

    def __add__(self, other: Self) -> "ArmCounts":
        return ArmCounts(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    def to_json(self) -> Mapping[str, int]:
        """Return the counts as plain data."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class Observed:
    """What servers and the event log say of a stage.

    Attributes:
        control: The users who still have the champion.
        canary: Those who have the candidate.
        last_report: When a server was heard of last; ``None`` where none was in this stage.
        unable: Why servers cannot answer with the candidate, each reason once.
        lost: How many answers of the stage could not be kept.
    """

    control: ArmCounts = ArmCounts()
    canary: ArmCounts = ArmCounts()
    last_report: datetime | None = None
    unable: tuple[str, ...] = ()
    lost: int = 0


@dataclass(frozen=True)
class Guard:
    """What is guarded.

    Attributes:
        what: The counts that it is the rate of.
        of: Of which counts.
        bad: 1 where more is worse, -1 where less is.
        sentence: What it is, for people.
    """

    what: str
    of: str
    bad: int
    sentence: str


GUARDS: Final[Mapping[str, Guard]] = {
    "errors": Guard("errors", "answers", 1, "answers that failed"),
    "slow": Guard("slow", "answers", 1, "answers that were slow"),
    "popular": Guard("popular", "answers", 1, "answers that were not personal"),
    "displeased": Guard("displeased", "judged", 1, "users who disliked or skipped a film of their lists"),
    "pleased": Guard("pleased", "judged", -1, "users who liked a film of their lists"),
}
