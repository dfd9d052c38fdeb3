"""The passport: everything behind one recommendation, and who was answered by what."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from movie_mlops.core import clock
from movie_mlops.release import POLICY, BundleError, Graph, Release, draw, passport, read_manifest
from movie_mlops.serving.answered import who_answered
from movie_mlops.serving.errors import BadRequestError, NotRecordedError, UnknownRecommendationError
from movie_mlops.serving.impressions import Impression
from movie_mlops.serving.owning import may_see
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut, UserId
from movie_mlops.serving.why import why

RecommendationId = Annotated[str, Path(max_length=64)]


def make_router(services: Services) -> APIRouter:
    """Return the routes of passports."""
    router = APIRouter(prefix="/v1", tags=["recommendations"], responses={404: {"model": ProblemOut}})

    @router.get("/recommendations/{recommendation_id}/passport", summary="Everything behind one recommendation")
    def show(recommendation_id: RecommendationId) -> Json:
        """Return the answer, its release, bundle, gate, data and feature versions and code commit."""
        impression = _found(services, recommendation_id)
        return Json(_passport(impression, _release(services, impression), services))

    @router.get("/recommendations/{recommendation_id}/why", summary="Why these films, and could it be made again")
    def explain(recommendation_id: RecommendationId) -> Json:
        """Compute the answer again from what was known then, and say whether its model could be made again today."""
        impression = _found(services, recommendation_id)
        release = _release(services, impression)
        records = services.records
        rebuild = None if records is None or release is None else records.rebuild(release.bundle_id)
        return Json({**why(services, impression, release), "rebuild": rebuild})

    @router.get("/recommendations/{recommendation_id}/lineage", summary="What is behind it, as nodes and edges")
    def lineage(recommendation_id: RecommendationId) -> Json:
        """Return the graph from the source's fingerprint to the answer."""
        return Json(_graph(services, recommendation_id).to_json())

    @router.get("/recommendations/{recommendation_id}/lineage.svg", summary="What is behind it, as a picture")
    def picture(recommendation_id: RecommendationId) -> Response:
        """Return the same graph as SVG without scripts, under a policy that allows its one style and nothing else."""
        drawn = draw(_graph(services, recommendation_id))
        return Response(drawn, media_type="image/svg+xml", headers={"content-security-policy": POLICY})

    @router.get("/users/{user_id:path}/answered", summary="Which release answered a user at a time")
    def answered(
        user_id: UserId,
        at: Annotated[str | None, Query(max_length=40, description="RFC 3339; now where left out.")] = None,
    ) -> Json:
        """Return the newest answer that was kept for the user by then, else which release served by the ledger."""
        try:
            moment = clock.now() if at is None else clock.read(at)
        except ValueError as error:
            raise BadRequestError(f"{at!r} is no time.", next_step="Write it as 2026-01-31T12:00:00Z.") from error
        services.impressions.flush()
        return Json(who_answered(services.database, services.ledger, moment, user_id).to_json())

    return router


def _found(services: Services, recommendation_id: str) -> Impression:
    impression = services.impressions.find(recommendation_id) if recommendation_id.isalnum() else None
    # Somebody else's answer and one that there never was are told alike, to the letter.
    if impression is None or not may_see(impression.user_id):
        raise UnknownRecommendationError(
            f"No recommendation with the id '{recommendation_id}' was kept.",
            next_step="Use the recommendation_id of an answer of this server.",
        )
    return impression


def _release(services: Services, impression: Impression) -> Release | None:
    return impression.release(services.ledger.history())


def _graph(services: Services, recommendation_id: str) -> Graph:
    impression = _found(services, recommendation_id)
    if services.records is None:
        raise NotRecordedError(
            "This server does not know what is behind its answers.", next_step="Start it with 'movie-mlops serve'."
        )
    return services.records.graph(impression.recommendation_id)


def _passport(impression: Impression, release: Release | None, services: Services) -> dict[str, Any]:
    if release is None:
        # A fallback without a release has nothing behind it but the catalogue's counts.
        return {"recommendation": impression.document(), "release": None}
    try:
        manifest = read_manifest(services.bundles / release.bundle_id)
    except BundleError as error:
        return {"recommendation": impression.document(), "release": release.to_json(), "problem": error.problem}
    return passport(release, manifest, recommendation=impression.document())
