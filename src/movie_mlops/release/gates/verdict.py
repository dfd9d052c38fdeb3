"""What the gate says: checks with sentences, and the verdict that they make."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, Self

Gate = Literal["data", "model", "code"]
GATES: Final[tuple[Gate, ...]] = ("data", "model", "code")
Word = Literal["pass", "FAIL", "waived", "note"]


@dataclass(frozen=True)
class Part:
    """One of several things that a check looked at, such as a segment.

    Attributes:
        name: Which.
        passed: Whether it is as it must be.
        estimate: What was found; ``None`` where there was too little to tell.
        low: Lower end of its interval.
        high: Upper end.
        count: How many users or rows that rests on.
    """

    name: str
    passed: bool
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Check:
    """One thing that a release must do.

    Attributes:
        name: Short and stable, such as ``beats-popular``, ``segments`` or ``clean-commit``; a waiver names it.
        passed: Whether it does.
        estimate: What was found.
        low: Lower end of its interval, where it has one.
        high: Upper end.
        sentence: The same for a reader.
        gate: To which of the three gates it belongs.
        limit: What was allowed.
        judged: Whether there was anything to judge; what is not judged passes, and says why.
        waivable: Whether anybody may waive it.
        parts: What it looked at one by one.
        waiver: Who waived it, why and until when; ``None`` where nobody did.
    """

    name: str
    passed: bool
    estimate: float | None
    low: float | None
    high: float | None
    sentence: str
    gate: Gate = "model"
    limit: float | None = None
    judged: bool = True
    waivable: bool = True
    parts: tuple[Part, ...] = ()
    waiver: Mapping[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether it does not stand in the way: it passed, or somebody waived it."""
        return self.passed or self.waiver is not None

    @property
    def word(self) -> Word:
        """What became of it, in a word."""
        if not self.passed:
            return "FAIL" if self.waiver is None else "waived"
        return "pass" if self.judged else "note"


def unjudged(name: str, sentence: str, *, gate: Gate = "model") -> Check:
    """Return a check that found nothing to judge."""
    return Check(name, passed=True, estimate=None, low=None, high=None, sentence=sentence, gate=gate, judged=False)


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a candidate.

    Attributes:
        candidate: Name of the model.
        case: Name of the split that it was judged on.
        metric: The metric that decides.
        value: The candidate's own mean.
        users: Number of users that it was judged on.
        checks: Everything that was asked of it.
        bundle_id: What would serve; ``None`` where only scores were judged.
        judged_at: When (RFC 3339); ``None`` likewise.
        refused_waivers: Why each waiver that was meant for this candidate does not count.
    """

    candidate: str
    case: str
    metric: str
    value: float
    users: int
    checks: tuple[Check, ...]
    bundle_id: str | None = None
    judged_at: str | None = None
    refused_waivers: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing stands in the way."""
        return all(check.holds for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """What stands in the way."""
        return tuple(check for check in self.checks if not check.holds)

    @property
    def waived(self) -> tuple[Check, ...]:
        """What would, had nobody waived it."""
        return tuple(check for check in self.checks if check.word == "waived")

    def of(self, gate: Gate) -> tuple[Check, ...]:
        """Return the checks of one of the three gates."""
        return tuple(check for check in self.checks if check.gate == gate)

    def plus(self, checks: Iterable[Check]) -> Self:
        """Return the verdict with more checks, ordered by gate."""
        every = (*self.checks, *checks)
        return replace(self, checks=tuple(sorted(every, key=lambda check: GATES.index(check.gate))))

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain data; what is not a number is ``None``."""
        document: dict[str, Any] = _plain({"passed": self.passed, **asdict(self)})
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the verdict that :meth:`to_json` gave."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        known["value"] = math.nan if known["value"] is None else known["value"]
        known["checks"] = tuple(
            Check(**{**check, "parts": tuple(Part(**part) for part in check.get("parts", ()))})
            for check in document["checks"]
        )
        known["refused_waivers"] = tuple(document.get("refused_waivers", ()))
        return cls(**known)

    @property
    def head(self) -> str:
        """The verdict in one sentence."""
        word = "passes" if self.passed else "does not pass"
        leave = f", with {len(self.waived)} waived" if self.waived else ""
        return (
            f"{self.candidate} {word} the gate{leave}: {self.metric} {self.value:.4f} on {self.users:,} users of"
            f" {self.case}."
        )

    def to_text(self) -> str:
        """Return the verdict as lines for a person."""
        return "\n".join(
            [
                self.head,
                *(f"  {check.word:<4}  {told(check)}" for check in self.checks),
                *(f"  {reason}" for reason in self.refused_waivers),
            ]
        )


def told(check: Check) -> str:
    """Return a check's sentence, with who waived it."""
    if check.waiver is None:
        return check.sentence
    return (
        f"{check.sentence} Waived by {check.waiver['who']} until {check.waiver['until']}:"
        f" {str(check.waiver['reason']).rstrip('.')}."
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
