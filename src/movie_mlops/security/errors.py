"""What is refused, and why."""

from movie_mlops.core.errors import MovieMlopsError


class SecurityError(MovieMlopsError):
    """Something is not allowed, or cannot be trusted."""

    code = "security"


class ErasureError(SecurityError):
    """An erasure cannot be begun, or cannot go on now."""

    code = "erasure"
