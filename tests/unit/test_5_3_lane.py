"""The short way of the request that comes most, and the answers that are given again."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from movie_mlops.serving.lane import ReadBefore
from movie_mlops.serving.repeats import Repeats
from movie_mlops.serving.wishes import Wish
from tests.fixtures.stage_5.lists import history, snapshot_of
from tests.fixtures.stage_5.platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
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
