"""What people may ask of their own data: to get it, and to have it erased."""

from typing import Any

from fastapi import APIRouter

from movie_mlops.serving.errors import NotRecordedError
from movie_mlops.serving.ports import Rights
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut, UserId

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

    return router


def _rights(services: Services) -> Rights:
    if services.rights is None:
        raise NotRecordedError("This server does not know where personal data lies.", next_step="Ask whoever runs it.")
    return services.rights
