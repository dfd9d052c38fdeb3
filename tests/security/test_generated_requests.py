"""Requests that a machine makes up from the API's own description, the sound ones and the broken ones."""

from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.stage_5.platform import Platform


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    with platform.served() as url:
        liked = [{"user_id": "ann", "movie_id": film, "kind": "like"} for film in (6, 47)]
        httpx.post(f"{url}/v1/events", json={"events": liked}).raise_for_status()
        yield url
    platform.database.close()


@pytest.mark.parametrize("times", [2, pytest.param(300, marks=pytest.mark.long)])
def test_no_made_up_request_breaks_the_server(address: str, times: int) -> None:
    """Promise P23: no request made up from the API's description, or against it, gets a 5xx; answers are as told."""
    from tests.fixtures.stage_5.made_up_requests import besiege_all  # noqa: PLC0415 - takes a second

    faults, operations, statuses = besiege_all(address, times)
    assert not faults, "\n".join(faults)
    assert operations > 20
    assert statuses.total() > (10_000 if times > 4 else 100), statuses
    assert {200, 401, 404, 422} <= statuses.keys()
    assert httpx.get(f"{address}/v1/users/ann/recommendations").json()["source"] == "personalised"
