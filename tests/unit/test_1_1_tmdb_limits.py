"""How often TMDB is asked, and how long it is waited for."""

from datetime import UTC, datetime

import pytest

from movie_mlops.ingest.tmdb.config import TmdbConfig
from movie_mlops.ingest.tmdb.limits import FULL_JITTER, RateLimit, RealTimer, backoff, retry_after
from tests.fixtures.stage_1.tmdb import FakeTimer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    """The bucket gives its burst at once, then a token each interval; a rest fills it again, never above the burst."""
    timer = FakeTimer()
    limit = RateLimit(10.0, 3, timer)
    for _ in range(5):
        limit.acquire()
    assert timer.slept == [0.1, 0.1]
    timer.time += 100
    timer.slept.clear()
    for _ in range(4):
        limit.acquire()
    assert timer.slept == [0.1]


def test_any_second_sees_no_more_than_rate_and_burst() -> None:
    """Whatever the pauses between requests, no window of a second has more than the rate and the burst."""
    timer = FakeTimer()
    limit = RateLimit(5.0, 2, timer)
    at = []
    for number in range(200):
        timer.time += (number * 7919 % 13) / 40
        limit.acquire()
        at.append(timer.time)
    assert max(sum(start <= other < start + 1.0 for other in at) for start in at) <= 5 + 2


def test_a_hold_stops_every_worker_and_ends() -> None:
    """While the bucket is held nobody gets a token, not even who had waited for one already."""
    timer = FakeTimer()
    limit = RateLimit(10.0, 3, timer)
    limit.acquire()
    limit.hold(30.0)
    limit.hold(5.0)
    limit.acquire()
    assert timer.time == 1030.0
    limit.acquire()
    assert timer.time == 1030.0


def test_waits_double_to_a_most_and_are_spread_from_nothing() -> None:
    """The jitter is full: from none to a most that doubles up to its own most."""
    config = TmdbConfig(backoff_seconds=0.5, backoff_max_seconds=3.0)
    assert [backoff(attempt, config, lambda low, high: high) for attempt in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert [backoff(attempt, config, lambda low, high: low) for attempt in range(1, 6)] == [0.0] * 5
    spread = [backoff(3, config, FULL_JITTER) for _ in range(200)]
    assert 0 <= min(spread) < 0.5
    assert 1.5 < max(spread) <= 2.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "Mon, 02 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 02 Mar 2026 11:00:00 GMT"}, 0.0),
        # The server's clock is an hour ahead of ours: what counts is how long it wants us to wait.
        ({"Retry-After": "Mon, 02 Mar 2026 13:00:05 GMT", "Date": "Mon, 02 Mar 2026 13:00:00 GMT"}, 5.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "1.5e3"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Mon, 99 Mar 2026 12:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """Both forms of Retry-After are kept; what cannot be read counts as not said."""
    assert retry_after(headers, now=NOON) == seconds


def test_a_woken_timer_waits_no_more() -> None:
    """Whoever is stopped does not sleep on."""
    timer = RealTimer()
    timer.wake()
    before = timer.now()
    timer.sleep(30)
    assert timer.now() - before < 5
