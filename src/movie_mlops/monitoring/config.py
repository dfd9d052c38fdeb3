"""How much is kept of what was measured, and where traces go."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MonitoringConfig:
    """Bounds of what monitoring keeps.

    Attributes:
        most_labels: So many different label sets of one reading are kept at most; further ones are refused, so that a
            label that explodes fills neither the database nor what scrapes it.
    """

    most_labels: int = 100


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
