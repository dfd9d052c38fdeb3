"""What operators do with roll-outs: see them live, begin a canary, hold, promote, take back."""

from typing import Literal

from fastapi import APIRouter

from movie_mlops.serving import conducting
from movie_mlops.serving.responses import Json
from movie_mlops.serving.routes.admin import bundle_path, serving
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import CanaryRequest, ProblemOut, StepRequest


def make_router(services: Services) -> APIRouter:
    """Return the routes of roll-outs."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])

    @router.get("/rollouts", summary="What is rolled out, and how it does")
    def rollouts() -> Json:
        """Return what goes on, with live intervals, and every move, the newest first."""
        moves = [move.to_json() for move in reversed(services.rollouts.moves())]
        return Json({"rollouts": conducting.live(services), "moves": moves})

    @router.post("/canary", responses={409: {"model": ProblemOut}}, summary="Give a bundle to a few users first")
    def canary(body: CanaryRequest) -> Json:
        """Begin a canary by the settings of this server, and have it answer before answering."""
        path = bundle_path(services, body.bundle_id)
        begun = conducting.begin_canary(services, path, reason=body.reason, approved_by=body.approved_by)
        return Json({"rollout": begun.to_json(), "unable": services.watcher.unable})

    @router.post("/rollouts/{name}/{action}", responses={409: {"model": ProblemOut}}, summary="Move what is rolled out")
    def step(name: str, action: Literal["pause", "resume", "rollback", "stop", "promote"], body: StepRequest) -> Json:
        """Write a move into the ledger and follow it before answering."""
        going = conducting.move(
            services, name, action, expected=body.expected, reason=body.reason, approved_by=body.approved_by
        )
        return Json({"rollout": None if going is None else going.to_json(), "serving": serving(services)})

    return router
