"""What the API refuses, each with the HTTP status of its answer."""

from typing import Any, ClassVar

from movie_mlops.core.errors import MovieMlopsError


class ServingError(MovieMlopsError):
    """A request that cannot be answered as asked.

    Attributes:
        status: The HTTP status of the answer.
        headers: Extra headers of the answer.
        extra: Further members of the problem document.
    """

    code = "serving"
    status: ClassVar[int] = 400
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, problem: str, *, next_step: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(problem, next_step=next_step)
        self.extra = extra or {}


class BadRequestError(ServingError):
    """A parameter or a body that cannot be understood."""

    code = "bad-request"
    status = 422


class OverloadedError(ServingError):
    """More waits to be recorded than can be in time."""

    code = "overloaded"
    status = 503
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The server has more to do than it can do in time.", next_step="Send the request again in a moment."
        )


class InvalidEventsError(ServingError):
    """Events that are not as they must be; the extra member ``errors`` says what of which is wrong."""

    code = "invalid"
    status = 422


class UnknownFilmError(ServingError):
    """A film that the catalogue does not hold."""

    code = "unknown-film"
    status = 404


class UnknownRecommendationError(ServingError):
    """A recommendation that was never served here, or not kept."""

    code = "unknown-recommendation"
    status = 404


class UnknownBundleError(ServingError):
    """A bundle that is not there."""

    code = "unknown-bundle"
    status = 404


class BundleRefusedError(ServingError):
    """A bundle that may not serve: it is not whole, or nobody who is trusted signed it."""

    code = "bundle-refused"
    status = 409


class NotRecordedError(ServingError):
    """What is behind an answer is not known to this server."""

    code = "not-recorded"
    status = 404


class NoReleaseError(ServingError):
    """No release is loaded, so nothing that needs a model can be answered."""

    code = "no-release"
    status = 503
    retryable = True
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class NotSupportedError(ServingError):
    """The released model cannot do what is asked."""

    code = "not-supported"
    status = 409


class PortInUseError(MovieMlopsError):
    """The address of the server cannot be bound."""

    code = "port-in-use"


class ReleaseUnusableError(MovieMlopsError):
    """A bundle reads well but does not do what a served model must."""

    code = "release-unusable"
