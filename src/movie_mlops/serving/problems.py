"""The one place that turns what goes wrong into ``application/problem+json`` (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.logs import REQUEST_ID
from movie_mlops.security import AccessError
from movie_mlops.serving.errors import ServingError

_LOG: Final = logging.getLogger("movie_mlops.serving.problems")
STATUS_OF_CODE: Final[dict[str, int]] = {
    "event": 422,
    "event-conflict": 409,
    "erased-user": 410,
    "no-consent": 403,
    "erasure": 409,
    "busy": 409,
    "promotion-conflict": 409,
    "ledger-altered": 409,
    "retired": 409,
    "rollback": 409,
    "rollout": 409,
    "rollout-conflict": 409,
    "state": 503,
}
"""The status of errors of other rooms; the sentence of any other one stays inside."""

_SENTENCES: Final[dict[int, str]] = {
    400: "The body cannot be read: it is no UTF-8, or lists and objects lie too deep in each other. Send JSON.",
    404: "There is nothing at this address. GET /openapi.json lists every address.",
    405: "This address does not take that method. The header Allow names those that it takes.",
    413: "The body of the request is too large. Send it in smaller parts.",
}
_TYPE: Final = "application/problem+json"
_SCHEMA: Final = {"$ref": "#/components/schemas/ProblemOut"}
_VALIDATION: Final = "#/components/schemas/HTTPValidationError"
_PLACES: Final = frozenset({"body", "query", "path", "header", "cookie"})
_USERS: Final = "/v1/users/"
_TAGS: Final = frozenset({"one", "many"})


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Return a problem document.

    Args:
        status: The HTTP status.
        detail: What is wrong and what to do, in sentences.
        code: A stable word for programs, from which the type is made.
        instance: The path that was asked for; a user in it is left out, for documents of errors are passed on and kept.
        headers: Extra headers.
        extra: Further members.
    """
    document = {
        "type": f"urn:movie-mlops:problem:{code}" if code else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _sound(detail),
        "instance": None if instance is None else _without_user(instance),
        **(extra or {}),
    }
    if (request_id := REQUEST_ID.get()) is not None:
        document["request_id"] = request_id
    return Response(orjson.dumps(document), status, dict(headers or {}), media_type=_TYPE)


def _without_user(path: str) -> str:
    """Return a path without the user whom it names."""
    if not path.startswith(_USERS):
        return path
    rest = path[len(_USERS) :].rpartition("/")
    return f"{_USERS}{{user_id}}{rest[1]}{rest[2] if rest[1] else ''}"


def install(app: FastAPI) -> None:
    """Have ``app`` answer every foreseen error with a problem document."""
    app.add_exception_handler(MovieMlopsError, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    # Every route answers what goes wrong the same way: said once, not at each of them.
    describe: Callable[[], dict[str, Any]] = app.openapi
    app.openapi = lambda: app.openapi_schema or _with_problems(describe())  # type: ignore[method-assign]


def refusal(error: AccessError, instance: str) -> Response:
    """Return the problem of a request that is not let through.

    Args:
        error: Why.
        instance: The path that was asked for.
    """
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retryable:
        headers["Retry-After"] = str(error.wait_seconds)
    return problem(error.status, str(error), code=error.code, instance=instance, headers=headers)


def internal(instance: str, request_id: str) -> Response:
    """Return the problem of an error that nobody foresaw; it tells nothing of the inside."""
    return problem(
        500,
        f"The server failed on this request. Try again; if it goes on, look for {request_id} in the server's log.",
        code="internal",
        instance=instance,
    )


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Say in the API's description that every operation may answer with a problem document, and of which type it is."""
    document["components"]["schemas"].pop("HTTPValidationError", None)
    document["components"]["schemas"].pop("ValidationError", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            for status in [status for status in responses if status >= "4" and not _is_own(responses[status])]:
                description = responses[status]["description"]
                responses[status] = {"description": description, "content": {_TYPE: {"schema": _SCHEMA}}}
            said = {"description": "What is wrong, and what to do.", "content": {_TYPE: {"schema": _SCHEMA}}}
            responses["default"] = said
    return document


def _is_own(response: Mapping[str, Any]) -> bool:
    """Return whether a route describes an answer of its own under a status of errors, such as that it is not ready."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return schema.get("$ref", _SCHEMA["$ref"]) not in {_SCHEMA["$ref"], _VALIDATION}


async def _on_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MovieMlopsError)
    path = request.url.path
    if isinstance(error, ServingError):
        return problem(
            error.status, str(error), code=error.code, instance=path, headers=error.headers, extra=error.extra
        )
    if isinstance(error, AccessError):
        return refusal(error, path)
    status = STATUS_OF_CODE.get(error.code)
    if status is None:
        raise error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.error("%s %s: %s", request.method, path, error)
        detail = "A store of the server does not answer. Try again in a moment."
        return problem(status, detail, code=error.code, instance=path, headers={"Retry-After": "5"})
    return problem(status, str(error), code=error.code, instance=path)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _SENTENCES.get(error.status_code) or f"{error.detail}. GET /openapi.json describes every request."
    return problem(error.status_code, detail, instance=request.url.path, headers=error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    path = request.url.path
    faults = error.errors()
    if faults and faults[0]["type"] == "json_invalid":
        place = faults[0]["loc"][-1]
        detail = f"The body is not JSON: {faults[0]['ctx']['error']} at character {place}. Send a JSON object."
        return problem(400, detail, code="malformed-json", instance=path)
    reasons = [_reason(fault) for fault in faults]
    more = f" ({len(reasons) - 1} more, see errors)" if len(reasons) > 1 else ""
    detail = f"{sentence(reasons[0])}{more} Correct it and send the request again."
    return problem(422, detail, code="invalid", instance=path, extra={"errors": reasons})


def _reason(fault: Mapping[str, Any]) -> dict[str, Any]:
    """Return one fault as the field, the item of a batch where it is one's, and the reason."""
    place: Sequence[Any] = [part for part in fault["loc"][1:] if part not in _TAGS]
    reason: dict[str, Any] = {"in": fault["loc"][0] if fault["loc"][0] in _PLACES else "body"}
    if len(place) > 1 and isinstance(place[1], int):
        reason["item"] = place[1]
        place = place[2:]
    reason["field"] = _sound(".".join(str(part) for part in place))
    reason["reason"] = _sound(str(fault["msg"]).removeprefix("Value error, "))
    if fault["type"] == "model_attributes_type" and not place:
        reason["reason"] = "must be a JSON object, sent with the header Content-Type: application/json"
    return reason


def sentence(reason: Mapping[str, Any]) -> str:
    """Return one fault of a request as a sentence."""
    where = " of ".join(
        part for part in (reason["field"], f"item {reason['item']}" if "item" in reason else reason["in"]) if part
    )
    return f"{where}: {reason['reason']}".rstrip(".") + "."


def _sound(text: str) -> str:
    """Return ``text`` without halves of characters, which no JSON can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
