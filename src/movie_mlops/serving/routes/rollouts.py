"""What only an administrator may do with roll-outs: see them live, begin a canary, hold, promote, take back."""

from typing import Any, Literal

from fastapi import APIRouter, Depends

from movie_mlops.release import read_bundle
from movie_mlops.release.rollout import Step
from movie_mlops.serving.responses import Json
from movie_mlops.serving.routes.admin import admin_only, serving
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import CanaryRequest, ProblemOut, StepRequest


def make_router(services: Services) -> APIRouter:
    """Return the routes of roll-outs."""
    router = APIRouter(
        prefix="/v1/admin",
        tags=["admin"],
        dependencies=[Depends(admin_only(services))],
        responses={401: {"model": ProblemOut}, 403: {"model": ProblemOut}},
    )

    @router.get("/rollouts", summary="What is rolled out, and how it does")
    def rollouts() -> Json:
        """Return what goes on, with live intervals, and every move, the newest first."""
        going = services.rollouts.standing().rollouts
        live = [each.to_json() for each in going] if services.conductor is None else services.conductor.live()
        return Json({"rollouts": live, "moves": [move.to_json() for move in reversed(services.rollouts.moves())]})

    @router.post("/canary", responses={409: {"model": ProblemOut}}, summary="Give a bundle to a few users first")
    def canary(body: CanaryRequest) -> Json:
        """Begin a canary by the settings of this server, and have it answer before answering."""
        read_bundle(services.bundles / body.bundle_id, trust=services.trust)
        begun = services.rollouts.begin_canary(
            body.bundle_id,
            services.config.rollout.canary,
            reason=body.reason,
            approved_by=body.approved_by,
            gate={"passed": None, "text": "The gate was not asked."},
        )
        services.watcher.refresh()
        return Json({"rollout": begun.to_json(), "unable": services.watcher.unable})

    @router.post("/rollouts/{name}/{action}", responses={409: {"model": ProblemOut}}, summary="Move what is rolled out")
    def step(name: str, action: Literal["pause", "resume", "rollback", "stop", "promote"], body: StepRequest) -> Json:
        """Write a move into the ledger and follow it before answering."""
        told: dict[str, Any] = {
            "expected": body.expected, "reason": body.reason, "approved_by": body.approved_by
        }  # fmt: skip
        if action == "promote":
            services.rollouts.promote(name, **told)
        else:
            services.rollouts.move(name, Step(action), **told)
        services.watcher.refresh()
        going = services.rollouts.standing().named(name)
        return Json({"rollout": None if going is None else going.to_json(), "serving": serving(services)})

    return router
