"""What goes wrong, as a problem document."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.serving.door import Door
from movie_mlops.serving.errors import UnknownFilmError
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.problems import install, problem
from tests.fixtures.stage_5.platform import Platform, running


class ConflictError(MovieMlopsError):
    """An error of another room that its caller can mend."""

    code = "event-conflict"


class InnerError(MovieMlopsError):
    """An error of another room that is nobody else's business."""

    code = "bundle"


class StoreError(MovieMlopsError):
    """A store that does not answer."""

    code = "state"


FAILURES = {
    "own": UnknownFilmError("There is no film 7.", next_step="Search for it.", extra={"near": [1]}),
    "conflict": ConflictError("The id is taken.", next_step="Take another one."),
    "inner": InnerError("The bundle /secret/path is damaged.", next_step="Look into /secret."),
    "store": StoreError("The database /secret/state.db cannot be opened.", next_step="Look into /secret."),
    "bug": RuntimeError("password=secret"),
}


class Counted(Metrics):
    """Metrics that remember what was counted."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Remember a request."""
        self.seen.append((method, route, status))


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def client(counted: Counted) -> Iterator[httpx.Client]:
    app = FastAPI()
    install(app)
    app.add_middleware(Door, metrics=counted, max_body_bytes=10)

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise FAILURES[how]

    @app.post("/take")
    async def take(body: dict[str, int]) -> dict[str, int]:
        return body

    with running(app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_an_own_error_tells_its_sentence_and_next_step(client: httpx.Client) -> None:
    """An error of the API says what is wrong and what to do, with its code as the type."""
    answer = client.get("/fail/own", headers={"x-request-id": "find-me"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:movie-mlops:problem:unknown-film",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no film 7. Search for it.",
        "instance": "/fail/own",
        "near": [1],
        "request_id": "find-me",
    }
    assert client.get("/fail/conflict").json()["detail"] == "The id is taken. Take another one."


@pytest.mark.parametrize(("how", "status"), [("inner", 500), ("store", 503), ("bug", 500)])
def test_an_inner_error_tells_nothing_of_the_inside(
    client: httpx.Client, counted: Counted, caplog: pytest.LogCaptureFixture, how: str, status: int
) -> None:
    """Paths, messages and tracebacks stay in the log; the answer carries the id under which they are found there."""
    answer = client.get(f"/fail/{how}", headers={"x-request-id": "find-me"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "find-me"
    assert "secret" not in answer.text
    assert "secret" in caplog.text
    if status == 500:
        assert "find-me" in answer.json()["detail"]
        assert "find-me" in caplog.text
    assert counted.seen == [("GET", "/fail/{how}", status)]


def test_a_harmful_request_id_is_not_repeated(client: httpx.Client) -> None:
    """A request id that is no plain word is replaced, so that no log line can be forged."""
    assert client.get("/nowhere", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_refused(client: httpx.Client, chunked: bool) -> None:
    """A body over the limit gets 413, whether it tells its size or not."""
    body = b'{"a":' + b" " * 20 + b"1}"
    answer = client.post(
        "/take", content=iter([body[:9], body[9:]]) if chunked else body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/take", content=b'{"a":1}', headers={"content-type": "application/json"}).json() == {"a": 1}


def test_half_a_character_can_be_told() -> None:
    """Text that no JSON can hold does not break the answer."""
    assert orjson.loads(problem(422, "bad: \ud800").body)["detail"] == "bad: ?"


def test_the_description_says_how_everything_fails(tmp_path: Path) -> None:
    """Every operation says that it may answer with a problem document, under the type that is sent."""
    platform = Platform(tmp_path)
    document = platform.app().openapi()
    platform.database.close()
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert len(operations) > 20
    for operation in operations:
        failing = {status: each for status, each in operation["responses"].items() if status >= "4"}
        assert "default" in failing
        # That a server is not ready is no failure of the question.
        failing.pop("503", None)
        for response in failing.values():
            assert response["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
            }
    assert "ProblemOut" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_a_value_may_be_null(tmp_path: Path) -> None:
    """A word whose value is said to be none is taken; one that is no finite number, or text, is refused."""
    platform = Platform(tmp_path)
    with platform.served() as url, httpx.Client(base_url=url) as client:
        for value, status in ((None, 201), ("4", 422), (True, 422)):
            event = {"user_id": "ann", "movie_id": 6, "kind": "like", "value": value}
            assert client.post("/v1/events", json=event).status_code == status
        for text, status in (("null", 201), ("1e999", 422), ("NaN", 422)):
            body = '{"user_id": "bob", "movie_id": 6, "kind": "like", "value": ' + text + "}"
            sent = client.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
            assert sent.status_code == status
    platform.database.close()
