"""How much is kept of what was measured, how old things may be, and where traces go."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from movie_mlops.monitoring.errors import MonitoringError

_DAY: Final = 86_400.0
_STILL: Final = (
    "sample",
    "ml-100k",
    "ml-1m",
    "ml-10m",
    "ml-20m",
    "ml-25m",
    "ml-32m",
    "ml-latest-small",
    "ml-latest",
)


@dataclass(frozen=True)
class MonitoringConfig:
    """Bounds of what monitoring keeps.

    Attributes:
        most_labels: So many different label sets of one reading are kept at most; further ones are refused, so that a
            label that explodes fills neither the database nor what scrapes it.
    """

    most_labels: int = 100


@dataclass(frozen=True)
class FreshnessConfig:
    """How old things may be before somebody is told.

    Attributes:
        data_days: Rows are meant to come into the lake at least so often; ``None``: they may stay away.
        features_days: The online store is meant to be made from the lake so often.
        model_days: A champion is meant to be younger.
        readings_days: What jobs measure is meant to be measured so often.
        still: Data sets that were taken once and stand still: nothing of them is too old.

    Raises:
        MonitoringError: A number of days is none.
    """

    data_days: float | None = 2.0
    features_days: float | None = 2.0
    model_days: float | None = 30.0
    readings_days: float | None = 2.0
    still: tuple[str, ...] = _STILL

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        for name, days in self._days().items():
            if days is not None and not (math.isfinite(days) and days > 0):
                raise MonitoringError(
                    f"freshness.{name}_days is {days}.", next_step="Give a number of days above 0, or null."
                )

    def bounds(self, dataset: str) -> dict[str, float]:
        """Return the most seconds of each age that is minded in a data set."""
        if dataset in self.still:
            return {}
        return {name: days * _DAY for name, days in self._days().items() if days is not None}

    def _days(self) -> Mapping[str, float | None]:
        return {
            "data": self.data_days,
            "features": self.features_days,
            "model": self.model_days,
            "readings": self.readings_days,
        }


@dataclass(frozen=True)
class TraceConfig:
    """Where traces go, and how much of them.

    Attributes:
        address: The collector's, which takes OTLP over HTTP.
        ratio: The share of the traces that begin here which is sampled, from 0 to 1. Of those that began elsewhere
            it was decided there.
        most_waiting: So many spans may wait to be sent; further ones are dropped, and counted.
        every_seconds: They are sent this often, or sooner where many wait.
        patience_seconds: How long the collector is waited for.
    """

    address: str
    ratio: float = 1.0
    most_waiting: int = 2048
    every_seconds: float = 1.0
    patience_seconds: float = 2.0
