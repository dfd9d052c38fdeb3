"""What can go wrong with features."""

from movie_mlops.core.errors import MovieMlopsError


class FeatureError(MovieMlopsError):
    """A feature cannot be computed, or the online store does not hold what it should."""

    code = "feature"


class DefinitionError(FeatureError):
    """A view or a feature is declared in a way that cannot be meant."""

    code = "feature-definition"


class UnknownFeatureError(FeatureError):
    """There is no view or feature of this name."""

    code = "unknown-feature"
