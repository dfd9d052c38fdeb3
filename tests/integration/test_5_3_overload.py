"""What happens when more is asked for than can be answered."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.bench import Plan, drive_apart, summary
from movie_mlops.bench.serve.process import resident_mb
from movie_mlops.features import Histories, History
from tests.fixtures.stage_5.platform import Platform

URL = "/v1/users/ann/recommendations"
WORK_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 0.1
CROWD = 150
THREE_TIMES = 3 / WORK_SECONDS


class SlowHistories(Histories):
    """Each history takes the loop a fixed time, so that what the server can do is known: a hundred answers a second."""

    def read(self, user_id: str) -> History:  # noqa: D102 - as the base class says
        time.sleep(WORK_SECONDS)
        return super().read(user_id)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.histories = SlowHistories(platform.database)
    platform.config = replace(platform.config, longest_wait_seconds=LONGEST_WAIT_SECONDS)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


def load(url: str, seconds: float, **changes: Any) -> Plan:
    host, _, port = url.removeprefix("http://").partition(":")
    return Plan(host, int(port), (URL,), seconds, **{"may_refuse": True, "patience_seconds": 30.0, **changes})


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def test_more_than_can_be_answered_is_refused_at_once(platform: Platform) -> None:
    """Promise P13: three times what can be answered: the rest is 503 with Retry-After, what is admitted is in time.

    150 connections wait: without refusals the last of them would wait 1.5 s for its turn, and each second of it would
    put two more between a request and its answer. Admitted answers take the longest wait twice, and a little. Memory
    stays where the crowd brought it, and once it has gone nothing is refused.
    """
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        assert client.post("/v1/events", json={"user_id": "ann", "movie_id": 6, "kind": "like"}).status_code == 201
        first = drive_apart(load(url, 1.0, rate=THREE_TIMES, connections=CROWD))
        before = resident_mb(os.getpid())
        crowd = drive_apart(load(url, 2.0, rate=THREE_TIMES, connections=CROWD))
        grown = resident_mb(os.getpid()) - before
        latency = summary(crowd.latency_ms)
        assert latency is not None
        assert (crowd.errors, crowd.unanswered) == ({}, 0)
        assert latency["p99"] < 1200
        # The server goes on answering, and refuses no more than it must.
        assert crowd.requests > 60
        assert len(crowd.refused_ms) > 200
        assert crowd.requests + len(crowd.refused_ms) == 600
        assert grown < 10
        assert metric(client, "movie_mlops_shed_requests_total") == len(crowd.refused_ms) + len(first.refused_ms)
        after = drive_apart(load(url, 1.0, rate=0.4 / WORK_SECONDS, connections=CROWD))
        assert (after.requests, len(after.refused_ms), after.errors, after.unanswered) == (40, 0, {}, 0)


def test_whoever_watches_is_answered_in_the_crowd(platform: Platform) -> None:
    """Promise P13: health, readiness and metrics are never refused; a refusal is a problem document as any other."""
    platform.config = replace(platform.config, longest_wait_seconds=0.0)
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            answers = together(lambda path=path: client.get(path), 30)
            assert {answer.status_code for answer in answers} == {200}
        answers = together(lambda: client.get(URL), 60)
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert len(refused) < len(answers)
        for answer in refused:
            assert answer.headers["Retry-After"] == "1"
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.json()["type"] == "urn:movie-mlops:problem:overloaded"


def test_those_who_wait_for_a_commit_are_bounded_too(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P13: of forty events at once, with slow commits and room for three to wait, few are admitted.

    Each is either acknowledged and kept or refused and not kept.
    """
    append_all = platform.events.append_all

    def slowly(*given: Any) -> Any:
        time.sleep(0.5)
        return append_all(*given)

    monkeypatch.setattr(platform.events, "append_all", slowly)
    event = {"user_id": "ann", "movie_id": 6, "kind": "like"}
    with (
        platform.served(worker_threads=1, most_waiting=3) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        answers = together(lambda: client.post("/v1/events", json=event), 40)
    codes = Counter(answer.status_code for answer in answers)
    assert codes.keys() == {201, 503}
    assert codes[503] > 20
    assert len(list(platform.events.read(0, 1000))) == codes[201]


def together(ask: Callable[[], httpx.Response], times: int) -> list[httpx.Response]:
    """Send the same request many times at once."""
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(ask) for _ in range(times)]]
