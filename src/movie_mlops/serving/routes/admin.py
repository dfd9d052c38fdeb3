"""What operators do: see the ledger, promote, roll back, have the ledger asked at once."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from movie_mlops.release import BUNDLE_ID, BundleError, list_bundles
from movie_mlops.release.rollout import Rollout, promote_by_hand, roll_back_by_hand
from movie_mlops.serving.errors import BundleRefusedError, UnknownBundleError
from movie_mlops.serving.responses import Json
from movie_mlops.serving.routes.health import failure_document
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut, PromoteRequest, RollbackRequest


def make_router(services: Services) -> APIRouter:
    """Return the routes of the administrator."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])

    @router.get("/releases", summary="Every release, and which one serves")
    def releases() -> Json:
        """Return the ledger, the newest release first."""
        rows = [release.to_json() for release in reversed(services.ledger.history())]
        return Json({"serving": serving(services), "failure": _failure(services), "releases": rows})

    @router.post("/promote", responses={409: {"model": ProblemOut}}, summary="Have a bundle serve, past the gate")
    def promote(body: PromoteRequest) -> Json:
        """Write a promotion into the ledger and load the bundle before answering."""
        path = bundle_path(services, body.bundle_id)
        try:
            release = promote_by_hand(
                services.database,
                path,
                services.trust,
                reason=body.reason,
                approved_by=body.approved_by,
                expected=body.expected,
            )
        except BundleError as error:
            # Its own sentence names folders of this machine.
            raise BundleRefusedError(
                f"The bundle {body.bundle_id!r} is not whole, or nobody who is trusted signed it.",
                next_step="Look at it with 'movie-mlops models verify'.",
            ) from error
        services.watcher.refresh()
        return Json({"release": release.to_json(), "serving": serving(services), "failure": _failure(services)})

    @router.post("/rollback", responses={409: {"model": ProblemOut}}, summary="Have the release before serve again")
    def rollback(body: RollbackRequest) -> Json:
        """Take the canary back, or else write a roll-back; load what then serves before answering."""
        done = roll_back_by_hand(services.database, reason=body.reason, approved_by=body.approved_by)
        services.watcher.refresh()
        what = "rollout" if isinstance(done, Rollout) else "release"
        return Json({what: done.to_json(), "serving": serving(services), "failure": _failure(services)})

    @router.post("/reload", summary="Ask the ledger now")
    def reload() -> Json:
        """Load the champion at once, also one that could not be loaded before."""
        services.watcher.refresh(again=True)
        return Json({"serving": serving(services), "failure": _failure(services)})

    return router


def bundle_path(services: Services, bundle_id: str) -> Path:
    """Return the folder of a bundle; its id is a folder's name, and nothing else may be.

    Raises:
        UnknownBundleError: There is no such bundle.
    """
    if BUNDLE_ID.fullmatch(bundle_id) and bundle_id in list_bundles(services.bundles):
        return services.bundles / bundle_id
    raise UnknownBundleError(
        f"There is no bundle with the id {bundle_id!r}.", next_step="List them with 'movie-mlops models list'."
    )


def serving(services: Services) -> dict[str, Any] | None:
    """Return the release that answers, in the API's shape."""
    model = services.watcher.snapshot.model
    return None if model is None else model.document()


def _failure(services: Services) -> dict[str, Any] | None:
    failure = services.watcher.failure
    return None if failure is None else {**failure_document(failure), "problem": failure.problem}
