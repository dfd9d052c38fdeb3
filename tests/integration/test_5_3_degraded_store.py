"""What callers see while a store behind the API is away or damaged."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from movie_mlops.events import EventLog
from movie_mlops.features import Carrier, Histories, Record
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_5.platform import Platform

URL = "/v1/users/ann/recommendations"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    return platform


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
            connection.execute(text("UPDATE online_rows SET packed = x'00' WHERE key = 'ann'"))
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
