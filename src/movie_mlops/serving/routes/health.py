"""Whether the server lives, whether it can answer, and what it measures."""

from functools import cache
from typing import Any, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter
from starlette.responses import Response

from movie_mlops.core import clock
from movie_mlops.serving.metrics import CONTENT_TYPE
from movie_mlops.serving.releases import Failure
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services

_AT_ONCE: Final = 2
"""So many may look at once; further ones wait for their turn."""


def make_router(services: Services) -> APIRouter:
    """Return the routes of health and metrics."""
    router = APIRouter(tags=["health"])

    @cache
    def limiter() -> anyio.CapacityLimiter:
        return anyio.CapacityLimiter(_AT_ONCE)

    @router.get("/healthz", summary="Does the server live?")
    async def healthz() -> Json:
        """Answer as long as the process does."""
        return Json({"status": "alive"})

    @router.get("/readyz", summary="Can it answer with a model?")
    async def readyz() -> Json:
        """Answer 200 while a release serves, 503 while there is none; tell why a champion could not be loaded."""
        snapshot, failure = services.watcher.snapshot, services.watcher.failure
        document = {
            "status": "not ready" if snapshot.model is None else "ready" if failure is None else "degraded",
            "release": None if snapshot.model is None else snapshot.model.document(),
            "films": len(snapshot.catalogue),
            "failure": None if failure is None else failure_document(failure),
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
        "next_step": "The server's log says what is wrong; train again or roll back.",
    }
