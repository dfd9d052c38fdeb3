"""Whether the server lives, whether it can answer, and what it measures."""

from functools import cache
from typing import Any, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter
from starlette.responses import Response

from movie_mlops.core import clock
from movie_mlops.serving.health import LOOK_AGAIN
from movie_mlops.serving.metrics import CONTENT_TYPE
from movie_mlops.serving.releases import Failure
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.told import AliveOut, ReadyOut

_READY: dict[int | str, dict[str, Any]] = {200: {"model": ReadyOut}, 503: {"model": ReadyOut}}
_AT_ONCE: Final = 2
"""So many may look at once; further ones wait for their turn."""


def make_router(services: Services) -> APIRouter:
    """Return the routes of health and metrics."""
    router = APIRouter(tags=["health"])

    @cache
    def limiter() -> anyio.CapacityLimiter:
        return anyio.CapacityLimiter(_AT_ONCE)

    @router.get("/healthz", responses={200: {"model": AliveOut}}, summary="Does the server live?")
    async def healthz() -> Json:
        """Answer as long as the process does, whatever it depends on: it is not ended for what others lack."""
        return Json({"status": "alive"})

    @router.get("/readyz", responses=_READY, summary="Can it answer with a model, and how is what it depends on?")
    async def readyz() -> Json:
        """Answer 200 while a release serves, 503 while there is none.

        Each dependency is told with what is the matter and what to do; what does not answer in time has failed.
        """
        snapshot, failure = services.watcher.snapshot, services.watcher.failure
        conditions = await anyio.to_thread.run_sync(services.health.conditions, snapshot, failure, limiter=limiter())
        good = all(condition.state == "ok" for condition in conditions.values())
        document = {
            "status": "not ready" if snapshot.model is None else "ready" if good else "degraded",
            "release": None if snapshot.model is None else snapshot.model.document(),
            "films": len(snapshot.catalogue),
            "failure": None if failure is None else failure_document(failure),
            "dependencies": [{"name": name, **condition.document()} for name, condition in conditions.items()],
        }
        return Json(document, status_code=503 if snapshot.model is None else 200)

    @router.get("/metrics", summary="Metrics in Prometheus's text format", response_class=Response)
    async def metrics() -> Response:
        """Return everything that is counted and measured; what cannot be read in time is named by its part."""
        # Threads of their own: where all others wait for a store, the metrics say so.
        told = await anyio.to_thread.run_sync(services.metrics.exposition, limiter=limiter())
        return Response(told, headers={"content-type": CONTENT_TYPE})

    return router


def failure_document(failure: Failure) -> dict[str, Any]:
    """Return why a champion does not serve, without the paths that its message may hold."""
    release = failure.release
    return {
        "release_id": None if release is None else release.release_id,
        "bundle_id": None if release is None else release.bundle_id,
        "code": failure.code,
        "since": clock.to_iso(failure.at),
        "next_step": LOOK_AGAIN,
    }
