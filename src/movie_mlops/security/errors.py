"""What is refused, and why."""

from movie_mlops.core.errors import MovieMlopsError


class SecurityError(MovieMlopsError):
    """Something is not allowed, or cannot be trusted."""

    code = "security"


class UnfitForProductionError(SecurityError):
    """A server for production would start with secrets that can be guessed, or with a door open."""

    code = "unfit-for-production"
