"""What can go wrong with features."""

from movie_mlops.core.errors import MovieMlopsError


class FeatureError(MovieMlopsError):
    """A feature cannot be computed, or the online store does not hold what it should."""

    code = "feature"
