"""Another server as a process of its own, in an environment of its own; it and what it starts end with its turn."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.bench.errors import BenchError

_HOST: Final = "127.0.0.1"
_LOOK_SECONDS: Final = 0.2
_END_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 20.0
_SILENT: Final = {
    # As ours: a small product goes no faster with two threads, and the others have one core left to answer with.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # They would tell their makers that they are used.
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_VERSIONS: Final = """
import importlib.metadata as m, json, sys
print(json.dumps({d.metadata["Name"].lower(): d.version for d in m.distributions()}))
"""


class Server(NamedTuple):
    """A server that answers, and its port."""

    port: int


@contextmanager
def rival_serving(
    python: Path, script: Path, data: Path, *, name: str, first: tuple[str, bytes], patience_seconds: float
) -> Iterator[Server]:
    """Run a script that serves; give its port once it has answered.

    Args:
        python: The Python of its environment.
        script: Called with a folder and a port.
        data: The folder.
        name: Who it is.
        first: A path and a body that it must answer.
        patience_seconds: How long it may take.

    Raises:
        BenchError: It cannot be started, ends, or does not answer.
    """
    log = data / f"{script.stem}.log"
    with socket.create_server((_HOST, 0)) as free:
        port = free.getsockname()[1]
    path = os.pathsep.join([str(python.absolute().parent), os.environ.get("PATH", os.defpath)])  # noqa: TID251 - handed on
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251 - likewise
    try:
        with log.open("wb") as lines:
            process = subprocess.Popen(  # noqa: S603 - the Python that the user named, and our own script
                [str(python.absolute()), str(script), str(data), str(port)],
                cwd=data,
                env={**inherited, **_SILENT, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                # A group of its own: what it starts can be ended with it, and nothing else.
                start_new_session=True,
            )
    except OSError as error:
        raise BenchError(
            f"{name} cannot be started: {error}.", next_step="Run: scripts/setup/setup_servers.sh"
        ) from error
    try:
        _await(process, port, first=first, name=name, log=log, patience_seconds=patience_seconds)
        yield Server(port)
    finally:
        _end(process)


def post(port: int, path: str, body: bytes) -> bytes:
    """Return the answer to a request."""
    line = HTTPConnection(_HOST, port, timeout=_ANSWER_SECONDS)
    try:
        line.request("POST", path, body, {"content-type": "application/json"})
        answer = line.getresponse()
        content = answer.read()
    finally:
        line.close()
    if answer.status != HTTPStatus.OK:
        raise HTTPException(f"status {answer.status}")
    return content


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages in an environment; of those that are there."""
    run = subprocess.run(  # noqa: S603 - the Python that the user named
        [str(python.absolute()), "-c", _VERSIONS], capture_output=True, text=True, check=False
    )
    there: dict[str, str] = json.loads(run.stdout) if run.returncode == 0 else {}
    return {package: there[package] for package in packages if package in there}


def _await(
    process: subprocess.Popen[bytes],
    port: int,
    *,
    first: tuple[str, bytes],
    name: str,
    log: Path,
    patience_seconds: float,
) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            post(port, *first)
        except (HTTPException, OSError) as error:
            ended, late = process.poll() is not None, time.monotonic() > deadline
            if ended or late:
                what = (
                    f"ended with {process.returncode}"
                    if ended
                    else f"has not answered in {patience_seconds:g} s ({error})"
                )
                raise BenchError(
                    f"{name} {what}; it said last: {_last_line(log)}",
                    next_step="Run scripts/setup/setup_servers.sh again, or leave it out.",
                ) from error
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    # What it has started and left behind.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
