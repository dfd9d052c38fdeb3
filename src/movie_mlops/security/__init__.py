"""Security: who may do what, and what is on record of it."""

from movie_mlops.security.errors import SecurityError

__all__ = ["SecurityError"]
