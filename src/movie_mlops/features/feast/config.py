"""How a Feast repository is laid out, and where Feast is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class RepositoryConfig:
    """What ``feature_store.yaml`` says.

    Attributes:
        project: Feast's name for the repository.
        offline: The engine of historical retrieval.
        redis: Where the online store is, as ``host:port``; ``None`` for a SQLite file in the repository.
    """

    project: str = "movie_mlops"
    offline: Literal["duckdb", "file"] = "duckdb"
    redis: str | None = None


@dataclass(frozen=True)
class FeastConfig:
    """Where Feast is.

    Attributes:
        python: The Python of Feast's environment, as ``scripts/setup/setup_feast.sh`` makes it.
        repository: How the repository is laid out.
        patience_seconds: How long one request may take before Feast is given up.
    """

    python: Path
    repository: RepositoryConfig = RepositoryConfig()
    patience_seconds: float = 600
