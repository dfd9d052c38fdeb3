"""The choices that a release rests on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GateConfig:
    """What a candidate is judged on.

    Attributes:
        metric: The per-user metric that decides.
        max_drop: Greatest share of the champion's metric that a candidate may be below it by its point estimate, even
            where the interval is too wide to tell.
    """

    metric: str = "ndcg@10"
    max_drop: float = 0.05


@dataclass(frozen=True)
class TrackingConfig:
    """Where experiments are recorded.

    Attributes:
        folder: Holds ``mlflow.db`` and ``artifacts/``.
        experiment: Name of the experiment: one for each data set.
    """

    folder: Path
    experiment: str
