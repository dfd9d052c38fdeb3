"""Workers behind the API: each acknowledged event is in the lake once, whoever brings it and whoever dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.flows import Platform
from movie_mlops.flows.worker import Worker
from tests.fixtures.common.warm_python import WARM, WarmProcess
from tests.fixtures.stage_9.shop import held, opened, say, shop

WITHIN_S = 60


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A data set with one rating."""
    with shop(tmp_path) as platform:
        yield platform


def test_workers_share_the_work(platform: Platform, tmp_path: Path) -> None:
    """Promise P19: four workers that set about the same events at the same moment bring each of them, none twice."""
    others = [opened(tmp_path) for _ in range(4)]
    said, bursts = set[str](), 6
    gate, failed = threading.Barrier(len(others) + 1), list[MovieMlopsError]()

    def work(worker: Worker) -> None:
        for _ in range(bursts):
            gate.wait(WITHIN_S)
            try:
                worker.turn()
            except MovieMlopsError as error:
                failed.append(error)
            gate.wait(WITHIN_S)

    working = [threading.Thread(target=work, args=(Worker(one, f"w{place}"),)) for place, one in enumerate(others)]
    for thread in working:
        thread.start()
    for burst in range(bursts):
        said |= say(platform, 100 * burst, 25)
        gate.wait(WITHIN_S)
        gate.wait(WITHIN_S)
    for thread in working:
        thread.join()
    for other in others:
        other.close()
    assert (held(platform), failed) == (sorted(said), [])


def test_a_killed_worker_loses_nothing(platform: Platform, tmp_path: Path) -> None:
    """Promise P19: workers killed at any moment leave every event to be brought, and none twice."""
    said = set[str]()
    for burst in range(6):
        said |= say(platform, 1000 * burst, 400)
        process = started(tmp_path)
        # The first look at the log comes at once: somewhere in it, or after it, the process dies.
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.03 * burst)
        process.kill()
        process.communicate(timeout=WITHIN_S)
    Worker(platform, "last").turn()
    assert held(platform) == sorted(said)


def test_a_worker_ends_when_it_is_asked(platform: Platform, tmp_path: Path) -> None:
    """At SIGTERM the turn that has begun is ended, and the exit code is 0; ``--check`` knows whether it lives."""
    said = say(platform, 10, 3)
    process = started(tmp_path)
    deadline = time.monotonic() + WITHIN_S
    while len(held(platform)) < len(said) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended(started(tmp_path, "--check")) == 0
    assert ended(started(tmp_path, "--check", "--name", "nobody")) == 1
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 0
    assert held(platform) == sorted(said)


def started(home: Path, *options: str) -> WarmProcess:
    """Start the command."""
    words = ["worker", "--every", "0.1", "--home", str(home), "--dataset", "shop", *options]
    environment = {"PATH": os.defpath, "PYTHONUNBUFFERED": "1"}
    return WARM.start(["-m", "movie_mlops", *words], cwd=home, env=environment)


def ended(process: WarmProcess) -> int:
    """Wait for the command's end; return its exit code."""
    process.communicate(timeout=WITHIN_S)
    return process.returncode
