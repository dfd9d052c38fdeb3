"""The server, and the worker, each as a process of its own, over a home in which films and features lie."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

from movie_mlops.bench.errors import BenchError
from movie_mlops.core.nouns import Workspace
from movie_mlops.features import RedisConfig

DATASET: Final = "bench"
_PATIENCE_SECONDS: Final = 30.0

Role = Literal["server", "worker"]
Effects = Literal["at-once", "by-workers"]


@contextmanager
def running(role: Role, home: Path, effects: Effects, redis: RedisConfig | None = None) -> Iterator[int]:
    """Run one; give the port of a server, 0 of a worker.

    Raises:
        BenchError: It ended before it was ready.
    """
    address = "" if redis is None else redis.url.get_secret_value()
    command = [sys.executable, "-m", __name__, role, str(home), effects, address]
    pipe = subprocess.PIPE
    log = home / f"{role}.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors) as process,  # noqa: S603 - this module
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline().strip()
            if not said:
                last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
                raise BenchError(f"The {role} ended before it was ready: {last}", next_step="Look at its log.")
            yield int(said)
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def main(role: Role, home: str, effects: Effects, redis: str) -> None:
    """Serve, or work, until SIGTERM; print the port once it is so far."""
    # Imported here: the process that starts this one needs none of it.
    from movie_mlops.flows import EventsConfig, Platform, PlatformConfig  # noqa: PLC0415
    from movie_mlops.flows.carrying import Carrying, CarryingConfig  # noqa: PLC0415
    from movie_mlops.flows.serve import make_app  # noqa: PLC0415
    from movie_mlops.serving import ServingConfig, bind, serve  # noqa: PLC0415

    threading.Thread(target=_end_with_parent, daemon=True).start()
    workspace, config = Workspace(Path(home), DATASET), PlatformConfig(events=EventsConfig(effects=effects))
    there = RedisConfig(SecretStr(redis)) if redis else None
    if role == "server":
        bound = bind("127.0.0.1", 0)
        app = make_app(workspace, config, ServingConfig(), redis=there)
        serve(app, bound, on_ready=lambda: print(bound.getsockname()[1], flush=True))  # noqa: T201 - the parent reads it
        return
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    platform = Platform(workspace, config, redis=there)
    with Carrying(platform, "bench", CarryingConfig("redis" if there else "log", there)).beside(stop):
        print(0, flush=True)  # noqa: T201 - the parent reads it
        stop.wait()
    platform.close()


def _end_with_parent() -> None:
    """End as if told to when the other end of standard input is gone, also where the parent was killed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type] # the parent wrote them
