"""How much is kept of what was measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MonitoringConfig:
    """Bounds of what monitoring keeps.

    Attributes:
        most_labels: So many different label sets of one reading are kept at most; further ones are refused, so that a
            label that explodes fills neither the database nor what scrapes it.
    """

    most_labels: int = 100
