"""What callers see while a store behind the API is away or damaged."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from movie_mlops.events import EventLog
from movie_mlops.features import Carrier, Histories, Record
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_3.postgres_server import PostgresServer
from tests.fixtures.stage_5.platform import ADMIN, Platform

URL = "/v1/users/ann/recommendations"


@pytest.fixture
def platform(tmp_path: Path, state_url: str) -> Iterator[Platform]:
    platform = Platform(tmp_path, state_url=state_url)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


def like(client: httpx.Client, user: str, film: int) -> None:
    assert client.post("/v1/events", json={"user_id": user, "movie_id": film, "kind": "like"}).status_code == 201


def test_a_cache_that_is_away_is_seen_and_changes_no_answer(platform: Platform, tmp_path: Path) -> None:
    """Promise P14: Redis is killed: answers stay personal and right, say so, and are counted; then all is as before."""
    server = RedisServer(tmp_path / "redis")
    store = Carrier(Record(platform.database), server.config())
    platform.histories = Histories(platform.database, store)
    platform.events = EventLog(platform.database, platform.histories, platform.feedback)
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        like(client, "ann", 6)
        before = client.get(URL).json()
        assert (before["source"], before["note"]) == ("personalised", None) or before["note"].startswith("Only")
        server.kill()
        away = client.get(URL).json()
        assert (away["source"], away["items"]) == ("personalised", before["items"])
        assert "A cache is away, so this answer came from the record." in away["note"]
        like(client, "ann", 260)
        metrics = client.get("/metrics").text
        assert 'movie_mlops_degraded_answers_total{missing="redis"} 1.0' in metrics
        assert "movie_mlops_online_degraded 1.0" in metrics
        assert 'movie_mlops_online_rows_total{backend="redis",outcome="fallback",view="histories"}' in metrics
        assert {item["movie_id"] for item in client.get(URL).json()["items"]}.isdisjoint({6, 260})
        server.start()
        for _ in range(1000):
            answer = client.get(URL).json()
            if "cache" not in (answer["note"] or ""):
                break
        assert "cache" not in (answer["note"] or "")
        assert {item["movie_id"] for item in answer["items"]}.isdisjoint({6, 260})
    server.kill()


def test_a_history_that_cannot_be_read_is_said_and_nobody_elses(platform: Platform) -> None:
    """Promise P14: with a damaged history an answer is 200, popular, says why, is counted, and helps nobody else."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        like(client, "ann", 6)
        like(client, "ben", 260)
        with platform.database.write() as connection:
            connection.execute(text("UPDATE online_rows SET packed = :packed WHERE key = 'ann'"), {"packed": b"\0"})
        answer = client.get(URL)
        assert answer.status_code == 200
        document = answer.json()
        assert document["source"] == "popular"
        assert document["note"].startswith("Your history cannot be read at the moment")
        assert 'movie_mlops_degraded_answers_total{missing="history"} 1.0' in client.get("/metrics").text
        assert client.get("/v1/users/ben/recommendations").json()["source"] == "personalised"


def test_without_the_state_database_answers_are_popular(platform: Platform) -> None:
    """Promise P14: the feature store is gone altogether: 200, popular, said and counted."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        like(client, "ann", 6)
        with platform.database.write() as connection:
            connection.execute(text("ALTER TABLE online_rows RENAME TO gone"))
        document = client.get(URL).json()
        assert (document["source"], document["note"][:12]) == ("popular", "Your history")
        with platform.database.write() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO online_rows"))
        assert client.get(URL).json()["source"] == "personalised"


def test_without_the_model_answers_are_popular(platform: Platform) -> None:
    """Promise P14: the champion's bundle is gone: 200, popular, said and counted; nobody sees what somebody else likes.

    While it serves, what is in memory goes on; a server that is started without it gives what is popular, without the
    films that this user met and with those that another one met; once a release can be loaded answers are personal.
    """
    bundle = platform.bundles / platform.ledger.champion().bundle_id
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        like(client, "ann", 6)
        like(client, "ben", 260)
        bundle.rename(bundle.with_name("gone"))
        assert client.get(URL).json()["source"] == "personalised"
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        answer = client.get(URL)
        document = answer.json()
        assert (answer.status_code, document["source"], document["release"]) == (200, "popular", None)
        assert document["note"].startswith("No model is released yet")
        films = {item["movie_id"] for item in document["items"]}
        assert 6 not in films
        assert 260 in films
        metrics = client.get("/metrics").text
        assert 'movie_mlops_answers_total{source="popular"} 1.0' in metrics
        assert "movie_mlops_release_failing 1.0" in metrics
        bundle.with_name("gone").rename(bundle)
        platform.promote(platform.train("item-knn"))
        until(lambda: client.get(URL).json()["source"] == "personalised")
        assert "movie_mlops_release_failing 0.0" in client.get("/metrics").text


def test_a_server_that_was_started_again_serves_all_that_it_acknowledged(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Promise P14: PostgreSQL crashes under the API and comes back.

    Meanwhile answers are popular, say why and are counted; events are refused with 503, so nobody believes them kept;
    readiness says degraded. Afterwards all is as before by itself, with every acknowledged event, also those that were
    sent while it fell, and every answer has its passport.
    """
    with postgres_server.database() as name:
        platform = Platform(tmp_path, state_url=postgres_server.url(name))
        platform.promote(platform.train())
        with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
            like(client, "ann", 6)
            answers = [client.get(URL).json()]
            assert answers[0]["source"] == "personalised"
            acknowledged, ended = set[str](), threading.Event()
            sender = threading.Thread(target=send, args=(url, acknowledged, ended))
            sender.start()
            until(lambda: len(acknowledged) > 10)
            postgres_server.stop()
            answer = client.get(URL)
            answers.append(answer.json())
            assert (answer.status_code, answers[1]["source"]) == (200, "popular")
            assert answers[1]["note"].startswith("Your history cannot be read at the moment")
            assert client.get("/v1/movies/6/similar").status_code == 200
            for refused in (
                client.post("/v1/events", json={"user_id": "ann", "movie_id": 1, "kind": "like"}),
                client.get("/v1/users/ann/history"),
                client.get("/v1/admin/releases", headers=ADMIN),
            ):
                assert (refused.status_code, refused.json()["type"]) == (503, "urn:movie-mlops:problem:state")
                assert refused.headers["Retry-After"]
                assert "postgres" not in refused.text
            assert 'movie_mlops_degraded_answers_total{missing="history"} ' in client.get("/metrics").text
            until(lambda: client.get("/readyz").json()["status"] == "degraded")
            postgres_server.start()
            until(lambda: client.get(URL).json()["source"] == "personalised")
            until(lambda: client.get("/readyz").json()["status"] == "ready")
            before = len(acknowledged)
            until(lambda: len(acknowledged) > before)
            ended.set()
            sender.join()
            recorded = [event.interaction.event_id for event in platform.events.read(0, 1_000_000)]
            assert acknowledged <= set(recorded)
            assert len(recorded) == len(set(recorded))
            for answer in answers:
                page = f"/v1/recommendations/{answer['recommendation_id']}/passport"
                until(lambda page=page: client.get(page).status_code == 200)
        platform.database.close()


def send(url: str, acknowledged: set[str], ended: threading.Event) -> None:
    """Send event after event, and note those that were acknowledged."""
    with httpx.Client(base_url=url, timeout=20) as client:
        for number in count():
            # Often enough that some are on their way whenever the store falls.
            if ended.wait(0.03):
                return
            event = {"event_id": f"e{number}", "user_id": "ben", "movie_id": 47, "kind": "like"}
            if client.post("/v1/events", json=event).status_code == 201:
                acknowledged.add(event["event_id"])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
