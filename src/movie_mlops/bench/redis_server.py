"""A Redis of the benchmark's own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from movie_mlops.bench.errors import BenchError
from movie_mlops.features import RedisConfig

_PATIENCE: Final = 20


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisConfig]:
    """Run redis-server on a free port, keeping nothing.

    Raises:
        BenchError: It is not installed, or does not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise BenchError("redis-server is not installed.", next_step="Install it: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)  # noqa: S603 - no word is a user's
    try:
        _wait(port)
        yield RedisConfig(SecretStr(f"redis://127.0.0.1:{port}/0"), timeout_seconds=5.0)
    finally:
        server.kill()
        server.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError("redis-server did not start.", next_step="Run redis-server by hand.") from error
            time.sleep(0.02)
        else:
            return
