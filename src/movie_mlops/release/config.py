"""The choices that a release rests on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrackingConfig:
    """Where experiments are recorded.

    Attributes:
        folder: Holds ``mlflow.db`` and ``artifacts/``.
        experiment: Name of the experiment: one for each data set.
    """

    folder: Path
    experiment: str
