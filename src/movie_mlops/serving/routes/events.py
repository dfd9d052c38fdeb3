"""Events: what users did."""

import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from movie_mlops.core.cloud_events import BATCH_TYPE, EVENT_TYPE, SCHEMAS, TYPE_PREFIX
from movie_mlops.core.contract import LARGEST_ID, LONGEST_NAME
from movie_mlops.core.errors import BatchRefusedError, MovieMlopsError
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.security import PRINCIPAL, ForbiddenError, not_own
from movie_mlops.serving.errors import BadRequestError, InvalidEventsError, OverloadedError
from movie_mlops.serving.problems import STATUS_OF_CODE, problem, sentence
from movie_mlops.serving.received import PLAIN_SOURCE, CannotBeReadError, Fault, Received, form_of, receive
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import MOST_EVENTS, AppendedOut, EventBatch, Events, ProblemOut

_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": AppendedOut},
    403: {"model": ProblemOut},
    409: {"model": ProblemOut},
    410: {"model": ProblemOut},
    422: {"model": ProblemOut},
}
_NAME: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
_ENVELOPE: Final[dict[str, Any]] = {
    "title": "Envelope",
    "description": "An envelope of CloudEvents 1.0.",
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _NAME,
        "source": _NAME,
        "type": {"enum": [TYPE_PREFIX + kind.value for kind in Kind]},
        "subject": _NAME,
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"enum": sorted(SCHEMAS)},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["movie_id"],
            "properties": {
                "movie_id": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
                "value": {"type": ["number", "null"]},
            },
        },
    },
}
_CONTENT: Final[dict[str, Any]] = {
    EVENT_TYPE: {"schema": _ENVELOPE},
    BATCH_TYPE: {"schema": {"type": "array", "items": _ENVELOPE, "maxItems": MOST_EVENTS}},
}
_PATH: Final = "/v1/events"
_LENIENT: Final = "handling=lenient"
_FLAG: Final = TypeAdapter[bool](bool)
_Partial = Annotated[
    bool,
    Query(
        description="Take what is good of a batch, and say for each of the others why it is not; so does the header"
        " `Prefer: handling=lenient`. Otherwise a batch is taken whole or not at all."
    ),
]
_Handler = Callable[[Request], Awaitable[Response]]


def make_router(services: Services) -> APIRouter:
    """Return the route of events."""

    class EventRoute(APIRoute):
        """Reads events at a glance and has them recorded together with those of other requests."""

        def get_route_handler(self) -> _Handler:  # type: ignore[override] # the framework's own type says less
            return partial(_take, services, super().get_route_handler())

    router = APIRouter(prefix="/v1", tags=["events"], route_class=EventRoute)

    @router.post(
        "/events",
        status_code=201,
        responses=_RESPONSES,
        summary="Record one event or a batch",
        openapi_extra={"requestBody": {"content": _CONTENT}},
    )
    async def append(body: Events, partial: _Partial = False) -> Response:  # noqa: ARG001 - whoever wants that has no fault here
        """Record events durably, all or none; the next recommendation of their users reflects them.

        An event whose id was recorded before is a duplicate and changes nothing, so a batch may be sent again. A batch
        that is refused says in `errors` of each event that is wrong why.

        Envelopes of CloudEvents 1.0 are taken too: one (`application/cloudevents+json`), a list of them
        (`application/cloudevents-batch+json`), or one in headers (`ce-id`, `ce-source`, `ce-type`, `ce-subject`, …)
        around its data. The type is `movie_mlops.interaction.` and the kind, the subject is the user.
        """
        many = isinstance(body, EventBatch)
        said = body.events if isinstance(body, EventBatch) else [body]
        read = [event.interaction(PLAIN_SOURCE) for event in said]
        return await _append_all(services, Received("plain", many=many, read=read))

    return router


async def take_at_once(services: Services, body: bytes) -> Response | None:
    """Take plain events that are sound, past the framework; ``None``: whatever else there is to say is said on its way.

    Args:
        services: What the routes work with.
        body: The body of the request.
    """
    try:
        return await _append_all(services, receive("plain", body, ()))
    except OverloadedError as error:
        # At once: a refusal must cost less than an answer.
        return problem(error.status, str(error), code=error.code, instance=_PATH, headers=error.headers)
    except (CannotBeReadError, MovieMlopsError):
        return None


async def _take(services: Services, slowly: _Handler, request: Request) -> Response:
    """Answer a request; whatever is not plain to see is left to the framework, which says what is wrong with it."""
    form, lenient = form_of(request.headers), _is_lenient(request)
    if form is None or lenient is None:
        return await slowly(request)
    try:
        body = await request.body()
    except ClientDisconnect:
        return await slowly(request)
    try:
        received = receive(form, body, request.scope["headers"])
    except CannotBeReadError:
        if form == "plain":
            return await slowly(request)
        raise _unreadable(form, body) from None
    if lenient and received.many:
        return await _append_some(services, received, by_header="partial" not in request.query_params)
    if form == "plain" and received.faults:
        return await slowly(request)
    return await _append_all(services, received)


def _is_lenient(request: Request) -> bool | None:
    """Return whether the good events of a batch shall be taken; ``None`` where that is badly said."""
    said = request.query_params.get("partial")
    if said is None:
        preferences = ",".join(request.headers.getlist("prefer")).lower().replace(" ", "").split(",")
        return _LENIENT in preferences
    try:
        return _FLAG.validate_python(said)
    except ValidationError:
        return None


async def _append_all(services: Services, received: Received) -> Response:
    _refuse_invalid(received.faults, many=received.many)
    if strange := _of_others(received):
        return _whole(ForbiddenError.status, str(not_own()), strange, many=received.many)
    _refuse(_lacking(services, received.interactions, received.called("movie_id")), many=received.many)
    [outcome] = await services.gathering.append([received.read])
    if isinstance(outcome, BatchRefusedError):
        faults = [Fault(one.position, received.called(one.field), one.reason, one.code) for one in outcome.faults]
        said = f"{outcome.problem.removesuffix('.')}{_more(faults)}. {outcome.next_step}"
        return _whole(STATUS_OF_CODE[outcome.code], said, faults, many=received.many)
    if isinstance(outcome, MovieMlopsError):
        raise outcome
    services.metrics.events(accepted=outcome.accepted, duplicates=outcome.duplicates)
    return _answer(outcome.accepted, outcome.duplicates, [each.event_id for each in received.read])


def _whole(status: int, said: str, faults: Sequence[Fault], *, many: bool) -> Response:
    """Return the problem of a batch of which nothing is taken, with what is wrong with each; the first names it."""
    documents = [{**fault.document(many=many), "code": fault.code} for fault in faults]
    return problem(status, said, code=faults[0].code, instance=_PATH, extra={"errors": documents})


def _of_others(received: Received) -> list[Fault]:
    """Return the events that are of others than whoever sends them, who may send their own alone."""
    principal = PRINCIPAL.get()
    if not principal.bound:
        return []
    name = received.called("user_id")
    return [
        Fault(item, name, "is not the one who sends it", ForbiddenError.code)
        for item, each in received.interactions
        if not principal.is_own(each.user_id)
    ]


async def _append_some(services: Services, received: Received, *, by_header: bool) -> Json:
    """Record what is good, and say why the rest is not."""
    strange = _of_others(received)
    others = {fault.item for fault in strange}
    faults = [*received.faults, *strange]
    sound = [(item, each) for item, each in received.interactions if item not in others]
    lacking = _lacking(services, sound, received.called("movie_id"))
    faults += lacking
    left_out = {fault.item for fault in lacking}
    sound = [(item, each) for item, each in sound if item not in left_out]
    accepted = duplicates = 0
    outcomes = await services.gathering.append([[each] for _, each in sound])
    ids: list[str | None] = [None] * received.events
    for (item, each), outcome in zip(sound, outcomes, strict=True):
        if isinstance(outcome, BatchRefusedError):
            [one] = outcome.faults
            faults.append(Fault(item, received.called(one.field), one.reason, one.code))
        elif isinstance(outcome, MovieMlopsError):
            raise outcome
        else:
            accepted, duplicates, ids[item] = (
                accepted + outcome.accepted,
                duplicates + outcome.duplicates,
                each.event_id,
            )
    faults.sort(key=lambda fault: fault.item)
    if faults and not accepted and not duplicates:
        _refuse_invalid(faults, many=True)
    services.metrics.events(accepted=accepted, duplicates=duplicates)
    answer = _answer(accepted, duplicates, ids, [{**fault.document(), "code": fault.code} for fault in faults])
    if by_header:
        answer.headers["Preference-Applied"] = _LENIENT
    return answer


def _answer(
    accepted: int, duplicates: int, ids: Sequence[str | None], refused: Sequence[dict[str, Any]] | None = None
) -> Json:
    told = {"accepted": accepted, "duplicates": duplicates, "event_ids": ids}
    return Json(told if refused is None else {**told, "refused": refused}, status_code=201)


def _lacking(services: Services, interactions: Sequence[tuple[int, Interaction]], field: str) -> list[Fault]:
    """Return the events whose film the catalogue lacks."""
    catalogue = services.watcher.snapshot.catalogue
    if catalogue.has_all({each.movie_id for _, each in interactions}):
        return []
    return [
        Fault(item, field, f"There is no film with the id '{each.movie_id}'", "unknown-film")
        for item, each in interactions
        if catalogue.get(each.movie_id) is None
    ]


def _refuse(faults: Sequence[Fault], *, many: bool) -> None:
    """Refuse a batch with films that nobody knows.

    Raises:
        BadRequestError: There are any; the error names each event.
    """
    if faults:
        raise BadRequestError(
            f"{faults[0].reason}{_more(faults)}; nothing was recorded.",
            next_step="Find films with GET /v1/movies?query=…, and send the request again.",
            extra={"errors": [fault.document(many=many) for fault in faults]},
        )


def _refuse_invalid(faults: Sequence[Fault], *, many: bool) -> None:
    """Refuse what is wrong.

    Raises:
        InvalidEventsError: Something is; the error names each event.
    """
    if faults:
        documents = [fault.document(many=many) for fault in faults]
        raise InvalidEventsError(
            f"{sentence(documents[0])}{_more(faults)}",
            next_step="Correct it and send the request again.",
            extra={"errors": documents},
        )


def _more(faults: Sequence[Fault]) -> str:
    return f" ({len(faults) - 1} more, see errors)" if len(faults) > 1 else ""


def _unreadable(form: str, body: bytes) -> Exception:
    """Return what is wrong with a body that is none of its form, as the framework says it of others."""
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}
        return RequestValidationError([{**fault, "ctx": {"error": error.msg}}])
    except (ValueError, RecursionError):
        return HTTPException(status_code=400)
    what = f"must be a list of at most {MOST_EVENTS:,} envelopes" if form == "batch" else "must be JSON without NaN"
    return InvalidEventsError(
        f"The body {what}.",
        next_step="Correct it and send the request again.",
        extra={"errors": [{"in": "body", "field": "", "reason": what}]},
    )
