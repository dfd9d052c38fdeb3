"""What is refused, and why."""

from typing import ClassVar

from movie_mlops.core.errors import MovieMlopsError


class SecurityError(MovieMlopsError):
    """Something is not allowed, or cannot be trusted."""

    code = "security"


class UnfitForProductionError(SecurityError):
    """A server for production would start with secrets that can be guessed, or with a door open."""

    code = "unfit-for-production"


class ApiKeyError(SecurityError):
    """An API key that is not there, or cannot be made as asked."""

    code = "api-key"


class AccountError(SecurityError):
    """An account that is not there, or cannot be made as asked."""

    code = "account"


class AccessError(SecurityError):
    """A request that is not let through.

    Attributes:
        status: The HTTP status of the answer.
        wait_seconds: After how many whole seconds to ask again, where that may help.
    """

    status: ClassVar[int] = 403

    def __init__(self, problem: str, *, next_step: str, wait_seconds: int = 1) -> None:
        super().__init__(problem, next_step=next_step)
        self.wait_seconds = wait_seconds


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


class TooManyUsersError(TooManyRequestsError):
    """Whoever asks has asked for as many different users as they may for now."""

    code = "too-many-users"


class CredentialsUnreadableError(AccessError):
    """Whether a key or a token holds cannot be told at the moment."""

    code = "credentials-unreadable"
    status = 503
    retryable = True


class ErasureError(SecurityError):
    """An erasure cannot be begun, or cannot go on now."""

    code = "erasure"
