"""What ingest may be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source.

    Attributes:
        columns: Our column name to the file's (``{"user_id": "client"}``), for ``file:`` sources;
            well-known names are recognised by themselves.
        movies: A second file with the films of a ``file:`` source: CSV, Parquet or MovieLens' ``movies.dat``.
        movie_columns: The same as ``columns``, for the file of films.
        value_scale: The lowest and the highest rating that a ``file:`` source uses, to be stretched to 0.5 to 5;
            ``None`` takes ratings as they are.
        dataset: The data set's name for a ``file:`` source; when ``None`` the file's own, or its folder's where the
            file has a name like ``ratings.csv``.
        movielens_url: The folder of the official MovieLens downloads.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    movies: Path | None = None
    movie_columns: Mapping[str, str] = field(default_factory=dict)
    value_scale: tuple[float, float] | None = None
    dataset: str | None = None
    movielens_url: str = "https://files.grouplens.org/datasets/movielens"


@dataclass(frozen=True)
class IngestConfig:
    """What the contract accepts.

    Attributes:
        rating_min: The lowest rating, in stars.
        rating_max: The highest rating, in stars.
        earliest: No interaction happened before this time; none happens in the future.
    """

    rating_min: float = 0.5
    rating_max: float = 5.0
    earliest: datetime = datetime(1990, 1, 1, tzinfo=UTC)
