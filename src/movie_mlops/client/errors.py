"""What a client raises."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from movie_mlops.client.shapes import Wrong
from movie_mlops.core.errors import MovieMlopsError


class ApiError(MovieMlopsError):
    """The server refused a request, and said why in a problem document (RFC 9457).

    Attributes:
        status: The HTTP status.
        type: What kind of problem it is, as a URN.
        instance: The path that was asked for.
        document: The whole problem document.
        errors: What is wrong with what of the request, or of its items, where the server said so.
        retry_after_seconds: After what time the server may be asked again, where it said so.
    """

    code = "api"

    def __init__(self, status: int, document: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> None:
        detail = str(document.get("detail") or document.get("title") or f"The server answered {status}.")
        problem, _, next_step = detail.partition(". ")
        super().__init__(f"{problem.rstrip('.')}.", next_step=next_step or "Look into the server's log.")
        self.status = status
        self.type = str(document.get("type", "about:blank"))
        self.instance = document.get("instance")
        self.document = document
        self.errors: list[Wrong] = list(document.get("errors") or ())
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def of(cls, status: int, document: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> "ApiError":
        """Return the error that fits a status."""
        if status == HTTPStatus.NOT_FOUND:
            return NotFoundError(status, document, retry_after_seconds=retry_after_seconds)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ServerFaultError(status, document, retry_after_seconds=retry_after_seconds)
        return ApiError(status, document, retry_after_seconds=retry_after_seconds)


class NotFoundError(ApiError):
    """There is no such film, list or address."""

    code = "api-not-found"


class ServerFaultError(ApiError):
    """The server failed or is too busy, also when it was asked again."""

    code = "api-server-fault"
    retryable = True


class NoAnswerError(MovieMlopsError):
    """The server cannot be reached, or does not answer in time, also when it was asked again."""

    code = "api-no-answer"
    retryable = True
