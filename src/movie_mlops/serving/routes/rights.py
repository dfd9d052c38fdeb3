"""What people may ask of their own data: to get it, and to have it erased."""

from typing import Any

from fastapi import APIRouter

from movie_mlops.core import clock
from movie_mlops.serving.errors import NotRecordedError
from movie_mlops.serving.ports import Rights
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ConsentsIn, ConsentsOut, ProblemOut, UserId

_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": ProblemOut},
    403: {"model": ProblemOut},
    409: {"model": ProblemOut},
}


def make_router(services: Services) -> APIRouter:
    """Return the routes of a person's rights."""
    router = APIRouter(prefix="/v1", tags=["rights"])

    @router.delete("/users/{user_id:path}", responses=_RESPONSES, summary="Erase somebody's data everywhere")
    def erase(user_id: UserId) -> Json:
        """Erase it from every place, and return the signed receipt; nothing of theirs comes in afterwards."""
        rights = _rights(services)
        services.impressions.flush()
        receipt = rights.erase(user_id, by="the API")
        # By a digest of a history, which nobody has any more; not one of them needs to stay.
        services.watcher.snapshot.answers.clear()
        return Json(receipt)

    @router.get("/users/{user_id:path}/export", responses=_RESPONSES, summary="Everything that is known of somebody")
    def export(user_id: UserId) -> Json:
        """Return it as it is stored, with what each part means."""
        rights = _rights(services)
        services.impressions.flush()
        return Json(rights.export(user_id))

    @router.get(
        "/users/{user_id:path}/consents",
        responses={**_RESPONSES, 200: {"model": ConsentsOut}},
        summary="What somebody permits",
    )
    def consents(user_id: UserId) -> Json:
        """Return for each purpose whether it is permitted, and since when; those who said nothing are told so, too."""
        return _told(user_id, _rights(services))

    @router.put(
        "/users/{user_id:path}/consents",
        responses={**_RESPONSES, 200: {"model": ConsentsOut}},
        summary="Permit a purpose, or do not any more",
    )
    def consent(user_id: UserId, body: ConsentsIn) -> Json:
        """Write it down: from now on nothing is kept that is not permitted, and what is there is taken out at once.

        While a flow is at work on the data, `removed_at` stays null: the same request again, or the nightly flow, takes
        it out.
        """
        rights = _rights(services)
        said = body.said()
        if not all(said.values()):
            services.impressions.flush()
        receipt = rights.consent(user_id, said, by="the API")
        if receipt is not None:
            services.watcher.snapshot.answers.clear()
        return _told(user_id, rights, receipt)

    return router


def _told(user_id: str, rights: Rights, receipt: dict[str, Any] | None = None) -> Json:
    rows = [
        {
            "purpose": each.purpose,
            "given": each.given,
            "at": None if each.at is None else clock.to_iso(each.at),
            "removed_at": None if each.removed_at is None else clock.to_iso(each.removed_at),
        }
        for each in rights.consents(user_id)
    ]
    return Json({"user_id": user_id, "consents": rows, "receipt": receipt})


def _rights(services: Services) -> Rights:
    if services.rights is None:
        raise NotRecordedError("This server does not know where personal data lies.", next_step="Ask whoever runs it.")
    return services.rights
