"""What can go wrong with a benchmark."""

from movie_mlops.core.errors import MovieMlopsError


class BenchError(MovieMlopsError):
    """A benchmark cannot be run as it was asked for, or what it measures is not what it should be."""

    code = "bench"
