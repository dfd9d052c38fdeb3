"""The server as a process of its own, as it runs everywhere else, on a free port of this machine."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.bench.errors import BenchError
from movie_mlops.core.nouns import Workspace
from movie_mlops.security import SecurityConfig, read_key_secret

_HOST: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 30.0
_LOG: Final = "server.log"


class Served(NamedTuple):
    """A server that answers: at which port, and which process it is."""

    port: int
    pid: int


@contextmanager
def serving(workspace: Workspace, security: SecurityConfig | None = None) -> Iterator[Served]:
    """Run the server over a workspace; give the port at which it answers.

    Args:
        workspace: What is served.
        security: Who comes in; then there are API keys too.

    Raises:
        BenchError: It ended before it was ready.
    """
    log = workspace.home / _LOG
    command = [sys.executable, "-m", __name__, str(workspace.home), workspace.dataset]
    command += [] if security is None else [security.model_dump_json()]
    pipe = subprocess.PIPE
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors) as server,  # noqa: S603 - this module, by this Python
    ):
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            if not port:
                raise BenchError(
                    f"The server ended before it was ready: {_last_line(log)}",
                    next_step="Check that the catalogue and the bundle can be served.",
                )
            yield Served(int(port), server.pid)
        finally:
            server.terminate()
            try:
                server.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def resident_mb(pid: int) -> float:
    """Return how much memory a process has in use at this moment, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def used_seconds(pid: int) -> float:
    """Return how long a process has worked so far, all its threads together, whatever else the machine did."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing.")


def main(home: str, dataset: str, security: str | None = None) -> None:
    """Serve a workspace until SIGTERM; print the port once it answers."""
    # Imported here: the process that starts this one needs none of it.
    from movie_mlops.flows import PlatformConfig  # noqa: PLC0415
    from movie_mlops.flows.serve import make_app  # noqa: PLC0415
    from movie_mlops.serving import ServingConfig, bind, serve  # noqa: PLC0415

    threading.Thread(target=_end_with_parent, daemon=True).start()
    bound = bind(_HOST, 0)
    workspace, secret, config = Workspace(Path(home), dataset), None, ServingConfig()
    if security is not None:
        secret = read_key_secret(workspace.keys, None)
        config = ServingConfig(security=SecurityConfig.model_validate_json(security))
    app = make_app(workspace, PlatformConfig(), config, key_secret=secret)
    serve(app, bound, on_ready=lambda: print(bound.getsockname()[1], flush=True))  # noqa: T201 - the parent reads it


def _end_with_parent() -> None:
    """End as if told to when the other end of standard input is gone, also where the parent was killed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
