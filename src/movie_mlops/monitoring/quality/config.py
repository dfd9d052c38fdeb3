"""What online quality is measured by, and what it is held to; the part ``quality`` of ``config/monitoring.yaml``."""

import math
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.core.errors import ConfigurationError

DAY_SECONDS: Final = 86_400.0
_LEAST_USERS: Final = 2


@dataclass(frozen=True)
class GuardrailBounds:
    """What must hold beside the quality itself; ``None`` does not ask for it.

    Attributes:
        fallbacks: Largest share of answers that are not personal.
        repeats: Largest share of places with a film that the same user was shown on an earlier day of the period.
        coverage: Smallest share of the catalogue that is in any list.
        novelty: Smallest mean novelty of what is shown, in bits.
        unanswered: Largest share of answers without any reaction to one of their films.
        displeased: Largest share of answers of which a film was disliked or skipped.
        empty: Largest share of answers without a film.
    """

    fallbacks: float | None = 0.5
    repeats: float | None = 0.8
    coverage: float | None = None
    novelty: float | None = None
    unanswered: float | None = None
    displeased: float | None = 0.2
    empty: float | None = 0.01

    def __post_init__(self) -> None:
        """Refuse bounds that nothing could keep or break."""
        for name, value in vars(self).items():
            most = math.inf if name == "novelty" else 1.0
            if value is not None and not 0 <= value <= most:
                raise ConfigurationError(
                    f"quality.guardrails.{name} is {value}.",
                    next_step="Give bits of at least 0." if name == "novelty" else "Give a share from 0 to 1, or null.",
                )


@dataclass(frozen=True)
class QualityConfig:
    """How the quality of what was answered is measured.

    Attributes:
        cutoff: Length of the lists in nDCG and hit rate, as in the evaluation that is compared with.
        horizon_days: What somebody does so long after an answer counts.
        days: So many days of answers are judged, the last whose horizon is over.
        level: Of the intervals.
        tolerance: So much less than was promised, as a share of it, is taken for kept: what is measured online is near
            to what was promised, and not the same.
        least_users: With fewer users a release is not judged.
        new_films: Who had met fewer films is a new user.
        most_answers: Who was given more answers a day is taken for a program and left out.
        most_events: The same for who did more things a day.
        guardrails: What must hold beside it.

    Raises:
        ConfigurationError: A number is out of range.
    """

    cutoff: int = 10
    horizon_days: float = 7.0
    days: float = 28.0
    level: float = 0.95
    tolerance: float = 0.2
    least_users: int = 100
    new_films: int = 5
    most_answers: float = 200.0
    most_events: float = 1000.0
    guardrails: GuardrailBounds = field(default_factory=GuardrailBounds)

    def __post_init__(self) -> None:
        """Refuse what cannot be measured by."""
        _require(self.cutoff >= 1, "cutoff", self.cutoff, "at least 1")
        _require(0 < self.horizon_days < math.inf, "horizon_days", self.horizon_days, "days above 0")
        _require(0 < self.days < math.inf, "days", self.days, "days above 0")
        _require(0 < self.level < 1, "level", self.level, "a share between 0 and 1")
        _require(0 <= self.tolerance < 1, "tolerance", self.tolerance, "a share of at least 0 and below 1")
        _require(self.least_users >= _LEAST_USERS, "least_users", self.least_users, f"at least {_LEAST_USERS}")
        _require(self.new_films >= 1, "new_films", self.new_films, "at least 1")
        _require(self.most_answers > 0, "most_answers", self.most_answers, "a number above 0")
        _require(self.most_events > 0, "most_events", self.most_events, "a number above 0")

    @property
    def period_days(self) -> float:
        """From the oldest answer that is looked at until now."""
        return self.days + self.horizon_days


def _require(holds: bool, name: str, value: float, allowed: str) -> None:
    if not holds:
        raise ConfigurationError(f"quality.{name} is {value}.", next_step=f"Give {allowed} in config/monitoring.yaml.")
