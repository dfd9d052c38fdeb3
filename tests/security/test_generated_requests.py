"""Requests that a machine makes up from the API's own description, the sound ones and the broken ones."""

from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fixtures.stage_5.platform import ADMIN, Platform

KEPT = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
"""The checks. What sound requests are refused for is said in words: that an id must be printable, for example."""

LONGEST_ADDRESS = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    with platform.served() as url:
        liked = [{"user_id": "ann", "movie_id": film, "kind": "like"} for film in (6, 47)]
        httpx.post(f"{url}/v1/events", json={"events": liked}).raise_for_status()
        yield url
    platform.database.close()


def besiege(operation: APIOperation, mode: GenerationMode, times: int, statuses: Counter[int]) -> list[str]:
    """Send so many made-up requests; return what was wrong with the answers."""
    faults: dict[str, str] = {}
    session = requests.Session()

    @seed(20)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(session=session, headers=ADMIN)
        statuses[answer.status_code] += 1
        if len(answer.request.url or "") > LONGEST_ADDRESS:
            # The server's parser refuses it before the API hears of it.
            assert answer.status_code == HTTPStatus.BAD_REQUEST
            return
        try:
            case.validate_response(answer, checks=KEPT)
        except* AssertionError as group:
            for error in group.exceptions:
                what = str(error).partition("\n")[0]
                faults.setdefault(
                    what, f"{operation.label}: {what} ({answer.status_code}): {case.as_curl_command()[:500]}"
                )

    try:
        ask()
    except Unsatisfiable:
        # Nothing can be broken in a request that says nothing.
        assert mode is GenerationMode.NEGATIVE
    finally:
        session.close()
    return list(faults.values())


@pytest.mark.parametrize("times", [8, pytest.param(300, marks=pytest.mark.long)])
def test_no_made_up_request_breaks_the_server(address: str, times: int) -> None:
    """Promise P23: no request made up from the API's description, or against it, gets a 5xx; answers are as told."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    statuses: Counter[int] = Counter()
    faults, operations = [], 0
    for found in schema.get_all_operations():
        operation = found.ok()
        operations += 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            faults += besiege(operation, mode, times, statuses)
    assert not faults, "\n".join(faults)
    assert operations > 20
    assert statuses.total() > (10_000 if times > 8 else 200), statuses
    assert {200, 401, 404, 422} <= statuses.keys()
    assert httpx.get(f"{address}/v1/users/ann/recommendations").json()["source"] == "personalised"
