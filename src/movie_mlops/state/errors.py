"""What can go wrong with the state database."""

from movie_mlops.core.errors import MovieMlopsError


class StateError(MovieMlopsError):
    """The state database cannot be opened, or does not hold what it should."""

    code = "state"
