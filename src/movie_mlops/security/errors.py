"""What is refused, and why."""

from movie_mlops.core.errors import MovieMlopsError


class SecurityError(MovieMlopsError):
    """Something is not allowed, or cannot be trusted."""

    code = "security"
