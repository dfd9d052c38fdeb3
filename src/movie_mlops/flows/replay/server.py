"""The API as a process of its own over a replay's home, on a free port of this machine."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from movie_mlops.core.nouns import Workspace
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.errors import FlowError
from movie_mlops.release.rollout import RolloutConfig

_HOST: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 30.0
_MAIN: Final = f"from {__name__} import main; main()"
"""The package has imported this module by then, so that it is not run as one of its own."""


@dataclass(frozen=True)
class Served:
    """Where the API is.

    Attributes:
        url: Its address.
        token: The administrator's.
    """

    url: str
    token: str


@contextmanager
def api(workspace: Workspace, config: PlatformConfig, rollout: RolloutConfig) -> Iterator[Served]:
    """Serve a workspace until the block ends; tell where.

    Args:
        workspace: What is served.
        config: What the project chose.
        rollout: How releases are rolled out.

    Raises:
        FlowError: The server ended before it was ready.
    """
    log, token = workspace.home / "server.log", secrets.token_urlsafe(32)
    said = {
        "token": token,
        "home": str(workspace.home),
        "dataset": workspace.dataset,
        "config": config.model_dump(mode="json"),
        "rollout": TypeAdapter(RolloutConfig).dump_python(rollout, mode="json"),
    }
    pipe = subprocess.PIPE
    with (
        log.open("wb") as errors,
        subprocess.Popen([sys.executable, "-c", _MAIN], stdin=pipe, stdout=pipe, stderr=errors) as server,  # noqa: S603 - this module, by this Python
    ):
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(said).encode() + b"\n")
            server.stdin.flush()
            port = server.stdout.readline().strip()
            if not port:
                lines = [line for line in log.read_text("utf-8", errors="replace").split("\n") if line.strip()]
                raise FlowError(
                    f"The API of the replay ended before it was ready: {lines[-1] if lines else 'it said nothing'}",
                    next_step=f"Look at {log}.",
                )
            yield Served(f"http://{_HOST}:{int(port)}", token)
        finally:
            server.terminate()
            try:
                server.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def main() -> None:
    """Serve what standard input names until SIGTERM, or until the other end of it is gone; print the port."""
    import os  # noqa: PLC0415 - only in this process
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    from movie_mlops.flows.serve import make_app  # noqa: PLC0415 - who starts this process needs none of it
    from movie_mlops.serving import ServingConfig, bind, serve  # noqa: PLC0415

    said = json.loads(sys.stdin.readline())

    def end_with_parent() -> None:
        while sys.stdin.readline():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_parent, daemon=True).start()
    bound = bind(_HOST, 0)
    rollout = TypeAdapter(RolloutConfig).validate_python(said["rollout"])
    workspace = Workspace(Path(said["home"]), said["dataset"])
    # Days pass in seconds here.
    config = ServingConfig(admin_token=said["token"], rollout=rollout, films_seconds=0.0)
    app = make_app(workspace, PlatformConfig.model_validate(said["config"]), config)
    serve(app, bound, on_ready=lambda: print(bound.getsockname()[1], flush=True))  # noqa: T201 - the parent reads it
