"""A user's events through HTTP: what was acknowledged outlives kill -9, counts once, and reaches the lake once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.stage_4.command_line import QUICK, CommandLine, copied
from tests.fixtures.stage_5.server_process import ServerProcess

COUNT = "select count(*) as n, count(distinct event_id) as ids from interactions where source = 'api'"


@pytest.fixture
def home(finished: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(finished, tmp_path).configured(**QUICK)


@pytest.fixture
def server(home: CommandLine) -> Iterator[ServerProcess]:
    process = ServerProcess(home.folder / "server.txt", "serve", "--home", str(home.home))
    process.start()
    yield process
    process.end()


def event(number: int, film: int) -> dict[str, Any]:
    return {"event_id": f"event-{number}", "user_id": f"user-{number % 3}", "movie_id": film, "kind": "like"}


def likes(server: ServerProcess, user: str) -> set[int]:
    items = httpx.get(f"{server.url}/v1/users/{user}/history").json()["items"]
    return {item["movie_id"] for item in items if item["liked"]}


def test_events_outlive_a_kill_count_once_and_reach_the_lake_once(home: CommandLine, server: ServerProcess) -> None:
    """Promise P1: killed between answers, the server has every event that it acknowledged; repetitions count once."""
    catalogue = httpx.get(f"{server.url}/v1/movies?k=40").json()["items"]
    events = [event(number, film["movie_id"]) for number, film in enumerate(catalogue)]
    acknowledged = []
    for kill_after in (7, 11, 40):
        for one in events[len(acknowledged) : kill_after]:
            answer = httpx.post(f"{server.url}/v1/events", json=one)
            assert (answer.status_code, answer.json()["accepted"]) == (201, 1)
            acknowledged.append(one)
        # kill -9, between one answer and the next; then it starts again on what is on the disk.
        server.end()
        server.start()
        for user in ("user-0", "user-1", "user-2"):
            assert likes(server, user) == {one["movie_id"] for one in acknowledged if one["user_id"] == user}

    # Everything once more, in one batch and with a repetition inside: nothing counts twice.
    again = httpx.post(f"{server.url}/v1/events", json={"events": [*events, events[0]]}).json()
    assert (again["accepted"], again["duplicates"]) == (0, 41)
    shown = httpx.get(f"{server.url}/v1/users/user-0/recommendations").json()
    assert shown["source"] == "personalised"
    assert not {item["movie_id"] for item in shown["items"]} & likes(server, "user-0")
    assert server.stop() == 0, server.printed()

    for new in (40, 0):
        done = home("run", "--json")
        assert done.code == 0, done.err
        assert (
            done.document["rows"].get("events_new") == 40 if new else "skipped" in json.dumps(done.document["steps"][0])
        )
        assert home("lake", "sql", COUNT, "--json").document == [{"n": 40, "ids": 40}]


def test_a_batch_with_one_bad_event_leaves_nothing_behind(server: ServerProcess) -> None:
    """A batch is taken whole or not at all: with one event refused, none is in the history, and the reason is told."""
    batch = [event(1, 1), {**event(2, 6), "kind": "adore"}, event(3, 50)]
    refused = httpx.post(f"{server.url}/v1/events", json={"events": batch})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert "kind" in refused.text
    assert [likes(server, f"user-{number}") for number in range(3)] == [set(), set(), set()]
