"""How large the simulated audience is, and when it lived."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from movie_mlops.core.errors import ConfigurationError

# Taste is what differs between users; films arrive from the fifth week on.
_USERS: Final = 2
_DAYS: Final = 35


@dataclass(frozen=True)
class SampleConfig:
    """The size, the period and the seed of the simulated audience.

    Attributes:
        seed: Where all randomness starts; the same seed gives the same audience.
        users: How many people there are at the end.
        days: How many days the period has.
        end: The period's end (aware, exclusive). A fixed date, so that every run gives the same time stamps.
        interactions: How many interactions there are; fewer only where the users do not find that many
            films to their taste.

    Raises:
        ConfigurationError: A number is too small, or ``end`` has no time zone.
    """

    seed: int = 2025
    users: int = 3_000
    days: int = 730
    end: datetime = datetime(2025, 7, 1, tzinfo=UTC)
    interactions: int = 160_000

    def __post_init__(self) -> None:
        """Refuse an audience that cannot be simulated."""
        if self.seed < 0 or self.users < _USERS or self.days < _DAYS or self.interactions < 1:
            raise ConfigurationError(
                f"An audience of {self.users} users, {self.days} days and {self.interactions} interactions "
                f"from the seed {self.seed} cannot be simulated.",
                next_step=f"Ask for at least {_USERS} users, {_DAYS} days, 1 interaction and a seed from 0.",
            )
        if self.end.tzinfo is None:
            raise ConfigurationError(
                f"The end of the period, {self.end.isoformat()}, has no time zone.",
                next_step="Write it with one, for example datetime(2025, 7, 1, tzinfo=UTC).",
            )

    @property
    def start(self) -> datetime:
        """The period's start (aware, inclusive)."""
        return self.end - timedelta(days=self.days)
