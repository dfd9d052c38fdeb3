"""The API over a real server, real bundles and a real database."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from movie_mlops.serving import PortInUseError, address, bind
from tests.fixtures.stage_3.processes import python
from tests.fixtures.stage_5.platform import ADMIN, FACTS, Platform


@pytest.fixture
def platform(tmp_path: Path, state_url: str) -> Iterator[Platform]:
    platform = Platform(tmp_path, state_url=state_url)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture
def client(platform: Platform) -> Iterator[httpx.Client]:
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def ids(answer: dict[str, Any]) -> list[int]:
    return [item["movie_id"] for item in answer["items"]]


def like(client: httpx.Client, user: str, *films: int) -> None:
    events = [{"user_id": user, "movie_id": film, "kind": "like"} for film in films]
    assert client.post("/v1/events", json={"events": events}).status_code == 201


def test_an_event_counts_in_the_next_answer(client: httpx.Client) -> None:
    """A like that was acknowledged is visible in the user's next recommendations."""
    before = client.get("/v1/users/ann/recommendations", params={"k": 3}).json()
    assert (before["source"], ids(before)) == ("popular", [260, 6, 50])
    assert before["note"].startswith("There is no history to go by")
    like(client, "ann", 6)
    after = client.get("/v1/users/ann/recommendations", params={"k": 2}).json()
    assert (after["source"], ids(after), after["note"]) == ("personalised", [47, 50], None)
    bundle_id = after["release"]["bundle_id"]
    assert after["release"] == {"release_id": 1, "bundle_id": bundle_id, "model": "ease", "dataset": "tiny"}
    assert after["items"][0] == {
        "movie_id": 47,
        "title": "Seven",
        "year": 1995,
        "genres": ["Crime"],
        "directors": ["David Fincher"],
        "language": "en",
        "runtime_minutes": None,
        "likes": 3,
        "rating_mean": None,
        "rank": 1,
        "score": after["items"][0]["score"],
        "reason": {
            "text": "Because you liked Heat",
            "because": [{"movie_id": 6, "title": "Heat", "share": 1.0}],
        },
    }
    assert client.get("/v1/users/somebody-else/recommendations").json()["source"] == "popular"


def test_a_list_of_films_gets_what_a_user_would(client: httpx.Client) -> None:
    """Somebody without an account gets the same list as a user with the same likes, and nothing is stored of them."""
    like(client, "ann", 260, 1)
    user = client.get("/v1/users/ann/recommendations", params={"k": 5}).json()
    history = [{"movie_id": 260}, {"movie_id": 1, "kind": "rating", "value": 4.5}]
    anybody = client.post("/v1/recommendations", json={"history": history, "k": 5}).json()
    assert anybody["items"] == user["items"]
    assert anybody["user_id"] is None
    disliked = client.post("/v1/recommendations", json={"history": [{"movie_id": 260, "kind": "dislike"}]}).json()
    assert disliked["source"] == "popular"
    assert 260 not in ids(disliked)
    changed = [{"movie_id": 6, "kind": "dislike"}, {"movie_id": 6, "kind": "like"}]
    assert client.post("/v1/recommendations", json={"history": changed}).json()["source"] == "personalised"


def test_filters_of_the_query_hold(client: httpx.Client) -> None:
    """Genres, years and exclusions of the query reach the list."""
    like(client, "ann", 6)
    url = "/v1/users/ann/recommendations"
    assert ids(client.get(url, params={"genres": "comedy", "years": "1990-1999"}).json()) == [2, 1]
    assert ids(client.get(url, params={"genres": "Crime", "exclude": "47"}).json()) == [50]
    assert 6 in ids(client.get(url, params={"exclude_seen": False}).json())
    nothing = client.get(url, params={"years": "1900"}).json()
    assert (nothing["items"], nothing["note"][:16]) == ([], "No film came out")


def test_rows_have_passports_of_their_own(client: httpx.Client) -> None:
    """A row is an answer like any other: it is kept, and its passport names what it was asked for."""
    answer = client.get("/v1/users/nobody/rows", params={"k": 5}).json()
    row, _ = answer["rows"]
    assert (row["kind"], row["source"], row["film"], row["since"]) == ("new", "popular", None, 1977)
    assert ids(row) == [260, 6, 50, 47, 2]
    passport = client.get(f"/v1/recommendations/{row['recommendation_id']}/passport").json()
    assert passport["recommendation"]["request"]["row"] == "new"
    assert [item["movie_id"] for item in passport["recommendation"]["items"]] == ids(row)
    assert client.get("/v1/users/nobody/rows", params={"k": 0}).status_code == 422


def test_what_is_withdrawn_is_forgotten_at_once(client: httpx.Client) -> None:
    """After a withdrawal the film is in no history, speaks for nothing, and may be recommended again."""
    like(client, "ann", 6, 260)
    assert 6 not in ids(client.get("/v1/users/ann/recommendations").json())
    for film in (6, 260):
        event = {"user_id": "ann", "movie_id": film, "kind": "withdraw"}
        assert client.post("/v1/events", json=event).status_code == 201
    assert client.get("/v1/users/ann/history").json()["items"] == []
    after = client.get("/v1/users/ann/recommendations").json()
    assert (after["source"], after["note"].startswith("There is no history to go by")) == ("popular", True)
    assert 6 in ids(after)


def test_history_is_shown_newest_first(client: httpx.Client) -> None:
    """The history tells what was met, when, and whether it was liked; somebody unknown has none."""
    events = [
        {"user_id": "ann", "movie_id": 6, "kind": "like", "event_time": "2026-01-02T00:00:00Z"},
        {"user_id": "ann", "movie_id": 1, "kind": "rating", "value": 2, "event_time": "2026-01-03T00:00:00+01:00"},
    ]
    client.post("/v1/events", json={"events": events})
    items = client.get("/v1/users/ann/history").json()["items"]
    assert [(item["title"], item["liked"], item["event_time"]) for item in items] == [
        ("Toy Story", False, "2026-01-02T23:00:00Z"),
        ("Heat", True, "2026-01-02T00:00:00Z"),
    ]
    assert client.get("/v1/users/nobody/history").json() == {"user_id": "nobody", "items": [], "unknown_films": 0}


def test_a_history_tells_what_was_done(client: httpx.Client) -> None:
    """Each film of a history has the kind of the word that counts and its value, and a click does not hide a film."""
    events = [
        {"user_id": "ann", "movie_id": 6, "kind": "rating", "value": 4.5, "event_time": "2026-01-01T00:00:00Z"},
        {"user_id": "ann", "movie_id": 47, "kind": "click", "event_time": "2026-01-02T00:00:00Z"},
        {"user_id": "ann", "movie_id": 50, "kind": "skip", "event_time": "2026-01-03T00:00:00Z"},
    ]
    client.post("/v1/events", json={"events": events})
    items = client.get("/v1/users/ann/history").json()["items"]
    said = [(item["movie_id"], item["kind"], item["value"], item["liked"]) for item in items]
    assert said == [(50, "skip", None, False), (47, "click", None, False), (6, "rating", 4.5, True)]
    recommended = ids(client.get("/v1/users/ann/recommendations", params={"k": 100}).json())
    assert 47 in recommended
    assert not {6, 50} & set(recommended)


@pytest.mark.parametrize("user", ["a/b", "/", "a b", "봉준호", "ann/history", "100%", "a?b#c", ".."])
def test_any_printable_user_id_has_an_address(client: httpx.Client, user: str) -> None:
    """A user id with slashes, spaces or other scripts is reached percent-encoded, and is told apart from all others."""
    like(client, user, 6)
    path = f"/v1/users/{quote(user, safe='')}" if user != ".." else "/v1/users/%2E%2E"
    answer = client.get(f"{path}/recommendations").json()
    assert (answer["user_id"], answer["source"]) == (user, "personalised")
    assert [item["movie_id"] for item in client.get(f"{path}/history").json()["items"]] == [6]
    metrics = client.get("/metrics").text
    assert 'route="/v1/users/{user_id}/recommendations"' in metrics


def test_events_are_idempotent(client: httpx.Client) -> None:
    """The same event twice counts once; another event under its id is refused."""
    event = {"event_id": "e1", "user_id": "ann", "movie_id": 6, "kind": "like"}
    answer = client.post("/v1/events", json=event)
    assert (answer.status_code, answer.json()) == (201, {"accepted": 1, "duplicates": 0, "event_ids": ["e1"]})
    assert client.post("/v1/events", json=event).json() == {"accepted": 0, "duplicates": 1, "event_ids": ["e1"]}
    conflict = client.post("/v1/events", json={**event, "movie_id": 1})
    assert (conflict.status_code, conflict.json()["type"]) == (409, "urn:movie-mlops:problem:event-conflict")


def test_a_bad_event_refuses_its_batch_with_a_reason_for_each(client: httpx.Client, platform: Platform) -> None:
    """Of a batch with bad events nothing is recorded, and each bad one is named with its reason."""
    good = {"user_id": "ann", "movie_id": 6, "kind": "like"}
    bad = [
        {**good, "kind": "rating"},
        {**good, "kind": "adore"},
        {**good, "movie_id": "6"},
        {**good, "colour": "red"},
        {**good, "event_time": 1700000000},
        {**good, "event_time": "2026-01-01T00:00:00"},
        {**good, "event_time": "2999-01-01T00:00:00Z"},
        {**good, "user_id": "an\u0000n"},
        {**good, "value": 3},
    ]
    answer = client.post("/v1/events", json={"events": [good, *bad]})
    assert answer.status_code == 422
    assert [error["item"] for error in answer.json()["errors"]] == list(range(1, 10))
    assert answer.json()["errors"][0]["reason"] == "value is missing: a rating has 0.5 to 5.0 stars"
    unknown = client.post("/v1/events", json={"events": [good, {**good, "movie_id": 7}]})
    assert unknown.status_code == 422
    assert unknown.json()["errors"] == [
        {"in": "body", "item": 1, "field": "movie_id", "reason": "There is no film with the id '7'"}
    ]
    assert platform.events.count() == 0


def test_films_are_found_and_told(client: httpx.Client) -> None:
    """Films are found by the beginnings of words, page by page; genres and single films are told."""
    assert ids(client.get("/v1/movies", params={"query": "toy"}).json()) == [1, 2]
    page = client.get("/v1/movies", params={"k": 2, "offset": 1}).json()
    assert (page["total"], ids(page)) == (9, [1, 1196])
    drama = client.get("/v1/movies", params={"genres": "Drama", "years": "-2000"}).json()
    assert (drama["total"], ids(drama)) == (1, [6])
    misspelt = client.get("/v1/movies", params={"query": "haet"}).json()
    assert (ids(misspelt), misspelt["corrected"]) == ([6], "heat")
    assert client.get("/v1/movies/4973").json()["title"] == "Amélie"
    assert client.get("/v1/genres").json()["genres"][:3] == ["Animation", "Comedy", "Crime"]


def test_similar_films(client: httpx.Client) -> None:
    """Films like one film come from the released model; one that it does not know has none, and says so."""
    assert ids(client.get("/v1/movies/6/similar", params={"k": 2}).json()) == [47, 50]
    stranger = client.get("/v1/movies/99999/similar").json()
    assert stranger == {
        "movie_id": 99999,
        "items": [],
        "note": "The released model knows nothing like Not in the Model.",
    }


def test_a_passport_tells_what_is_behind_an_answer(client: httpx.Client) -> None:
    """An answer given a moment ago has a passport: the answer itself, its release, bundle, data versions and commit."""
    like(client, "ann", 6)
    answer = client.get("/v1/users/ann/recommendations", params={"k": 2}).json()
    page = client.get(f"/v1/recommendations/{answer['recommendation_id']}/passport").json()
    assert page["recommendation"]["items"] == [
        {"movie_id": item["movie_id"], "score": item["score"]} for item in answer["items"]
    ]
    assert page["release"]["release_id"] == 1
    assert page["bundle"]["bundle_id"] == answer["release"]["bundle_id"]
    assert page["data"] == {"dataset": "tiny", "lake_versions": FACTS["lake_versions"], "trained_on": None}
    assert page["code"]["commit"] == "abc1234"
    for missing in ("0" * 32, "no-such", "%00"):
        assert client.get(f"/v1/recommendations/{missing}/passport").status_code == 404


BAD_REQUESTS = [
    ("GET", "/v1/users/ann/recommendations?k=0", None, 422),
    ("GET", "/v1/users/ann/recommendations?k=101", None, 422),
    ("GET", "/v1/users/ann/recommendations?k=ten", None, 422),
    ("GET", "/v1/users/ann/recommendations?years=soon", None, 422),
    ("GET", "/v1/users/ann/recommendations?exclude=Heat", None, 422),
    ("GET", f"/v1/users/{'a' * 300}/recommendations", None, 422),
    ("GET", "/v1/users/a%00b/recommendations", None, 422),
    ("GET", f"/v1/movies?query={'a' * 201}", None, 422),
    ("GET", "/v1/movies/7", None, 404),
    ("GET", "/v1/movies/99999999999999999999999", None, 404),
    ("GET", "/v1/movies/%C2%B2", None, 404),
    ("GET", "/v1/movies/7/similar", None, 404),
    ("GET", "/v2/nothing", None, 404),
    ("DELETE", "/v1/events", None, 405),
    ("POST", "/v1/recommendations", b'{"history": [', 400),
    ("POST", "/v1/recommendations", b"", 422),
    ("POST", "/v1/recommendations", b"[]", 422),
    ("POST", "/v1/recommendations", b"null", 422),
    ("POST", "/v1/recommendations", b"\xff\xfe", 400),
    ("POST", "/v1/recommendations", b'{"history": [], "limit": 3}', 422),
    ("POST", "/v1/recommendations", b'{"history": [], "k": "3"}', 422),
    ("POST", "/v1/recommendations", b'{"history": [], "k": true}', 422),
    ("POST", "/v1/recommendations", b'{"history": [], "explain": 1}', 422),
    ("POST", "/v1/recommendations", b'{"history": [], "genres": ["\\ud800"]}', 422),
    ("POST", "/v1/recommendations", b'{"history": [], "\\ud800": 1}', 422),
    ("POST", "/v1/recommendations", b'{"history": [{"movie_id": 1, "kind": "rating", "value": NaN}]}', 422),
    ("POST", "/v1/recommendations", b'{"history": [{"movie_id": 1e400}]}', 422),
    ("POST", "/v1/recommendations", b'{"history": [{"movie_id": 99999999999999999999}]}', 422),
    ("POST", "/v1/recommendations", b'{"k": ' + b"9" * 5000 + b"}", 400),
    ("POST", "/v1/recommendations", b"[" * 100_000, 400),
    ("POST", "/v1/recommendations", json.dumps({"history": [{"movie_id": 1}] * 1001}).encode(), 422),
    ("POST", "/v1/events", b'{"events": []}', 422),
    ("POST", "/v1/events", b'{"events": 7}', 422),
    ("POST", "/v1/events", b"7", 422),
    ("POST", "/v1/events", b" " * 3_000_000, 413),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), BAD_REQUESTS)
def test_bad_requests_get_a_sentence(
    shared_client: httpx.Client, method: str, path: str, body: bytes | None, status: int
) -> None:
    """Whatever is wrong with a request, the answer is a problem document with a sentence and a next step."""
    headers = {"content-type": "application/json"} if body is not None else {}
    answer = shared_client.request(method, path, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert re.search(r"\. .+", document["detail"])


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client
    platform.database.close()


def test_admin_routes_want_the_token(client: httpx.Client) -> None:
    """Without the admin token the ledger is neither shown nor changed."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
        for method, path in (("GET", "releases"), ("POST", "rollback"), ("POST", "reload")):
            answer = client.request(method, f"/v1/admin/{path}", headers=headers, json={"reason": "why not"})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    releases = client.get("/v1/admin/releases", headers=ADMIN).json()
    assert [release["release_id"] for release in releases["releases"]] == [1]


def test_admin_routes_are_shut_without_a_token(platform: Platform) -> None:
    """Where no token is configured, nobody is an administrator, not even with an empty one."""
    with platform.served(admin_token=None) as url:
        for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer None"}):
            assert httpx.get(f"{url}/v1/admin/releases", headers=headers).status_code == 403


def test_rollback_of_the_first_release_is_refused(client: httpx.Client) -> None:
    """There is nothing to roll back to from the first release, and the answer says so."""
    answer = client.post("/v1/admin/rollback", headers=ADMIN, json={"reason": "a try"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:movie-mlops:problem:rollback")


def test_metrics_tell_routes_and_sources(client: httpx.Client) -> None:
    """Requests are counted by the template of their route, answers by their source, events by their outcome."""
    like(client, "annabel", 6)
    client.get("/v1/users/annabel/recommendations")
    client.get("/v1/users/bob/recommendations")
    client.get("/wp-login.php")
    text = client.get("/metrics").text
    lines = set(text.splitlines())
    route = "/v1/users/{user_id}/recommendations"
    assert f'movie_mlops_requests_total{{method="GET",route="{route}",status="200"}} 2.0' in lines
    assert 'movie_mlops_requests_total{method="GET",route="unmatched",status="404"} 1.0' in lines
    assert 'movie_mlops_answers_total{source="personalised"} 1.0' in lines
    assert 'movie_mlops_answers_total{source="popular"} 1.0' in lines
    assert 'movie_mlops_events_total{outcome="accepted"} 1.0' in lines
    assert "movie_mlops_impressions_dropped_total 0.0" in lines
    assert 'movie_mlops_release_info{bundle_id="ease-' in text
    assert "annabel" not in text


def test_health_without_a_release(tmp_path: Path) -> None:
    """Before the first release the server lives, is not ready, and still answers with popular films."""
    platform = Platform(tmp_path)
    with platform.served() as url, httpx.Client(base_url=url) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        answer = client.get("/v1/users/ann/recommendations", params={"k": 1}).json()
        assert (answer["source"], answer["release"], ids(answer)) == ("popular", None, [260])
        passport = client.get(f"/v1/recommendations/{answer['recommendation_id']}/passport").json()
        assert (passport["release"], passport["recommendation"]["source"]) == (None, "popular")
        similar = client.get("/v1/movies/6/similar")
        assert (similar.status_code, similar.headers["retry-after"]) == (503, "5")
    platform.database.close()


def test_the_page_is_served_where_there_is_one(platform: Platform, tmp_path: Path) -> None:
    """The page's files are served at /static and nothing outside of them; without them / leads to the documents."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "app.js").write_text("let x;")
    (tmp_path / "secret.txt").write_text("secret")
    with platform.served(pages=pages) as url, httpx.Client(base_url=url) as client:
        assert client.get("/").headers["location"] == "/docs"
        assert client.get("/static/app.js").headers["content-type"].startswith("text/javascript")
        for path in ("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt"):
            assert client.get(path).status_code == 404
    with platform.served(pages=tmp_path / "none") as url:
        assert httpx.get(url).headers["location"] == "/docs"


def test_the_description_names_every_route(client: httpx.Client) -> None:
    """The OpenAPI document describes every route with its answer, and the page of documents needs no other server."""
    document = client.get("/openapi.json").json()
    answer = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/RecommendationOut"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
    page = client.get("/docs").text
    assert all(path in page for path in document["paths"])
    assert "://" not in page


def test_what_was_taken_in_before_the_end_is_answered_and_kept(platform: Platform) -> None:
    """Promise P12: requests that are under way when the server ends are answered, and their answers are kept."""
    with platform.served(impression_delay_seconds=60) as url:
        answers = [httpx.get(f"{url}/v1/users/ann/recommendations").json() for _ in range(5)]
        host, port = url.removeprefix("http://").split(":")
        slow = socket.create_connection((host, int(port)))
        body = b'{"history": [{"movie_id": 6}]}'
        head = "POST /v1/recommendations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        slow.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:9])
        httpx.get(f"{url}/healthz")
        late = threading.Timer(0.3, slow.sendall, [body[9:]])
        late.start()
    response = b""
    while chunk := slow.recv(65_536):
        response += chunk
    slow.close()
    late.join()
    assert response.startswith(b"HTTP/1.1 200")
    answers.append(json.loads(response.partition(b"\r\n\r\n")[2]))
    with platform.served() as url:
        for answer in answers:
            assert httpx.get(f"{url}/v1/recommendations/{answer['recommendation_id']}/passport").status_code == 200


PROCESS = """
import sys
from pathlib import Path
from movie_mlops.serving import address, bind, serve
from tests.fixtures.stage_5.platform import Platform

bound = bind("127.0.0.1", 0)
app = Platform(Path(sys.argv[1]), state_url=sys.argv[2]).app(impression_delay_seconds=60)
serve(app, bound, on_ready=lambda: print(address(bound), flush=True))
"""


def test_the_server_ends_in_order_when_it_is_told_to(platform: Platform, tmp_path: Path, state_url: str) -> None:
    """Promise P12: on SIGTERM the process writes every answer that it gave, and ends by itself."""
    process = python(PROCESS, str(tmp_path), state_url)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    answers = [httpx.get(f"{url}/v1/users/ann/recommendations").json() for _ in range(20)]
    process.terminate()
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 0, complaint
    with platform.served() as url:
        for answer in answers:
            assert httpx.get(f"{url}/v1/recommendations/{answer['recommendation_id']}/passport").status_code == 200


def test_a_port_in_use_is_told() -> None:
    """A taken address is refused with the option that helps."""
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"127\.0\.0\.1:{port} is in use\. .*--port {port + 1}"):
            bind("127.0.0.1", port)
        assert address(taken) == f"http://127.0.0.1:{port}"
    with pytest.raises(PortInUseError, match="cannot be used"):
        bind("127.0.0.1", 70_000)
