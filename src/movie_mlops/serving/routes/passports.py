"""The passport: everything behind one recommendation."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from movie_mlops.release import passport, read_manifest
from movie_mlops.serving.errors import UnknownRecommendationError
from movie_mlops.serving.impressions import Impression
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut


def make_router(services: Services) -> APIRouter:
    """Return the route of passports."""
    router = APIRouter(prefix="/v1", tags=["recommendations"])

    @router.get(
        "/recommendations/{recommendation_id}/passport",
        responses={404: {"model": ProblemOut}},
        summary="Everything behind one recommendation",
    )
    def show(recommendation_id: Annotated[str, Path(max_length=64)]) -> Json:
        """Return the answer, its release, bundle, gate, data and feature versions and code commit."""
        impression = services.impressions.find(recommendation_id) if recommendation_id.isalnum() else None
        if impression is None:
            raise UnknownRecommendationError(
                f"No recommendation with the id '{recommendation_id}' was kept.",
                next_step="Use the recommendation_id of an answer of this server.",
            )
        return Json(_passport(services, impression))

    return router


def _passport(services: Services, impression: Impression) -> dict[str, Any]:
    releases = {release.release_id: release for release in services.ledger.history()}
    release = None if impression.release_id is None else releases.get(impression.release_id)
    if release is None:
        # A fallback without a release has nothing behind it but the catalogue's counts.
        return {"recommendation": impression.document(), "release": None}
    manifest = read_manifest(services.bundles / release.bundle_id)
    return passport(release, manifest, recommendation=impression.document())
