"""Events: what users did."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter

from movie_mlops.core.nouns import Interaction
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.owning import check_own
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import AppendedOut, EventBatch, EventIn, Events, ProblemOut

_SOURCE: Final = "api"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": AppendedOut},
    409: {"model": ProblemOut},
    422: {"model": ProblemOut},
}


def make_router(services: Services) -> APIRouter:
    """Return the route of events."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.post("/events", status_code=201, responses=_RESPONSES, summary="Record one event or a batch")
    def append(body: Events) -> Json:
        """Record events durably, all or none; the next recommendation of their users reflects them.

        An event whose id was recorded before is a duplicate and changes nothing, so a batch may be sent again.
        """
        received = body.events if isinstance(body, EventBatch) else [body]
        check_own(event.user_id for event in received)
        _check_films(services.watcher.snapshot.catalogue, received, many=isinstance(body, EventBatch))
        interactions = [_interaction(event) for event in received]
        appended = services.events.append(interactions)
        services.metrics.events(accepted=appended.accepted, duplicates=appended.duplicates)
        answer = {
            "accepted": appended.accepted,
            "duplicates": appended.duplicates,
            "event_ids": [interaction.event_id for interaction in interactions],
        }
        return Json(answer, status_code=201)

    return router


def _check_films(catalogue: Catalogue, events: Sequence[EventIn], *, many: bool) -> None:
    """Refuse the batch where the catalogue lacks a film.

    Raises:
        BadRequestError: It does; the error names each event.
    """
    faults: list[dict[str, Any]] = [
        {
            "in": "body",
            **({"item": place} if many else {}),
            "field": "movie_id",
            "reason": f"There is no film with the id '{event.movie_id}'",
        }
        for place, event in enumerate(events)
        if catalogue.get(event.movie_id) is None
    ]
    if faults:
        more = f" ({len(faults) - 1} more, see errors)" if len(faults) > 1 else ""
        raise BadRequestError(
            f"{faults[0]['reason']}{more}; nothing was recorded.",
            next_step="Find films with GET /v1/movies?query=…, and send the request again.",
            extra={"errors": faults},
        )


def _interaction(event: EventIn) -> Interaction:
    return Interaction(
        event_id=event.event_id or uuid.uuid4().hex,
        user_id=event.user_id,
        movie_id=event.movie_id,
        kind=event.kind,
        value=event.value,
        event_time=event.event_time,
        source=_SOURCE,
    )
