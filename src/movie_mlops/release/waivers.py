"""Waivers: a named person lets one failed check of one candidate pass, for a reason and until a date, and signs it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from movie_mlops.core import report_page
from movie_mlops.core.digests import canonical_json, digest
from movie_mlops.release.errors import KeyRefusedError, WaiverError
from movie_mlops.release.gates.config import WaiverRules
from movie_mlops.release.gates.verdict import Check, Verdict
from movie_mlops.release.signing import KEY_HEX, SigningKey, is_signed

# What is signed says what it is, so that no signature made for anything else can stand here.
_CONTEXT: Final = b"movie-mlops waiver 1\n"
_MOST_BYTES: Final = 1 << 16


class Waiver(BaseModel):
    """What was waived, for which candidate, by whom, why and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str = Field(min_length=1, description="The check, as the verdict names it.")
    bundle: str | None = Field(default=None, description="The one candidate it is for.")
    model: str | None = Field(default=None, description="Or every candidate of this recipe …")
    metric: str | None = Field(default=None, description="… that is judged on this metric.")
    reason: str = Field(min_length=1, description="Why.")
    who: str = Field(min_length=1, description="The operator who signs, as config/gates.yaml names them.")
    made: date = Field(description="When it was signed.")
    until: date = Field(description="Its last day.")
    signature: str = Field(default="", description="Ed25519, over all the rest, in hex.")

    @model_validator(mode="after")
    def _names_a_candidate(self) -> "Waiver":
        if (self.bundle is None) == (self.model is None or self.metric is None):
            message = "it names neither one bundle, nor a model and a metric"
            raise ValueError(message)
        return self

    @property
    def contents(self) -> dict[str, Any]:
        """Everything but the signature, as plain data."""
        return self.model_dump(mode="json", exclude={"signature"})

    @property
    def file_name(self) -> str:
        """The name of its file: what it is for, and what it hashes to."""
        return f"{self.check}-{self.bundle or self.model}-{digest(self.contents)[:8]}.json"

    def is_for(self, verdict: Verdict) -> bool:
        """Whether it is meant for a candidate."""
        if self.bundle is not None:
            return self.bundle == verdict.bundle_id
        return (self.model, self.metric) == (verdict.candidate, verdict.metric)

    def told(self) -> dict[str, str]:
        """Return what a verdict keeps of it."""
        return {
            "who": self.who,
            "reason": self.reason,
            "made": self.made.isoformat(),
            "until": self.until.isoformat(),
            "sha256": digest({**self.contents, "signature": self.signature}),
        }


@dataclass(frozen=True)
class UnreadableWaiver:
    """A file that should be a waiver and is none.

    Attributes:
        problem: What is wrong, in a sentence.
    """

    problem: str


def make_waiver(**contents: Any) -> Waiver:
    """Return a waiver that nobody signed yet; see :class:`Waiver`.

    Raises:
        WaiverError: Something is missing.
    """
    try:
        return Waiver(**contents)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WaiverError(
            f"There can be no such waiver: {place + ': ' if place else ''}{first['msg']}.",
            next_step="Name --bundle, or --model with --metric.",
        ) from error


def sign_waiver(waiver: Waiver, key: SigningKey, rules: WaiverRules) -> Waiver:
    """Return the waiver with its signature.

    Raises:
        WaiverError: It would be refused: the key is not that of the operator, or the time is too long.
    """
    signed = waiver.model_copy(update={"signature": key.sign(_message(waiver)).hex()})
    if rules.operators.get(waiver.who) != key.public_key:
        raise WaiverError(
            f"This is not the key that config/gates.yaml has for {waiver.who!r}.",
            next_step=f"Add it under waivers.operators: {waiver.who}: {key.public_key}",
        )
    problem = why_not(signed, rules, waiver.made)
    if problem is not None:
        raise WaiverError(problem, next_step=f"Let it end within {rules.longest_days} days.")
    return signed


def write_waiver(folder: Path, waiver: Waiver) -> Path:
    """Write a signed waiver into the folder that the gate reads, and return its file."""
    path = folder / waiver.file_name
    report_page.write_whole(path, waiver.model_dump_json(indent=2, exclude_none=True) + "\n")
    return path


def read_waivers(folder: Path) -> tuple[Waiver | UnreadableWaiver, ...]:
    """Read every ``*.json`` of a folder; a file that is no waiver waives nothing and is told."""
    return tuple(_read(path) for path in sorted(folder.glob("*.json"))) if folder.is_dir() else ()


def digest_of(waivers: Iterable[Waiver | UnreadableWaiver]) -> list[str]:
    """Return what a verdict depends on: the waivers' contents."""
    return [waiver.told()["sha256"] if isinstance(waiver, Waiver) else waiver.problem for waiver in waivers]


def why_not(waiver: Waiver, rules: WaiverRules, today: date) -> str | None:
    """Return why a waiver does not count today, in a sentence, or ``None`` where it does.

    Raises:
        KeyRefusedError: The operator's public key is none.
    """
    name = f"The waiver of {waiver.check} by {waiver.who}"
    public = rules.operators.get(waiver.who)
    if public is None:
        return f"{name} does not count: config/gates.yaml knows no operator {waiver.who!r}."
    if not KEY_HEX.fullmatch(public):
        raise KeyRefusedError(
            f"{public!r} is no Ed25519 public key.",
            next_step="Give its 64 hex digits, as 'movie-mlops release operator' prints them.",
        )
    if not is_signed(public, _message(waiver), waiver.signature):
        return f"{name} does not count: it was altered, or somebody else signed it."
    if waiver.until - waiver.made > timedelta(days=rules.longest_days):
        days = (waiver.until - waiver.made).days
        return f"{name} does not count: it is for {days} days, and {rules.longest_days} are allowed."
    if today < waiver.made:
        return f"{name} does not count yet: it was signed for {waiver.made}."
    if today > waiver.until:
        return f"{name} does not count any more: it ended on {waiver.until}."
    return None


def apply_waivers(
    verdict: Verdict, waivers: Sequence[Waiver | UnreadableWaiver], rules: WaiverRules, today: date
) -> Verdict:
    """Return the verdict with the failed checks waived that may be, and why other waivers do not count.

    Args:
        verdict: What the gate found.
        waivers: What was read.
        rules: Who may waive, and for how long.
        today: The day by which they are judged.
    """
    refused: list[str] = []
    signed = [waiver for waiver in waivers if isinstance(waiver, Waiver)]
    checks = []
    for check in verdict.checks:
        waived, problems = _waived(check, verdict, signed, rules, today)
        checks.append(waived)
        refused += problems
    refused += [waiver.problem for waiver in waivers if isinstance(waiver, UnreadableWaiver)]
    return replace(verdict, checks=tuple(checks), refused_waivers=tuple(refused))


def _waived(
    check: Check, verdict: Verdict, waivers: Sequence[Waiver], rules: WaiverRules, today: date
) -> tuple[Check, list[str]]:
    """Return the check, waived where a waiver counts, and why those that were meant for it do not."""
    refused = []
    for waiver in waivers:
        if check.passed or waiver.check != check.name:
            continue
        name = f"The waiver of {waiver.check} by {waiver.who}"
        if not waiver.is_for(verdict):
            other = waiver.bundle or f"{waiver.model} on {waiver.metric}"
            refused.append(f"{name} does not count: it is for another candidate, {other}.")
        elif not check.waivable:
            refused.append(f"{name} does not count: nobody may waive this check.")
        elif problem := why_not(waiver, rules, today):
            refused.append(problem)
        else:
            return replace(check, waiver=waiver.told()), []
    return check, refused


def _read(path: Path) -> Waiver | UnreadableWaiver:
    try:
        with path.open("rb") as file:
            return Waiver.model_validate_json(file.read(_MOST_BYTES))
    except OSError as error:
        return UnreadableWaiver(f"The waiver {path.name} cannot be read ({error.strerror}).")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        return UnreadableWaiver(f"The waiver {path.name} is none: {place}: {first['msg']}.")


def _message(waiver: Waiver) -> bytes:
    return _CONTEXT + canonical_json(waiver.contents)
