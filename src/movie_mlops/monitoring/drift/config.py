"""What counts as drift."""

from dataclasses import dataclass

from movie_mlops.monitoring.drift.errors import DriftError


@dataclass(frozen=True)
class DriftConfig:
    """When a verdict may say drift.

    Attributes:
        rate: Of the features that are said to drift, at most this share does not, on average over verdicts
            (the false-discovery rate); where nothing drifts, at most this share of verdicts says that something does.
        smallest: The smallest effect that matters. An effect is the population stability index to second order: 0.1 is
            where drift is commonly looked at, 0.25 where it is acted upon.
        smallest_share: Likewise for the shares of rows without a value and of rows in new categories.
        least: So many independent users (or rows, where rows are independent) are needed on either side.
        any_dependence: Hold the rate however the features depend on each other, which costs some power; otherwise
            only where they do not go against each other.

    Raises:
        DriftError: A number is out of range.
    """

    rate: float = 0.05
    smallest: float = 0.1
    smallest_share: float = 0.05
    least: int = 100
    any_dependence: bool = True

    def __post_init__(self) -> None:
        """Refuse what would never, or always, be drift."""
        _require(0 < self.rate < 1, "rate", self.rate, "a share above 0 and below 1")
        _require(0 <= self.smallest < 4, "smallest", self.smallest, "an effect of at least 0 and below 4")  # noqa: PLR2004
        _require(0 <= self.smallest_share < 1, "smallest_share", self.smallest_share, "a share below 1")
        _require(self.least >= 20, "least", self.least, "at least 20: fewer tell nothing")  # noqa: PLR2004


def _require(holds: bool, name: str, value: float, allowed: str) -> None:
    if not holds:
        raise DriftError(f"{name} of the drift check is {value}.", next_step=f"Give {allowed}.")
