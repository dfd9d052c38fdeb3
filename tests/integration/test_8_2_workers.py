"""One to three real servers behind the real nginx, over one PostgreSQL and one Redis: as one, whatever happens."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.bench import Plan, StageConfig, drive
from tests.fixtures.stage_3.postgres_server import PostgresServer
from tests.fixtures.stage_8.fleet import PATIENCE_S, Fleet, answered_by, balanced, without_what_changes

USERS = 12
FILMS = 400
FACTORS = 16


@pytest.fixture
def fleet(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Fleet]:
    with postgres_server.database() as database:
        made = Fleet(tmp_path, postgres_server, database, StageConfig(films=FILMS, factors=FACTORS, users=USERS))
        try:
            yield made
        finally:
            made.end()


def everything(fleet: Fleet, url: str) -> list[dict[str, Any]]:
    """Return the answers to many questions."""
    told = [fleet.answer(url, user) for user in fleet.stage.user_ids]
    film = int(fleet.stage.movie_ids[3])
    paths = (f"/v1/movies/{film}/similar?k=5", "/v1/movies?query=film&k=20", "/v1/users/nobody/recommendations")
    told += [without_what_changes(httpx.get(url + path, timeout=PATIENCE_S).json()) for path in paths]
    liked = {"history": [{"movie_id": film}], "k": 7}
    told.append(without_what_changes(httpx.post(f"{url}/v1/recommendations", json=liked, timeout=PATIENCE_S).json()))
    return told


def test_the_answers_are_the_same_however_many_there_are(fleet: Fleet) -> None:
    """Promise P31: one, two or three servers behind nginx give the same answers, of every kind, to the last digit.

    Then an event comes in through nginx: once it is acknowledged each of the servers knows it, whichever took it.
    """
    fleet.grow(3)
    told = {}
    for many in (1, 2, 3):
        folder = fleet.folder / f"nginx-{many}"
        with balanced(folder, fleet.servers[:many]) as url:
            told[many] = [everything(fleet, url) for _ in range(2)]
        # Twice what there is to ask, so that each question meets more than one of them.
        assert len(answered_by(folder)) == many
    first = told[1][0]
    assert all(one == first for many in told.values() for one in many)
    assert all(answer["source"] == "personalised" for answer in first[:USERS])
    with balanced(fleet.folder / "nginx-events", fleet.servers) as url:
        for user in fleet.stage.user_ids[:3]:
            film = fleet.answer(url, user)["items"][0]["movie_id"]
            event = {"event_id": f"like-of-{user}", "user_id": user, "movie_id": film, "kind": "like"}
            assert httpx.post(f"{url}/v1/events", json=event, timeout=PATIENCE_S).status_code == httpx.codes.CREATED
            after = [fleet.answer(server.url, user) for server in fleet.servers]
            assert all(film not in {item["movie_id"] for item in answer["items"]} for answer in after)
            assert after[0]["items"] == after[1]["items"] == after[2]["items"]


@pytest.mark.long
def test_a_rolling_restart_drops_nothing(fleet: Fleet) -> None:
    """Promise P31: three servers are replaced one after the other under an open loop: every request is answered."""
    fleet.grow(3)
    done: list[str] = []
    with balanced(fleet.folder / "nginx", fleet.servers) as url:
        address = httpx.URL(url)
        assert address.port is not None
        paths = tuple(f"/v1/users/{user}/recommendations?k=10" for user in fleet.stage.user_ids)
        going = threading.Event()

        def replace() -> None:
            going.wait()
            for server in fleet.servers:
                assert server.stop() == 0
                server.start()
                done.append(server.url)

        replacing = threading.Thread(target=replace)
        replacing.start()
        outcomes = []
        going.set()
        # As long as it takes on this machine, however slow it is; at least once more after the last.
        while len(done) < len(fleet.servers) and replacing.is_alive():
            plan = Plan(address.host, address.port, paths, 3.0, rate=20.0, connections=8, markers=(b'"personalised"',))
            outcomes.append(drive(plan))
        replacing.join()
        assert len(done) == 3
        outcomes.append(drive(Plan(address.host, address.port, paths, 1.0, rate=20.0, connections=8)))
    assert sum(outcome.requests for outcome in outcomes) >= 60
    for outcome in outcomes:
        assert (outcome.errors, outcome.unanswered) == ({}, 0)


@pytest.mark.long
def test_the_model_lies_in_memory_once(fleet: Fleet) -> None:
    """Promise P31: the bundle's arrays are mapped: three servers have them in memory once, and none has a copy."""
    fleet.grow(3)
    for server in fleet.servers:
        everything(fleet, server.url)
    largest = max((fleet.home / "models").rglob("*.npy"), key=lambda file: file.stat().st_size)
    found = [mapped(server.pid, largest) for server in fleet.servers]
    size = largest.stat().st_size
    assert all(one["Rss"] >= 0.9 * size for one in found)
    assert sum(one["Pss"] for one in found) <= 1.2 * size + 3 * 4096
    assert all(one["Private_Dirty"] == one["Anonymous"] == 0 for one in found)


def mapped(pid: int, file: Path) -> dict[str, int]:
    """Return what a process has of a mapped file, in bytes, by /proc's names."""
    total: dict[str, int] = {}
    mine = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if "-" in name.split()[0]:
            mine = line.endswith(str(file.resolve()))
        elif mine and rest.strip().endswith("kB"):
            total[name] = total.get(name, 0) + int(rest.split()[0]) * 1024
    assert total, f"{file} is not mapped"
    return total


@pytest.mark.long
def test_stores_go_away_and_come_back_and_nothing_acknowledged_is_lost(fleet: Fleet) -> None:
    """Promise P31: Redis, then PostgreSQL, goes away under events and questions, and comes back by itself.

    Without Redis everything is answered, personally, and /readyz says what is missing. Without PostgreSQL no event is
    acknowledged. Afterwards all is as before, and every event that was acknowledged is there.
    """
    fleet.grow(2)
    acknowledged: list[str] = []
    number = iter(range(10_000))

    def send(url: str) -> int:
        name = f"kept-{next(number)}"
        user, film = fleet.stage.user_ids[0], int(fleet.stage.movie_ids[5])
        event = {"event_id": name, "user_id": user, "movie_id": film, "kind": "view"}
        try:
            status = httpx.post(f"{url}/v1/events", json=event, timeout=PATIENCE_S).status_code
        except httpx.TransportError:
            return 0
        if status == httpx.codes.CREATED:
            acknowledged.append(name)
        return status

    def ready(url: str) -> str:
        return str(httpx.get(f"{url}/readyz", timeout=PATIENCE_S).json()["status"])

    with balanced(fleet.folder / "nginx", fleet.servers) as url:
        before = [fleet.answer(url, user) for user in fleet.stage.user_ids]
        assert send(url) == httpx.codes.CREATED
        fleet.redis.kill()
        meanwhile = [fleet.answer(url, user) for user in fleet.stage.user_ids]
        assert [answer["items"] for answer in meanwhile] == [answer["items"] for answer in before]
        assert {answer["note"] for answer in meanwhile} == {"A cache is away, so this answer came from the record."}
        assert [send(url) for _ in range(4)] == [201] * 4
        until(lambda: all(ready(server.url) == "degraded" for server in fleet.servers))
        fleet.redis.start()
        until(lambda: all(ready(server.url) == "ready" and fleet.answer(server.url, "1") for server in fleet.servers))
        with fleet.without_postgres():
            during = [send(url) for _ in range(4)]
            assert httpx.codes.CREATED not in during
        until(lambda: send(url) == httpx.codes.CREATED)
        until(lambda: [fleet.answer(url, user) for user in fleet.stage.user_ids] == before)
    database = fleet.state_url.split("@/")[1].split("?")[0]
    [(schema,)] = fleet.postgres.sql(
        "SELECT table_schema FROM information_schema.tables WHERE table_name = 'events' AND table_schema LIKE 'movie%'",
        database,
    )
    kept = {name for (name,) in fleet.postgres.sql(f"SELECT event_id FROM {schema}.events", database)}
    assert set(acknowledged) <= kept
    assert len(acknowledged) >= 6


def until(holds: Any) -> None:
    """Wait until something holds, as long as a slow machine may take."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while True:
        try:
            if holds():
                return
        except (AssertionError, httpx.TransportError):
            pass
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.2)
