"""A user's events through HTTP: what was acknowledged outlives kill -9, counts once, and reaches the lake once."""

import html
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.fixtures.stage_4.command_line import QUICK, CommandLine, copied
from tests.fixtures.stage_5.server_process import ServerProcess
from tests.fixtures.stage_9.shifting import (
    AFTER,
    BEFORE,
    BEGINS,
    Taste,
    judged_people,
    liked,
    ndcg,
    write_source,
)

TOKEN = "a-token-of-the-drill-0123456789"

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
        done = home("run", "--only", "ingest", "--json")
        assert done.code == 0, done.err
        step = done.document["step"]
        assert step["result"]["events_new"] == 40 if new else step["status"] == "skipped"
        assert home("lake", "sql", COUNT, "--json").document == [{"n": 40, "ids": 40}]


def test_a_batch_with_one_bad_event_leaves_nothing_behind(server: ServerProcess) -> None:
    """A batch is taken whole or not at all: with one event refused, none is in the history, and the reason is told."""
    batch = [event(1, 1), {**event(2, 6), "kind": "adore"}, event(3, 50)]
    refused = httpx.post(f"{server.url}/v1/events", json={"events": batch})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert "kind" in refused.text
    assert [likes(server, f"user-{number}") for number in range(3)] == [set(), set(), set()]


UNATTENDED: dict[str, Any] = {
    "platform": {
        "recipes": [
            {"name": "popular", "model": "popular"},
            {"name": "ease", "model": "ease", "params": {"regularisation": 20}},
        ],
        "baselines": ["popular"],
    },
    "gates": {"footprint": {"requests": 0}, "robustness": {"attacks": []}},
    "rollout": {
        "canary": {
            "stages": [0.5],
            "least_seconds": 0.0,
            "least_answers": 20,
            "slow_ms": 10_000.0,
            "guards": {"errors": None, "popular": None},
        },
        "looks_seconds": 0.1,
    },
    "triggers": {"unattended": True, "every_seconds": 0.2, "least_new": 200},
}


@pytest.mark.long
def test_the_audience_drifts_overnight_and_the_loop_closes_by_itself(tmp_path: Path) -> None:
    """Promise P20: from event to promoted model with no human after the audience shifts, and back to what it was."""
    place = CommandLine(tmp_path, tmp_path / "home", settings={"MOVIE_MLOPS_ADMIN_TOKEN": TOKEN}).configured()
    for name, said in UNATTENDED.items():
        (place.config / f"{name}.yaml").write_text(yaml.safe_dump(said))
    begun = place("run", *write_source(tmp_path, liked(BEFORE, 300, 10, begins=BEGINS, prefix="p", seed=1)))
    assert begun.code == 0, begun.err
    worker = place.start("worker", "--every", "0.2")
    with place.serving() as client:
        first = client.get("/readyz").json()["release"]["release_id"]
        was, lost = (worth(client, tastes) for tastes in (BEFORE, AFTER))
        assert was - lost > 0.2
        overnight = liked(AFTER, 160, 10, begins=BEGINS + timedelta(days=40), prefix="q", seed=2)
        for start in range(0, len(overnight), 400):
            batch = [like.event() for like in overnight[start : start + 400]]
            assert client.post("/v1/events", json={"events": batch}).is_success
        deadline, people = time.monotonic() + 120, 0
        while (release := client.get("/readyz").json()["release"]["release_id"]) == first:
            assert time.monotonic() < deadline, place("triggers", "runs").out
            # People go on asking, of whom half are given the candidate.
            people += 1
            assert client.get(f"/v1/users/p{people % 300}/recommendations").status_code == 200
        assert release == first + 1
        found = worth(client, AFTER)
        assert found - lost >= 0.8 * (was - lost), (was, lost, found)
        time_left = time.monotonic() + 30
        while (run := place("triggers", "runs", "--json").document[0])["stage"] in {"proposed", "canary"}:
            assert time.monotonic() < time_left
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=30)
        assert (worker.returncode, err) == (0, "")
        assert "by films: promoted" in out
        client.post("/console/sign-in", data={"token": TOKEN})
        page = client.get("/console/events").text
    assert (run["trigger"], run["stage"]) == ("films", "promoted")
    assert [step["what"] for step in run["steps"]] == ["proposed", "canary", "promoted"]
    story = page[page.index("What the loop did") :]
    for word in ("by films", html.escape(run["reason"]), "It passed the gate", run["canary"], run["bundle_id"]):
        assert word in story
    ledger = place("release", "history", "--json").document[0]
    assert (ledger["bundle_id"], ledger["approved_by"]) == (run["bundle_id"], "canary-guard")
    assert run["reason"] in ledger["gate"]["proposed"]
    noted = place("security", "audit", "search", "--json").document
    assert {one["action"] for one in noted} >= {"loop.proposed", "loop.canary", "loop.promoted"}


def worth(client: httpx.Client, tastes: Sequence[Taste]) -> float:
    """Return the mean nDCG@10 of lists for new people of these tastes, who have told of five films."""
    found = []
    for told, wanted in judged_people(tastes, 60, 3):
        body = {"history": [{"movie_id": film, "kind": "like"} for film in told], "k": 10}
        items = client.post("/v1/recommendations", json=body).json()["items"]
        found.append(ndcg([item["movie_id"] for item in items], wanted))
    return sum(found) / len(found)
