"""Control, pages, groups and candidates over the real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.serving.rules import FilmGroup, Rules
from tests.fixtures.stage_5.platform import Platform

HISTORY = [{"movie_id": 6}]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[httpx.Client]:
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        for user, film in (("ann", 6), ("bob", 1196)):
            client.post("/v1/events", json={"user_id": user, "movie_id": film, "kind": "like"}).raise_for_status()
        yield client


def ids(answer: dict[str, Any]) -> list[int]:
    return [item["movie_id"] for item in answer["items"]]


def get(client: httpx.Client, user: str = "ann", **params: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/users/{user}/recommendations", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(client: httpx.Client, path: str = "", **body: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/recommendations{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_an_address_asks_a_body_asks(client: httpx.Client) -> None:
    """Every wish gives the same list as text in an address and as JSON in a body."""
    address = {
        "k": 5,
        "years": "1970-2001",
        "language": "en,fr",
        "available": "1,2,47,50,260,1196,4973",
        "exclude": "2",
        "boost": "genre:Comedy:0.5,movie:260:-1",
        "pin": "4973",
        "diversity": 0.4,
        "serendipity": 0.1,
    }
    body = {
        "k": 5,
        "years": "1970-2001",
        "languages": ["en", "fr"],
        "available": [1, 2, 47, 50, 260, 1196, 4973],
        "exclude": [2],
        "boosts": [{"genre": "Comedy", "by": 0.5}, {"movies": [260], "by": -1}],
        "pins": [4973],
        "diversity": 0.4,
        "serendipity": 0.1,
    }
    asked, told = get(client, **address), post(client, history=HISTORY, **body)
    assert asked["items"] == told["items"]
    assert ids(asked)[0] == 4973
    assert {item["placed_by"] for item in asked["items"]} >= {"pin", "boost"}
    assert "placed_by" not in get(client)["items"][0]


@pytest.mark.parametrize(
    "params",
    [
        {"boost": "Comedy"},
        {"diversity": 1.5},
        {"diversity": "nan"},
        {"serendipity": -1},
        {"runtime": "long"},
        {"available": "x"},
        {"pin": "x"},
        {"cursor": "nonsense"},
        {"cursor": "A" * 20_000},
    ],
)
def test_wishes_that_cannot_be_read_are_refused(client: httpx.Client, params: dict[str, Any]) -> None:
    """A wish that cannot be read is 422 with a sentence, never ignored."""
    answer = client.get("/v1/users/ann/recommendations", params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        {"diversity": 2},
        {"diversity": "0.5"},
        {"diversity": True},
        {"boosts": [{"by": 1}]},
        {"boosts": [{"genre": "Comedy", "by": 11}]},
        {"boosts": [{"genre": "Comedy", "by": 1}] * 21},
        {"boosts": [{"years": "soon", "by": 1}]},
        {"pins": ["1"]},
        {"available": [1] * 100_001},
    ],
)
def test_bodies_that_cannot_be_read_are_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    """The same holds for bodies: wrong types, too much of anything, nothing named."""
    answer = client.post("/v1/recommendations", json={"history": HISTORY, **body})
    assert answer.status_code == 422, answer.text


def test_pages_do_not_repeat(client: httpx.Client) -> None:
    """Page by page every film comes once, in the order of the one long list; after the last there is no next."""
    whole = ids(get(client, k=9))
    assert "next" not in get(client, k=9)
    pages, cursor = [], "start"
    while cursor is not None:
        page = get(client, k=3, cursor=cursor)
        pages += ids(page)
        cursor = page["next"]
    assert pages == whole
    body: dict[str, Any] = {"history": HISTORY, "k": 4, "genres": ["Comedy"]}
    first = post(client, **body, cursor="start")
    assert first["next"] is None
    assert ids(first) == [2, 1, 4973]


def test_a_cursor_is_for_one_question(client: httpx.Client) -> None:
    """A cursor handed to another user, with other wishes or another history is refused; another k is not."""
    cursor = get(client, k=2, cursor="start")["next"]
    assert len(get(client, k=3, cursor=cursor)["items"]) == 3
    for user, params in (("bob", {}), ("ann", {"genres": "Comedy"}), ("ann", {"diversity": 0.2})):
        answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 2, "cursor": cursor, **params})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:movie-mlops:problem:bad-request")
        assert "belongs to another question" in answer.json()["detail"]


def test_no_page_repeats_across_events_and_releases(tmp_path: Path) -> None:
    """Neither an event nor a release between two pages repeats a film; the page says by which release it is."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        like = {"user_id": "ann", "movie_id": 6, "kind": "like"}
        client.post("/v1/events", json=like).raise_for_status()
        first = get(client, k=3, cursor="start")
        client.post("/v1/events", json={"user_id": "ann", "movie_id": ids(first)[2], "kind": "like"})
        second = get(client, k=2, cursor=first["next"])
        assert not set(ids(first)) & set(ids(second))
        assert second["note"] is None
        platform.promote(platform.train("ials", factors=4))
        while get(client, k=1)["release"]["release_id"] == first["release"]["release_id"]:
            pass
        third = get(client, k=2, cursor=second["next"])
    platform.database.close()
    assert not {*ids(first), *ids(second)} & set(ids(third))
    release = third["release"]["release_id"]
    before = first["release"]["release_id"]
    assert third["note"].startswith(f"This page is by release {release}, the first one was by release {before};")


def test_a_group_gets_one_list(client: httpx.Client) -> None:
    """Users and lists of films together get a list with how well each film fits each of them; its passport is kept."""
    members = [{"user_id": "ann"}, {"history": [{"movie_id": 1196}]}, {"user_id": "nobody"}]
    for strategy in ("average", "least-misery", "fairness"):
        answer = post(client, "/group", members=members, strategy=strategy, k=3)
        assert (answer["source"], answer["strategy"], answer["user_id"]) == ("personalised", strategy, None)
        assert not {6, 1196} & set(ids(answer))
        assert [member["personal"] for member in answer["members"]] == [True, True, False]
        assert all(len(item["fits"]) == 3 and item["fits"][2] is None for item in answer["items"])
    told = client.get(f"/v1/recommendations/{answer['recommendation_id']}/passport").json()["recommendation"]
    assert told["request"]["strategy"] == "fairness"
    assert told["request"]["members"][0] == {"user_id": "ann"}
    why = client.get(f"/v1/recommendations/{answer['recommendation_id']}/why").json()
    assert why["same"] is None
    alone = post(client, "/group", members=[{"user_id": "ann"}], k=8, cursor="start")
    assert ids(alone)[:5] == ids(get(client, k=5))
    page = post(client, "/group", members=[{"user_id": "ann"}], k=2, cursor="start")
    rest = post(client, "/group", members=[{"user_id": "ann"}], k=2, cursor=page["next"])
    assert [*ids(page), *ids(rest)] == ids(alone)[:4]


@pytest.mark.parametrize(
    "body",
    [{"members": []}, {"members": [{}]}, {"members": [{"user_id": "a", "history": []}]},
     {"members": [{"user_id": "a"}] * 21}, {"members": [{"user_id": "a"}], "strategy": "dictator"}],
)  # fmt: skip
def test_a_group_that_is_none_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    """Nobody, somebody who is two at once, too many, or an unknown strategy is 422."""
    assert client.post("/v1/recommendations/group", json=body).status_code == 422


def test_candidates_are_put_in_order(client: httpx.Client) -> None:
    """Candidates come in the order of the whole list, seen ones too; those without a place are told with the reason."""
    candidates = [4973, 6, 47, 99999, 50, 12345, 47]
    answer = post(client, "/rerank", user_id="ann", candidates=candidates)
    whole = ids(get(client, k=9, exclude_seen=False))
    assert ids(answer) == [film for film in whole if film in candidates]
    assert answer["unplaced"] == [
        {"movie_id": 99999, "reason": "The released model does not know it."},
        {"movie_id": 12345, "reason": "The catalogue does not hold it."},
    ]
    assert all(item["reason"] is None for item in answer["items"])
    listed = post(client, "/rerank", history=HISTORY, candidates=candidates, explain=True)
    assert listed["items"][0]["reason"]["text"] == "Because you liked Heat"
    assert client.post("/v1/recommendations/rerank", json={"user_id": "ann", "candidates": []}).status_code == 422


def test_more_like_this_says_why(client: httpx.Client) -> None:
    """Similar films come with what they share with the film; filters and exclusions hold, and nothing left is told."""
    items = client.get("/v1/movies/1/similar", params={"k": 2}).json()["items"]
    assert items[0]["reason"] == {
        "text": "Like Toy Story: by John Lasseter; Animation and Comedy",
        "because": [{"movie_id": 1, "title": "Toy Story", "share": 1.0}],
    }
    assert ids(client.get("/v1/movies/6/similar", params={"exclude": "47"}).json())[0] == 50
    assert set(ids(client.get("/v1/movies/1/similar", params={"years": "2001"}).json())) <= {4973}
    nothing = client.get("/v1/movies/6/similar", params={"language": "xx"}).json()
    assert (nothing["items"], nothing["note"]) == ([], "No film is originally in 'xx'.")


def test_the_rules_of_the_house_hold_on_every_route(platform: Platform) -> None:
    """What is banned comes in no list, for nobody, by no wish, and is told as unplaced among candidates."""
    rules = Rules(never=(FilmGroup(genres=("Sci-Fi",)),))
    with platform.served(rules=rules) as url, httpx.Client(base_url=url, timeout=20) as client:
        for answer in (
            get(client, "bob", k=9, pin="260"),
            get(client, "nobody", k=9),
            post(client, history=[{"movie_id": 1196}], k=9),
            post(client, "/group", members=[{"user_id": "ann"}, {"user_id": "bob"}], k=9),
        ):
            assert not {260, 1196} & set(ids(answer))
        ranked = post(client, "/rerank", user_id="bob", candidates=[260, 47])
        assert ids(ranked) == [47]
        assert ranked["unplaced"] == [{"movie_id": 260, "reason": "A rule of this server leaves it out."}]


def test_every_wish_is_described(client: httpx.Client) -> None:
    """The OpenAPI document says of each parameter and field what it means, and shows examples that the server takes."""
    document = client.get("/openapi.json").json()
    parameters = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]["parameters"]
    assert {"boost", "diversity", "cursor", "available"} <= {parameter["name"] for parameter in parameters}
    assert all(parameter.get("description") for parameter in parameters)
    shown = {
        parameter["name"]: parameter["schema"]["examples"][0]
        for parameter in parameters
        if parameter["in"] == "query" and "examples" in parameter["schema"]
    }
    assert len(shown) >= 10
    assert client.get("/v1/users/1/recommendations", params=shown).status_code == 200
    for path, name in (("", "RecommendationRequest"), ("/group", "GroupRequest"), ("/rerank", "RerankRequest")):
        schema = document["components"]["schemas"][name]
        assert all(field.get("description") or "$ref" in field for field in schema["properties"].values()), name
        for example in schema["examples"]:
            assert "items" in post(client, path, **example)
