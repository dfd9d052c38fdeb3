"""What can go wrong while watching."""

from movie_mlops.core.errors import MovieMlopsError


class MonitoringError(MovieMlopsError):
    """What was asked to be watched cannot be."""

    code = "monitoring"
