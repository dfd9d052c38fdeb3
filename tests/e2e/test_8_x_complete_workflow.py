"""People go on asking, at their own pace, while a release takes over and while the server is told to stop."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from movie_mlops.bench import Outcome, Plan, drive_apart
from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.server_process import ServerProcess

RATE, CONNECTIONS = 80, 8
USERS = "select user_id from interactions group by user_id having count(*) > 20 order by user_id limit 40"
REFUSED = "Connection refused"


@pytest.fixture
def home(second_release: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(second_release, tmp_path)


@pytest.fixture
def server(home: CommandLine) -> Iterator[ServerProcess]:
    process = ServerProcess(home.folder / "server.txt", "serve", "--home", str(home.home))
    process.start()
    yield process
    process.end()


@pytest.fixture
def paths(home: CommandLine) -> tuple[str, ...]:
    """What forty users ask for: ten films with their reasons."""
    rows = home("lake", "sql", USERS, "--json").document
    return tuple(f"/v1/users/{row['user_id']}/recommendations?k=10&explain=true" for row in rows)


def plan(server: ServerProcess, paths: tuple[str, ...], seconds: float) -> Plan:
    """Return a load of personal answers: any other answer is an error."""
    markers = (b'"source":"personalised"', b'"reason":{')
    return Plan("127.0.0.1", server.port, paths, seconds=seconds, rate=RATE, connections=CONNECTIONS, markers=markers)


def test_no_request_is_dropped_while_a_release_takes_over(
    home: CommandLine, server: ServerProcess, paths: tuple[str, ...]
) -> None:
    """Promise P12: under open-loop load, promotions to and fro fail no request and drop none."""
    bundles = [row["bundle_id"] for row in home("release", "history", "--json").document]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(drive_apart, plan(server, paths, 8.0))
        for bundle in reversed(bundles):
            assert home("release", "promote", bundle, "--reason", "under load").code == 0
        outcome: Outcome = running.result()
    assert (outcome.errors, outcome.unanswered) == ({}, 0)
    assert outcome.requests == 8 * RATE
    assert home("release", "status", "--json").document["bundle_id"] == bundles[0]
    assert server.stop() == 0, server.printed()


def test_no_request_is_dropped_when_the_server_is_told_to_stop(server: ServerProcess, paths: tuple[str, ...]) -> None:
    """Promise P12: what was sent is answered, in full and with 200; later ones are refused before they are sent."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(drive_apart, plan(server, paths, 5.0))
        while answered(server) < RATE:
            assert not running.done(), running.result()
        server.ask_to_stop()
        assert server.wait() == 0, server.printed()
        outcome: Outcome = running.result()
    # It was under load when it was told, and it did end.
    assert RATE <= outcome.requests - outcome.errors[REFUSED] < outcome.requests
    assert (set(outcome.errors), outcome.unanswered) == ({REFUSED}, 0)


def answered(server: ServerProcess) -> float:
    """Return how many lists of recommendations the server has given."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("movie_mlops_answers_total{"))
