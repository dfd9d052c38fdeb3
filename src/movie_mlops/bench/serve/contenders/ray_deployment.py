"""A Ray Serve deployment with one replica: ``python ray_deployment.py FOLDER PORT``."""

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import ray
from ray import serve
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=1, max_ongoing_requests=100, logging_config={"enable_access_log": False})
class Recommender:
    """The scoring as Ray Serve calls it."""

    def __init__(self, folder: str, scripts: str) -> None:
        sys.path.insert(0, scripts)
        from scoring import Scoring  # noqa: PLC0415 - in a process that Ray starts

        self._scoring = Scoring(folder)

    async def __call__(self, request: Any) -> JSONResponse:
        """Return films; as they are Ray would send them in parts, which takes longer."""
        return JSONResponse(self._scoring.best((await request.json())["movie_ids"]))


def main(folder: str, port: str) -> None:
    """Serve until SIGTERM."""
    # Ray's sockets lie in this folder, and their names may be no longer than about a hundred characters.
    ray.init(num_cpus=2, include_dashboard=False, _temp_dir=str(Path(folder) / "ray"), log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)}, logging_config={"enable_access_log": False})
    serve.run(Recommender.bind(folder, str(Path(__file__).parent)))  # type: ignore[attr-defined]
    # After Ray has set its own, which ends this process at once and leaves others.
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
