"""The verdict on a window: which of all its columns drifted, at one rate of false discoveries over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from movie_mlops.monitoring.drift.config import DriftConfig
from movie_mlops.monitoring.drift.counting import Group, counted
from movie_mlops.monitoring.drift.discovery import adjusted
from movie_mlops.monitoring.drift.errors import DriftError
from movie_mlops.monitoring.drift.findings import Finding, findings_of, unjudged
from movie_mlops.monitoring.drift.reference import Reference

_SAME_LENGTH = 0.1
_NAMED = 4


@dataclass(frozen=True)
class Verdict:
    """What became of a window.

    Attributes:
        findings: Of each column, what was found; what drifted first, the strongest first of all.
        config: What counted as drift.
        rows: How many rows were looked at, those of all groups together.
    """

    findings: tuple[Finding, ...]
    config: DriftConfig
    rows: int

    @property
    def outcome(self) -> Literal["drift", "none", "cannot be judged"]:
        """Drift, none, or nothing that could be judged."""
        if self.drifting:
            return "drift"
        return "none" if self.judged else "cannot be judged"

    @property
    def drifting(self) -> tuple[Finding, ...]:
        """What drifted."""
        return tuple(finding for finding in self.findings if finding.status == "drift")

    @property
    def judged(self) -> tuple[Finding, ...]:
        """What could be judged."""
        return tuple(finding for finding in self.findings if finding.judged)

    @property
    def unjudged(self) -> tuple[Finding, ...]:
        """What could not."""
        return tuple(finding for finding in self.findings if not finding.judged)

    @property
    def features(self) -> int:
        """How many columns drift, whatever of them does."""
        return len({(finding.group, finding.column) for finding in self.drifting})

    @property
    def judged_features(self) -> int:
        """How many columns could be judged."""
        return len({(finding.group, finding.column) for finding in self.judged})

    @property
    def short_sentence(self) -> str:
        """The verdict for people, without the names of what drifted."""
        if self.outcome == "cannot be judged":
            why = self.findings[0].reason if self.findings else "nothing is compared"
            return f"Drift cannot be judged: {why}."
        of_them = f"{self.judged_features:,} feature{'s' if self.judged_features != 1 else ''}"
        if self.outcome == "none":
            return f"No drift: none of {of_them} differs by more than matters."
        return f"Drift: {self.features:,} of {of_them} differ by more than matters."

    @property
    def sentence(self) -> str:
        """The verdict for people, with the names."""
        names = "; ".join(finding.sentence.rstrip(".") for finding in self.drifting[:_NAMED])
        more = f"; and {len(self.drifting) - _NAMED:,} more" if len(self.drifting) > _NAMED else ""
        return f"{self.short_sentence} {names}{more}." if names else self.short_sentence

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "verdict": self.outcome,
            "sentence": self.sentence,
            "features": self.features,
            "rows": self.rows,
            "config": vars(self.config),
            "findings": [finding.to_json() for finding in self.findings],
        }


def judge(
    reference: Reference, live: Sequence[Group], *, days: float | None = None, config: DriftConfig | None = None
) -> Verdict:
    """Compare a window with the reference.

    Args:
        reference: What is remembered.
        live: The same groups of the window.
        days: How long the window is; columns that depend on it are not judged where the reference's length is another.
            ``None``: as long as the reference.
        config: What counts as drift.

    Raises:
        DriftError: A column holds neither numbers nor names.
    """
    config = config or DriftConfig()
    found: list[Finding] = []
    rows, given = 0, {group.name: group for group in live}
    same_length = days is None or abs(days - reference.days) <= _SAME_LENGTH * reference.days
    for name, group in reference.groups.items():
        if group.of_length and not same_length:
            why = f"the window has {days:.3g} days, and the reference had {reference.days:.3g}"
            found += [unjudged(name, column, why) for column in group.columns]
            continue
        if name not in given:
            found += [unjudged(name, column, "there are no rows") for column in group.columns]
            continue
        columns = counted(given[name])
        rows += max((column.count.rows for column in columns.values()), default=0)
        for column, known in group.columns.items():
            if column not in columns:
                found.append(unjudged(name, column, "the window has no such column"))
                continue
            found += findings_of(known, columns[column], group=name, column=column, config=config)
    return Verdict(_decided(found, config), config, rows)


def _decided(found: list[Finding], config: DriftConfig) -> tuple[Finding, ...]:
    """Return the findings with the false-discovery rate over all of them, in order."""
    judged = [finding for finding in found if finding.judged]
    rates = adjusted(np.array([finding.p_value for finding in judged]), any_dependence=config.any_dependence)
    decided = [
        replace(finding, rate=float(rate), status="drift" if rate <= config.rate else "steady")
        for finding, rate in zip(judged, rates, strict=True)
    ]
    decided.sort(key=lambda finding: (finding.status != "drift", finding.rate, -abs(finding.effect), finding.name))
    return (*decided, *(finding for finding in found if not finding.judged))


def together(*references: Reference) -> Reference:
    """Return one reference with the groups of several; the window is that of the first.

    Raises:
        DriftError: Two have a group of one name.
    """
    groups = {name: group for reference in references for name, group in reference.groups.items()}
    if len(groups) < sum(len(reference.groups) for reference in references):
        raise DriftError("Two references have a group of one name.", next_step="Name them apart.")
    return replace(references[0], groups=groups)
