"""The Python client, without a server: what it sends, when it sends again, what it raises."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, get_type_hints

import httpx
import pytest

from movie_mlops.client import (
    ApiError,
    AsyncClient,
    Client,
    ClientConfig,
    NoAnswerError,
    NotFoundError,
    ServerFaultError,
    calls,
    shapes,
)
from movie_mlops.client.retries import retry_after
from movie_mlops.flows.serve import describe

CONFIG = ClientConfig(url="http://films.test", tries=3, first_wait_seconds=0.001, longest_wait_seconds=5)
PROBLEM = {
    "type": "urn:movie-mlops:problem:invalid",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "k: Input should be greater than 0. Correct it and send the request again.",
    "instance": "/v1/recommendations",
    "errors": [{"field": "k"}],
}
Answers = Callable[[httpx.Request], httpx.Response]


def asking(answers: Answers, config: ClientConfig = CONFIG) -> Client:
    return Client(config, transport=httpx.MockTransport(answers))


def sent_by(ask: Callable[[Client], object]) -> httpx.Request:
    """Return the request that a method sends."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"items": []})

    with asking(answer) as client:
        ask(client)
    return sent[0]


def test_a_key_comes_with_every_request_and_into_no_log() -> None:
    """What shows who asks is a header of each request, of both clients, and the settings do not print it."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={"genres": []})

    config = ClientConfig(url="http://films.test", key="mmk_one")
    for client in (
        Client(config, transport=httpx.MockTransport(answer)),
        Client("http://films.test", key="mmk_two", transport=httpx.MockTransport(answer)),
        Client("http://films.test", transport=httpx.MockTransport(answer)),
    ):
        with client:
            client.genres()

    async def ask() -> None:
        async with AsyncClient(config, key="mmk_three", transport=httpx.MockTransport(answer)) as client:
            await client.genres()

    asyncio.run(ask())
    assert seen == ["Bearer mmk_one", "Bearer mmk_two", None, "Bearer mmk_three"]
    assert "mmk_one" not in repr(config)


def test_wishes_become_an_address() -> None:
    """Lists, spans, boosts and dials are written as the address of the API takes them; names are encoded."""
    request = sent_by(
        lambda client: client.recommend(
            "a/b c",
            k=3,
            genres=["Comedy", "Drama"],
            languages=["ko"],
            exclude_seen=False,
            boosts=[{"genre": "Comedy", "by": 0.5}, {"movies": [1, 2], "by": -1}],
            pins=[7],
            diversity=0.25,
        )
    )
    assert request.url.raw_path.partition(b"?")[0] == b"/v1/users/a%2Fb%20c/recommendations"
    assert dict(request.url.params) == {
        "k": "3",
        "genres": "Comedy,Drama",
        "language": "ko",
        "exclude_seen": "false",
        "boost": "genre:Comedy:0.5,movie:1:-1,movie:2:-1",
        "pin": "7",
        "diversity": "0.25",
    }
    assert sent_by(lambda client: client.history("..")).url.raw_path == b"/v1/users/%2E%2E/history"


def test_a_boost_that_an_address_cannot_say_is_refused() -> None:
    """A boost of films that must be two things at once goes into a body only, and the client says so."""
    with pytest.raises(ValueError, match="use recommend_for"):
        sent_by(lambda client: client.recommend("ann", boosts=[{"genre": "Comedy", "years": "1990-", "by": 1}]))


def test_bodies_hold_what_was_said() -> None:
    """Histories, members, candidates and events are sent as JSON; every event has an id, its own where it has one."""
    list_ = sent_by(lambda client: client.recommend_for([{"movie_id": 1}], k=2))
    assert json.loads(list_.content) == {"history": [{"movie_id": 1}], "k": 2}
    told = sent_by(lambda client: client.recommend_for([], traits={"age": 27}))
    assert json.loads(told.content) == {"history": [], "traits": {"age": 27}}
    group = sent_by(lambda client: client.recommend_group([{"user_id": "ann"}], "fairness"))
    assert json.loads(group.content) == {"members": [{"user_id": "ann"}], "strategy": "fairness"}
    ranked = sent_by(lambda client: client.rerank({"user_id": "ann"}, [1, 2], explain=True))
    assert json.loads(ranked.content) == {"user_id": "ann", "candidates": [1, 2], "explain": True}
    event: shapes.Event = {"user_id": "ann", "movie_id": 1, "kind": "like"}
    events = json.loads(sent_by(lambda client: client.send(event, {**event, "event_id": "mine"})).content)["events"]
    assert events[1]["event_id"] == "mine"
    assert len(events[0]["event_id"]) == 32


def test_pages_follow_their_cursor() -> None:
    """Page after page is asked for with the same words and the cursor of the page before, until there is none."""
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"items": [], "next": {"start": "b", "b": "c"}.get(asked[-1]["cursor"])})

    with asking(answer) as client:
        assert len(list(client.pages("ann", k=2))) == 3
    assert asked == [{"k": "2", "cursor": cursor} for cursor in ("start", "b", "c")]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    """A server that is busy is asked again, with the very same request, until it answers."""
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(status) if len(seen) < 3 else httpx.Response(201, json={"accepted": 1})

    with asking(answer) as client:
        assert client.send({"user_id": "ann", "movie_id": 1, "kind": "like"})["accepted"] == 1
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_the_server_says_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After is kept to the second; a wait that is too long is not begun, and the error tells it."""
    waits: list[float] = []
    monkeypatch.setattr("movie_mlops.client.client.time.sleep", waits.append)
    answers = [httpx.Response(503, headers={"retry-after": "4"}), httpx.Response(200, json={"genres": ["War"]})]
    with asking(lambda _: answers.pop(0)) as client:
        assert client.genres()["genres"] == ["War"]
    assert waits == [4.0]
    with asking(lambda _: httpx.Response(503, headers={"retry-after": "6"})) as client:
        with pytest.raises(ServerFaultError) as refused:
            client.genres()
        assert refused.value.retry_after_seconds == 6
    assert waits == [4.0]


def test_dates_are_waited_for() -> None:
    """Retry-After may be a date; one that has passed means at once, and nonsense means nothing."""
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert (retry_after({"retry-after": "Fri, 31 Dec 2999 23:59:59 GMT"}) or 0) > 1e9
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_waits_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server says nothing each wait is about twice the one before, by chance up to half less."""
    waits: list[float] = []
    monkeypatch.setattr("movie_mlops.client.client.time.sleep", waits.append)
    patient = ClientConfig(url="http://films.test", tries=6, first_wait_seconds=1, longest_wait_seconds=5)
    with asking(lambda _: httpx.Response(503), patient) as client, pytest.raises(ServerFaultError):
        client.genres()
    assert len(waits) == 5
    assert all(
        least <= wait <= most
        for wait, (least, most) in zip(waits, [(0.5, 1), (1, 2), (2, 4), (4, 5), (5, 5)], strict=True)
    )


def test_a_refusal_is_an_error_with_its_problem() -> None:
    """What the server refuses is not sent again; the error holds the sentence, the next step and the whole document."""
    sent: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(1)
        return httpx.Response(422, json=PROBLEM, headers={"content-type": "application/problem+json"})

    with asking(answer) as client, pytest.raises(ApiError) as refused:
        client.recommend("ann", k=0)
    error = refused.value
    assert len(sent) == 1
    assert (error.status, error.type, error.instance) == (422, PROBLEM["type"], "/v1/recommendations")
    assert error.problem == "k: Input should be greater than 0."
    assert error.next_step == "Correct it and send the request again."
    assert error.errors == error.document["errors"] == [{"field": "k"}]
    assert not error.retryable
    absent = httpx.Response(404, json={"detail": "There is no film 7. Search."})
    with asking(lambda _: absent) as client, pytest.raises(NotFoundError, match="no film 7") as unknown:
        client.movie(7)
    assert unknown.value.errors == []


def test_what_is_not_the_api_is_told() -> None:
    """A page of HTML from whatever stands in between is an error that says so."""
    page = httpx.Response(500, html="<h1>oops</h1>")
    with asking(lambda _: page) as client, pytest.raises(ServerFaultError, match="What answers is not the API itself"):
        client.genres()


def test_a_server_that_is_away_is_told() -> None:
    """A server that does not answer is asked so many times, then an error names it and says what to do."""
    sent: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(1)
        raise httpx.ConnectError("refused", request=request)

    with asking(answer) as client, pytest.raises(NoAnswerError, match=r"films\.test does not answer .* asked 3 times"):
        client.genres()
    assert len(sent) == 3


def test_the_awaited_client_does_the_same() -> None:
    """The asynchronous client sends the same, waits without holding up the loop, and raises the same."""
    seen: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        if len(seen) == 1:
            return httpx.Response(503, headers={"retry-after": "0"})
        if request.url.path == "/v1/movies/7":
            return httpx.Response(404, json={"detail": "There is no film 7."})
        return httpx.Response(200, json={"items": [], "next": "b" if seen[-1].get("cursor") == "start" else None})

    async def ask() -> None:
        async with AsyncClient(CONFIG, transport=httpx.MockTransport(answer)) as client:
            pages = [page async for page in client.pages("ann", k=1)]
            assert len(pages) == 2
            with pytest.raises(NotFoundError):
                await client.movie(7)

    asyncio.run(ask())
    assert [params.get("cursor") for params in seen] == ["start", "start", "b", None]


def test_both_clients_have_every_call() -> None:
    """What one client can ask for the other can, under the same name with the same words."""
    named = {
        name
        for name, call in vars(calls).items()
        if callable(call) and getattr(call, "__module__", "") == calls.__name__
    }
    named -= {"Call"} | {name for name in named if name.startswith("_")}
    for client in (Client, AsyncClient):
        assert named <= set(vars(client))
        for name in named:
            assert getattr(client, name).__doc__ == getattr(calls, name).__doc__


SHAPES = {
    "Film": "FilmOut", "Item": "ItemOut", "Reason": "ReasonOut", "Because": "BecauseOut", "Release": "ReleaseOut",
    "Recommendations": "RecommendationOut", "GroupItem": "GroupItemOut", "GroupRecommendations": "GroupOut",
    "Member": "MemberOut", "Reranked": "RerankOut", "Unplaced": "UnplacedOut", "Found": "MoviesOut",
    "Similar": "SimilarOut", "HistoryItem": "HistoryItemOut", "History": "HistoryOut", "Genres": "GenresOut",
    "Appended": "AppendedOut", "RefusedEvent": "RefusedOut", "Wrong": "WrongOut", "HistoryWord": "HistoryWord",
    "Event": "EventIn", "Boost": "BoostIn", "Somebody": "Somebody",
}  # fmt: skip


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return describe()["components"]["schemas"]


@pytest.mark.parametrize(("ours", "theirs"), SHAPES.items())
def test_shapes_are_those_of_the_api(described: dict[str, Any], ours: str, theirs: str) -> None:
    """Each document of the client has the fields that the API describes, and asks for what the API requires."""
    shape, schema = getattr(shapes, ours), described[theirs]
    assert set(get_type_hints(shape)) == set(schema["properties"])
    assert set(schema.get("required", ())) <= set(shape.__required_keys__) | ({"movie_id"} & set(shape.__annotations__))


@pytest.mark.parametrize(
    ("ours", "theirs", "besides"),
    [
        ("Wishes", "RecommendationRequest", {"history", "traits"}),
        ("RerankWishes", "RerankRequest", {"user_id", "history", "candidates"}),
    ],
)
def test_wishes_are_those_of_the_api(described: dict[str, Any], ours: str, theirs: str, besides: set[str]) -> None:
    """Whatever may be wished of the API may be wished of the client, and nothing else."""
    assert set(get_type_hints(getattr(shapes, ours))) | besides == set(described[theirs]["properties"])
