"""The load generator and the server that it loads: what the one sent, the other counts."""

import re
from pathlib import Path

import httpx

from movie_mlops.bench import Outcome, Plan, drive
from tests.fixtures.stage_5.platform import Platform

PATH = "/v1/users/ann/recommendations?k=3"


def load(url: str, *paths: str, markers: tuple[bytes, ...] = (b'"items"',)) -> Outcome:
    address = httpx.URL(url)
    assert address.port is not None
    return drive(Plan(address.host, address.port, paths, seconds=1.0, rate=60, connections=4, markers=markers))


def counted(url: str, **labels: str) -> float:
    """Return how many requests with these labels the server's own metrics count."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    found = [line for line in lines if line.startswith("movie_mlops_requests_total{")]
    return sum(float(line.split()[-1]) for line in found if all(word in line for word in wanted))


def test_what_was_sent_is_what_the_server_counted(tmp_path: Path) -> None:
    """Promise P30: every request that the generator reports is one that the server answered, and none is left out."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    with platform.served() as url:
        outcome = load(url, PATH, "/v1/movies/404404")
        answered = counted(url, route="/v1/users/{user_id}/recommendations", status="200")
        missing = counted(url, route="/v1/movies/{movie_id}", status="404")
    assert outcome.requests == 60
    assert (answered, missing) == (30, 30)
    # Half of them asked for a film that does not exist: they are errors by their status, and counted as such.
    assert outcome.errors == {"status 404": 30}
    assert outcome.unanswered == 0


def test_an_answer_of_another_kind_is_an_error(tmp_path: Path) -> None:
    """An answer that is quick because it is the fallback is not taken for a personal one."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    with platform.served() as url:
        outcome = load(url, PATH, markers=(b'"source":"personalised"',))
    assert list(outcome.errors.values()) == [60]
    assert re.search("without .*personalised", next(iter(outcome.errors)))
