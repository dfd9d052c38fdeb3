"""What features there are: named, versioned views, each with the meaning and the type of its columns."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.core.digests import digest


@dataclass(frozen=True)
class Feature:
    """One column of a view.

    Attributes:
        name: The column.
        dtype: Its polars type.
        description: What it says, with its unit.
    """

    name: str
    dtype: pl.DataType
    description: str


@dataclass(frozen=True)
class FeatureView:
    """A table of features about one kind of thing.

    Attributes:
        name: The table in the lake.
        version: Grows whenever a feature changes its meaning.
        entity: What a row is about.
        description: One sentence.
        features: The columns, the entity's key aside.
    """

    name: str
    version: int
    entity: Feature
    description: str
    features: tuple[Feature, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns in order, with their types."""
        return {feature.name: feature.dtype for feature in (self.entity, *self.features)}

    def digest(self) -> str:
        """Return the SHA-256 of the definition, for the record of what a model was trained on."""
        columns = [[feature.name, str(feature.dtype), feature.description] for feature in (self.entity, *self.features)]
        return digest({"name": self.name, "version": self.version, "columns": columns})


_TIME: Final = pl.Datetime("us", "UTC")

FILM_FEATURES: Final = FeatureView(
    name="film_features",
    version=1,
    entity=Feature(MOVIE_ID, pl.Int64(), "The film."),
    description="How many know and like a film, as of a time.",
    features=(
        Feature("ratings", pl.Int64(), "Users whose latest rating is counted."),
        Feature("rating_mean", pl.Float64(), "Mean of the users' latest ratings, in stars; null without one."),
        Feature(
            "rating_mean_shrunk",
            pl.Float64(),
            "That mean drawn toward the mean of all ratings, in stars; null while nobody rated anything.",
        ),
        Feature("likes_7d", pl.Int64(), "Users whose latest word is positive and was said in the last 7 days."),
        Feature("likes_30d", pl.Int64(), "Users whose latest word is positive and was said in the last 30 days."),
        Feature("likes_all", pl.Int64(), "Users whose latest word is positive."),
        Feature("first_time", _TIME, "When the film was first met; null where no time is known."),
    ),
)
"""Everything known about each film that somebody met."""

USER_FEATURES: Final = FeatureView(
    name="user_features",
    version=1,
    entity=Feature(USER_ID, pl.String(), "The user."),
    description="How much a user does and how they rate, as of a time.",
    features=(
        Feature("interactions", pl.Int64(), "Everything that the user did."),
        Feature("positives", pl.Int64(), "Films on which the user's latest word is positive."),
        Feature("ratings", pl.Int64(), "Films that the user rated."),
        Feature("rating_mean", pl.Float64(), "Mean of the user's latest ratings, in stars; null without one."),
        Feature("rating_std", pl.Float64(), "Their population standard deviation, in stars; null without a rating."),
        Feature("last_time", _TIME, "When the user last did something; null where no time is known."),
    ),
)
"""Everything known about each user."""
