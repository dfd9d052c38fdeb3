"""The rows of a visitor's page, each an answer with a passport of its own."""

import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from movie_mlops.core import clock
from movie_mlops.serving.impressions import Impression
from movie_mlops.serving.looking_up import informed
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.responses import Json
from movie_mlops.serving.routes.recommendations import read_history
from movie_mlops.serving.rows import Row, rows
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut, RowsOut, UserId

_MOST: Final = 40
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {200: {"model": RowsOut}, 422: {"model": ProblemOut}}


def make_router(services: Services) -> APIRouter:
    """Return the route of rows."""
    router = APIRouter(prefix="/v1", tags=["recommendations"])

    @router.get("/users/{user_id:path}/rows", responses=_RESPONSES, summary="Rows of films for a user's page")
    def for_user(
        user_id: UserId, k: Annotated[int, Query(ge=1, le=_MOST, description="How many films a row has at most.")] = 18
    ) -> Json:
        """Return rows that share no film, neither with each other nor with the user's ten recommendations.

        `because` goes by one film that the user liked lately, `new` holds the newest films, `gems` well-liked ones that
        few people know, `popular` what everybody likes now. Each has its own id, and so its own passport.
        """
        snapshot = informed(services.features, services.watcher.snapshot, user_id)
        history, why = read_history(services, user_id)
        made = rows(snapshot, history, services.feedback, k=k, rules=services.rules)
        document = {
            "user_id": user_id,
            "release": None if snapshot.model is None else snapshot.model.document(),
            "rows": [_kept(services, snapshot, row, user_id) for row in made],
            "note": why,
        }
        return Json(document)

    return router


def _kept(services: Services, snapshot: Snapshot, row: Row, user_id: str) -> dict[str, Any]:
    """Have a row's answer kept, and return the row in the API's shape."""
    recommendation_id = secrets.token_hex(16)
    services.metrics.answer(row.answer.source.value)
    services.impressions.keep(
        Impression(
            recommendation_id=recommendation_id,
            at=clock.now(),
            user_id=user_id,
            release_id=None if snapshot.model is None else snapshot.model.release.release_id,
            source=row.answer.source.value,
            items=[(pick.film.movie_id, pick.score) for pick in row.answer.picks],
            request=row.request,
        )
    )
    return {
        "recommendation_id": recommendation_id,
        "kind": row.kind.value,
        "source": row.answer.source.value,
        "film": None if row.film is None else row.film.document(),
        "since": row.since,
        "items": [pick.document(rank) for rank, pick in enumerate(row.answer.picks, start=1)],
    }
