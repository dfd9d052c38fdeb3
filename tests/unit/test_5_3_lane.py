"""The short way of the request that comes most, and the answers that are given again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from movie_mlops.serving.asks import RecommendationRequest
from movie_mlops.serving.lane import ReadBefore
from movie_mlops.serving.repeats import Repeats
from movie_mlops.serving.responses import Json
from movie_mlops.serving.wishes import Wish
from tests.fixtures.stage_5.lists import history, snapshot_of
from tests.fixtures.stage_5.platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server that has a release, and nobody but lists of films to answer."""
    platform = Platform(tmp_path_factory.mktemp("lists"))
    platform.promote(platform.train())
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client
    platform.database.close()


def told(answer: httpx.Response) -> dict:
    """What an answer says, without its id."""
    document = answer.json()
    document.pop("recommendation_id", None)
    document.pop("request_id", None)
    return document


@pytest.mark.parametrize(
    "address",
    [
        "/v1/users/ann/recommendations",
        "/v1/users/ann/recommendations?k=2",
        "/v1/users/a%2Fb%20c/recommendations?k=2&genres=Crime",
        "/v1/users/ann/recommendations?k=2&exclude=260&explain=false",
        "/v1/users/ann/recommendations?k=2&pin=47",
        "/v1/users/ann/recommendations?k=2&cursor=start",
        "/v1/users/ann/recommendations?k=0",
        "/v1/users/ann/recommendations?years=later",
        "/v1/users//recommendations?k=2",
        "/v1/users/%00/recommendations?k=2",
    ],
)
def test_the_second_answer_is_the_first(platform: Platform, address: str) -> None:
    """Asked again in the same words, the API answers the same, with another id: an answer as well as an error."""
    with platform.served(remembered_answers=0) as url, httpx.Client(base_url=url, timeout=20) as client:
        first = client.get(address)
        # What these say is read on the long way by somebody else.
        client.get("/v1/users/zoe/recommendations?k=2")
        others = [client.get(address) for _ in range(2)]
        for other in others:
            assert (other.status_code, told(other)) == (first.status_code, told(first))
            assert other.headers.keys() == first.headers.keys()
            assert first.status_code >= 400 or other.json()["recommendation_id"] != first.json()["recommendation_id"]
        counted = client.get("/metrics").text
    line = 'route="/v1/users/{user_id}/recommendations",status="200"} '
    answered = 1 + 3 * (first.status_code == 200)
    assert f"{line}{answered}.0" in counted
    assert 'route="unmatched"' not in counted or first.status_code == 404


_LIKED = [{"movie_id": 6}, {"movie_id": 47, "kind": "rating", "value": 5}]


@pytest.mark.parametrize(
    "body",
    [
        {"history": _LIKED},
        {"history": _LIKED, "k": 2, "explain": False, "exclude_seen": False},
        {"history": []},
        {"history": [{"movie_id": 6, "kind": "withdraw"}], "k": 3},
        {"history": [{"movie_id": 6, "kind": "watch", "value": None}, {"movie_id": 6, "kind": "skip"}]},
        {"history": _LIKED, "k": 2, "genres": ["Crime"]},
        {"history": _LIKED, "k": 2, "pins": [50]},
        {"history": _LIKED, "k": 2, "cursor": "start"},
        {"history": _LIKED, "k": 0},
        {"history": _LIKED, "k": 101},
        {"history": _LIKED, "k": 2.0},
        {"history": _LIKED, "k": "2"},
        {"history": _LIKED, "k": None},
        {"history": _LIKED, "explain": 1},
        {"history": _LIKED, "colour": "red"},
        {"history": None},
        {},
        [],
        {"history": [{"movie_id": 6.0}]},
        {"history": [{"movie_id": "6"}]},
        {"history": [{"movie_id": True}]},
        {"history": [{"movie_id": -1}]},
        {"history": [{"movie_id": 2**63}]},
        {"history": [{"movie_id": 6, "kind": "adore"}]},
        {"history": [{"movie_id": 6, "kind": "LIKE"}]},
        {"history": [{"movie_id": 6, "kind": None}]},
        {"history": [{"movie_id": 6, "kind": "rating"}]},
        {"history": [{"movie_id": 6, "kind": "rating", "value": 7}]},
        {"history": [{"movie_id": 6, "kind": "rating", "value": "5"}]},
        {"history": [{"movie_id": 6, "kind": "rating", "value": True}]},
        {"history": [{"movie_id": 6, "value": 1}]},
        {"history": [{"movie_id": 6, "when": "now"}]},
        {"history": [{"movie_id": number} for number in range(1001)]},
        b'{"history": [{"movie_id": 6, "kind": "rating", "value": NaN}]}',
        b'{"history": [{"movie_id": 6, "kind": "rating", "value": 1e999}]}',
        b'{"history": [{"movie_id": 6}], "k": 1, "k": 2}',
        b'{"history": [{"movie_id": 6, "kind": "watch", "value": 5e-1}]}',
        b'{"history": [{"movie_id": 6, "kind": "like", "kind": "skip"}]} ',
        b'{"history": [{"movie_id": 6e0}]}',
        b"\xef\xbb\xbf{}",
        '{"history": []}'.encode("utf-16"),
        b"{",
        b"",
    ],
    ids=str,
)
def test_a_list_is_answered_the_same_on_both_ways(lists: httpx.Client, body: object) -> None:
    """What is posted for somebody without an account is read at a glance or by the shapes, and that is all the same."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    short = lists.post("/v1/recommendations", content=content, headers=headers)
    # What comes with a query goes the long way.
    long = lists.post("/v1/recommendations?long", content=content, headers=headers)
    assert (short.status_code, told(short)) == (long.status_code, told(long))
    assert short.headers.keys() == long.headers.keys()


def test_most_lists_go_the_short_way(lists: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history, how many films and whether with reasons: no model of the framework is made for that; both are kept."""
    body = {"history": _LIKED, "k": 2, "explain": True}
    expected = [lists.post(f"/v1/recommendations{how}", json=body).json() for how in ("?long", "")]
    passports = [lists.get(f"/v1/recommendations/{each['recommendation_id']}/passport").json() for each in expected]
    kept = [each["recommendation"]["request"] for each in passports]
    assert kept == [kept[0]] * 2
    assert [(word["movie_id"], word["kind"], word["value"]) for word in kept[0]["history"]] == [
        (6, "like", None),
        (47, "rating", 5),
    ]

    def must_not(*_args: object, **_kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(RecommendationRequest, "wish", must_not)
    again = lists.post("/v1/recommendations", json=body)
    assert told(again) == {name: value for name, value in expected[0].items() if name != "recommendation_id"}
    assert lists.post("/v1/recommendations?long", json=body).status_code == 500
    line = 'route="/v1/recommendations",status="200"} '
    assert line in lists.get("/metrics").text


def test_an_event_counts_on_the_short_way(platform: Platform) -> None:
    """What was acknowledged is in the next answer, though the words were read and the answer given before."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        address = "/v1/users/ann/recommendations?k=3"
        assert [client.get(address).json()["source"] for _ in range(3)] == ["popular"] * 3
        for film in (6, 47, 50):
            client.post("/v1/events", json={"events": [{"user_id": "ann", "movie_id": film, "kind": "like"}]})
            answers = [client.get(address).json() for _ in range(2)]
            assert [answer["source"] for answer in answers] == ["personalised"] * 2
            assert all(film not in [item["movie_id"] for item in answer["items"]] for answer in answers)
            assert answers[0]["items"] == answers[1]["items"]
            assert answers[0]["recommendation_id"] != answers[1]["recommendation_id"]


def test_another_release_answers_what_was_answered_before(platform: Platform) -> None:
    """An answer is given again by the release that worked it out, and by no other."""
    with platform.served(poll_seconds=0.02) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.post("/v1/events", json={"events": [{"user_id": "ann", "movie_id": 6, "kind": "like"}]})
        address = "/v1/users/ann/recommendations?k=2"
        before = [client.get(address).json() for _ in range(2)][-1]
        release = platform.promote(platform.train("item-knn"))
        for _ in range(500):
            after = client.get(address).json()
            if after["release"]["release_id"] == release.release_id:
                break
        assert after["release"]["model"] == "item-knn"
        assert after["items"][0]["score"] != before["items"][0]["score"]


def test_only_what_nothing_has_changed_is_given_again(platform: Platform) -> None:
    """The same history and wish are worked out once; another history, wish or page is worked out anew."""
    snapshot, repeats, worked = snapshot_of(platform, "ease"), Repeats(2), []

    def ask(seen: object, wish: Wish) -> None:
        repeats.of(snapshot, seen, wish, lambda: worked.append((seen, wish)) or object())

    ann, bob = history(m6=1.0), history(m6=0.5)
    for seen, wish, times in [
        (ann, Wish(), 1),
        (ann, Wish(), 1),
        (bob, Wish(), 2),
        (ann, Wish(k=3), 3),
        (bob, Wish(), 3),
    ]:
        ask(seen, wish)
        assert len(worked) == times
    ask(ann, Wish())
    assert len(worked) == 4, "the oldest of three was let go"
    assert len(snapshot.answers) == 2
    none = Repeats(0)
    for _ in range(2):
        none.of(snapshot, ann, Wish(k=7), lambda: worked.append(None) or object())
    assert len(worked) == 6


def test_lists_of_somebody_without_an_account_are_not_kept(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would seldom be asked for again, and push out those of users, who come back with the history they had."""
    asked: list[Wish] = []
    of = Repeats.of

    def listen(self: Repeats, *given: Any) -> Any:
        asked.append(given[2])
        return of(self, *given)

    monkeypatch.setattr(Repeats, "of", listen)
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        for _ in range(2):
            assert client.post("/v1/recommendations", json={"history": _LIKED, "k": 3}).status_code == 200
        assert client.post("/v1/recommendations", json={"history": _LIKED, "k": 3, "pins": [50]}).status_code == 200
        assert asked == []
        assert client.get("/v1/users/ann/recommendations?k=2").status_code == 200
    assert [wish.k for wish in asked] == [2]


def test_what_nobody_needs_to_wait_for_comes_after_the_answer() -> None:
    """It is done once the answer is on its way, and also where it cannot be sent, for it was given."""
    done: list[object] = []
    answer = Json({"found": 1}, afterwards=lambda: done.append("afterwards"))

    async def send(message: Message) -> None:
        done.append(message["type"])

    async def fail(message: Message) -> None:
        raise OSError(message["type"])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(answer({"type": "http"}, receive, send))
    assert done == ["http.response.start", "http.response.body", "afterwards"]
    with pytest.raises(OSError, match="start"):
        asyncio.run(answer({"type": "http"}, receive, fail))
    assert done[-1] == "afterwards"
    assert len(done) == 4


def test_the_letters_of_few_wishes_are_kept() -> None:
    """However many addresses come along, what is kept of them is bounded; arranged lists and pages are not kept."""
    before = ReadBefore()
    for number in range(2500):
        before.keep({"query_string": b"k=%d" % number, "route": "a route"}, Wish(k=1 + number))
    assert before.find(b"k=0") is None
    assert before.find(b"k=2499") == Wish(k=2500)
    assert sum(before.find(b"k=%d" % number) is not None for number in range(2500)) <= 1000
    before.keep({"query_string": b"long" * 200, "route": "a route"}, Wish(k=1))
    before.keep({"query_string": b"pin=1", "route": "a route"}, Wish(pins=(1,)))
    assert before.find(b"long" * 200) is None
    assert before.find(b"pin=1") is None


def test_answers_go_with_the_snapshot_that_they_are_from(platform: Platform) -> None:
    """A new release begins without answers, so that nothing keeps the old one in memory."""
    old = snapshot_of(platform, "ease")
    Repeats(5).of(old, history(m6=1.0), Wish(), object)
    assert len(old.answers) == 1
    assert not snapshot_of(platform, "item-knn").answers
