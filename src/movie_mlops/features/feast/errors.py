"""What can go wrong with Feast."""

from movie_mlops.features.errors import FeatureError


class FeastError(FeatureError):
    """Feast is not there, refuses, or cannot do what was asked."""

    code = "feast"
