"""Everything that was measured of one period, as plain data that a report and a program can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.monitoring.quality.config import QualityConfig
from movie_mlops.monitoring.quality.delays import Early
from movie_mlops.monitoring.quality.figures import EVERYTHING, MEASURES, Figure, Tally
from movie_mlops.monitoring.quality.verdict import Check, Promise, State

GROUPS: Final = (EVERYTHING, "release", "arm", "users", "source", "time", "genre", "promise", "day and release")

Figures = Mapping[str, Mapping[str, Mapping[str, Figure]]]
"""By group, member and measure."""


@dataclass(frozen=True)
class Quality:
    """What the answers of a period were worth.

    Attributes:
        at: When it was measured.
        since: From when on answers were looked at.
        config: By what.
        answers: How many answers to users were looked at.
        users: How many users had them.
        final: How many of the answers are older than the horizon; only they are in the figures of quality.
        kept: Of how many answers it was kept before what came of them; the others were joined now.
        left_out: How many answers were not looked at, by reason.
        programs: Users that were taken for programs, the busiest first, a few of them.
        figures: What was measured.
        early: What the young answers add; ``None`` while it cannot be estimated.
        exposure: Coverage of the catalogue, novelty in bits and the Gini coefficient of what was shown.
        promises: What was promised, by release.
        checks: What was held to something.
        state: How everything stands.
    """

    at: datetime
    since: datetime
    config: QualityConfig
    answers: int
    users: int
    final: int
    kept: int
    left_out: Mapping[str, int]
    programs: Sequence[str]
    figures: Figures
    early: Early | None
    exposure: Mapping[str, float]
    promises: Mapping[str, Promise]
    checks: Sequence[Check]
    state: State

    def figure(self, measure: str, group: str = EVERYTHING, member: str = EVERYTHING) -> Figure | None:
        """Return one figure, or ``None`` where there was nothing to measure."""
        return self.figures.get(group, {}).get(member, {}).get(measure)

    @property
    def sentence(self) -> str:
        """How everything stands, for people."""
        bad = [check.name for check in self.checks if check.state is State.BELOW]
        if bad:
            return f"Not as it should be: {', '.join(bad)}."
        if self.state is State.OK:
            return "Online quality is what was promised, and what is beside it holds."
        return "Online quality cannot be judged yet: there is too little to go by."

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "at": clock.to_iso(self.at),
            "since": clock.to_iso(self.since),
            "horizon_days": self.config.horizon_days,
            "days": self.config.days,
            "state": self.state.value,
            "sentence": self.sentence,
            "answers": self.answers,
            "users": self.users,
            "final": self.final,
            "kept": self.kept,
            "left_out": dict(self.left_out),
            "programs": list(self.programs),
            "figures": {
                group: {
                    member: {measure: figure.to_json() for measure, figure in measured.items()}
                    for member, measured in members.items()
                }
                for group, members in self.figures.items()
            },
            "early": None if self.early is None else vars(self.early),
            "exposure": dict(self.exposure),
            "promises": {release: vars(promise) for release, promise in self.promises.items()},
            "checks": [check.to_json() for check in self.checks],
        }


def figures_of(tally: Tally, level: float) -> Figures:
    """Return every figure of a tally."""
    found: dict[str, dict[str, dict[str, Figure]]] = {}
    for group in GROUPS:
        for measure in MEASURES:
            for member, figure in tally.figures(measure, group, level=level).items():
                found.setdefault(group, {}).setdefault(member, {})[measure] = figure
    return found
