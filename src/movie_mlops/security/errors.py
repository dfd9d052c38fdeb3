"""What is refused, and why."""

from typing import ClassVar

from movie_mlops.core.errors import MovieMlopsError


class SecurityError(MovieMlopsError):
    """Something is not allowed, or cannot be trusted."""

    code = "security"


class ApiKeyError(SecurityError):
    """An API key that is not there, or cannot be made as asked."""

    code = "api-key"


class AccessError(SecurityError):
    """A request that is not let through.

    Attributes:
        status: The HTTP status of the answer.
    """

    status: ClassVar[int] = 403


class UnauthorisedError(AccessError):
    """Whoever asks has not shown who they are, or with something that does not hold."""

    code = "unauthorised"
    status = 401


class ForbiddenError(AccessError):
    """Whoever asks may not do this."""

    code = "forbidden"
    status = 403


class AdminShutError(AccessError):
    """Routes that always want somebody are shut, because nobody can show who they are."""

    code = "admin-shut"
    status = 403


class TooManyRequestsError(AccessError):
    """Whoever asks has asked as much as they may for now."""

    code = "too-many-requests"
    status = 429
    retryable = True


class CredentialsUnreadableError(AccessError):
    """Whether a key or a token holds cannot be told at the moment."""

    code = "credentials-unreadable"
    status = 503
    retryable = True
