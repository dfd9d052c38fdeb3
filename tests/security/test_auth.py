"""Who may do what: every route and every role, asked of the running API (promise P22)."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from movie_mlops.security import REFERENCE, RULES, Check, Entry, Role, Rule, SecurityError, matrix, reference_text
from movie_mlops.serving.guarded import Guarded, app_routes, template
from tests.conftest import REPOSITORY
from tests.fixtures.stage_5.platform import ADMIN
from tests.fixtures.stage_7.keyed import CLOSED, OPEN, SECRET, VIEWER, Keyed, bearer

OTHER = "ben"
ROWS = {row["route"]: row for row in matrix()}
BODIES: dict[str, Any] = {
    "/v1/recommendations": {"history": [{"movie_id": 1}]},
    "/v1/recommendations/group": {"members": [{"user_id": "USER"}, {"history": [{"movie_id": 1}]}]},
    "/v1/recommendations/rerank": {"user_id": "USER", "candidates": [1, 2]},
    "/v1/events": {"user_id": "USER", "movie_id": 6, "kind": "like"},
}
"""What is sent to routes that want a body; whatever decides on releases gets an empty one and refuses that."""
PARTS = {"movie_id": "1", "name": "nothing", "action": "reload"}


class World(NamedTuple):
    """The same platform twice, closed and open."""

    keyed: Keyed
    closed: httpx.Client
    open: httpx.Client
    answers: dict[str, str]
    """An answer that was given to each user, and one that nobody in particular got."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    keyed = Keyed(tmp_path_factory.mktemp("keyed"))
    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(base_url=stack.enter_context(served), timeout=60))
            for served in (
                keyed.platform.served(key_secret=SECRET, security=CLOSED),
                keyed.platform.served(key_secret=SECRET, security=OPEN),
            )
        ]
        service = bearer(keyed.keys[Role.SERVICE])
        told = {
            user: clients[0].get(f"/v1/users/{user}/recommendations", headers=service).json()["recommendation_id"]
            for user in (VIEWER, OTHER)
        }
        nobody = clients[0].post("/v1/recommendations", headers=service, json=BODIES["/v1/recommendations"])
        told["nobody"] = nobody.json()["recommendation_id"]
        yield World(keyed, *clients, told)
    keyed.close()


def ask(world: World, client: httpx.Client, rule: Rule, user: str, **sent: Any) -> httpx.Response:
    """Ask a route, for a user where it is of one."""
    parts = {**PARTS, "user_id": user, "recommendation_id": world.answers[user]}
    path = re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], rule.route)
    body = BODIES.get(rule.route, {})
    if path == "/console/sign-in":
        sent["data"] = {"token": ADMIN["Authorization"].split()[1]}
    elif rule.method == "POST" and not path.startswith("/console"):
        sent["json"] = {
            **body,
            **({"user_id": user} if "user_id" in body else {}),
            **({"members": [{"user_id": user}, *body["members"][1:]]} if "members" in body else {}),
        }
    return client.request(rule.method, path, **sent)


def is_let_in(answer: httpx.Response) -> bool:
    """Whether it was answered, be it that what was sent is nonsense."""
    return answer.status_code not in {401, 403, 405, 429} and answer.status_code < 500


def test_every_route_is_classified_and_every_rule_has_a_route(world: World) -> None:
    """The app's own routes and the policy are the same set; an app with a route that is in no rule is not built."""
    app = world.keyed.platform.app()
    assert {(method, template(path)) for method, path in app_routes(app)} == RULES.keys()

    @app.get("/v1/forgotten/{name}")
    def forgotten(name: str) -> str:
        return name

    with pytest.raises(SecurityError, match=r"Nobody has decided who may use GET /v1/forgotten/\{name\}\."):
        Guarded().fill(app)


def test_the_reference_is_what_the_policy_says() -> None:
    """The table for people is made from the table that the program goes by, and is up to date."""
    assert (REPOSITORY / REFERENCE).read_text("utf-8") == reference_text(), "run: movie-mlops security reference"


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("access", ["closed", "open"])
def test_the_matrix_holds_for_every_route(world: World, access: str, role: Role | None) -> None:
    """Promise P22: each route lets in whom the policy names and nobody else; a viewer gets what is their own alone."""
    client: httpx.Client = getattr(world, access)
    headers = {} if role is None else bearer(world.keyed.keys[role])
    wrong = []
    for rule in RULES.values():
        if rule.entry is Entry.SESSION:
            continue
        expected = ROWS[rule.name][access if role is None else role.value]
        own = ask(world, client, rule, VIEWER, headers=headers)
        good = is_let_in(own) if expected in {"yes", "own"} else own.status_code == int(expected)
        if expected == "own":
            other = ask(world, client, rule, OTHER, headers=headers)
            good = good and other.status_code == (404 if rule.check is Check.ANSWER else 403)
        if own.status_code == 401:
            good = good and own.headers["www-authenticate"] == "Bearer"
        client.cookies.clear()
        if not good:
            wrong.append((rule.name, expected, own.status_code, own.text[:200]))
    assert not wrong


@pytest.mark.parametrize("role", [None, *Role])
def test_the_console_holds_to_the_matrix(world: World, role: Role | None) -> None:
    """Whoever may see the console signs in with a key; who may not act is refused, whatever their form says."""
    client = world.closed
    cookies = {}
    if role is not None:
        came = client.post("/console/sign-in", data={"token": world.keyed.keys[role]})
        sees = role in RULES["GET", "/console"].roles
        assert (came.status_code, "set-cookie" in came.headers) == ((303, True) if sees else (401, False))
        cookies = dict(came.cookies)
    client.cookies.clear()
    for rule in RULES.values():
        if rule.entry is not Entry.SESSION:
            continue
        expected = ROWS[rule.name]["closed" if role is None else role.value]
        header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        answer = ask(world, client, rule, VIEWER, headers=header, data={} if rule.method == "POST" else None)
        if not cookies:
            # The picture alone has no form to sign in with.
            assert answer.status_code in {401, 403}, rule.name
            assert "Ledger" not in answer.text
        elif rule.route == "/console/actions/{action}":
            # Whoever may act is told that their form carries no code of the session.
            assert answer.status_code == 403
            assert ("The form is of another session." in answer.text) is (expected == "yes"), rule.name
        else:
            assert answer.status_code in {200, 404}, (rule.name, answer.text[:200])
    if role in {Role.ANALYST, Role.OPERATOR}:
        page = client.get("/console/releases", headers=header).text
        assert ("/console/actions/promote" in page) is (role is Role.OPERATOR)


def test_nobody_learns_what_there_is(world: World) -> None:
    """Whether another user or another's answer exists is not told: the refusal is the same, to the letter."""
    headers = {**bearer(world.keyed.keys[Role.VIEWER]), "x-request-id": "same"}
    known, unknown = (
        world.closed.get(f"/v1/users/{user}/history", headers=headers) for user in (OTHER, "never-heard-of")
    )
    assert (known.status_code, known.json()["detail"]) == (403, unknown.json()["detail"])
    ids = (world.answers[OTHER], world.answers["nobody"], "f" * 32)
    told = [world.closed.get(f"/v1/recommendations/{one}/passport", headers=headers) for one in ids]
    assert [answer.status_code for answer in told] == [404] * 3
    assert len({answer.json()["detail"].replace(one, "…") for one, answer in zip(ids, told, strict=True)}) == 1
    assert {world.closed.get(path).status_code for path in ("/v1/nowhere", "/v1/genres", "/v1/admin/nowhere")} == {401}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/ben/history",
        "/v1/users/ann%2F..%2Fben/history",
        "/v1/users/ann/../ben/history",
        "/v1/users/ann%00/history",
        "/v1/users/ANN/history",
        "/v1/users/%61nn%20/history",
        "/v1/users/ann/recommendations/recommendations",
        "/v1/users//ann/recommendations",
        "/v1/users/ben/recommendations?user_id=ann",
    ],
)
def test_no_way_of_writing_leads_to_somebody_else(world: World, path: str) -> None:
    """Dots, slashes, case, spaces and zero bytes in the path make no other user one's own."""
    connection = httpx.Client(base_url=world.closed.base_url, timeout=60)
    with connection:
        request = connection.build_request("GET", "/", headers=bearer(world.keyed.keys[Role.VIEWER]))
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = connection.send(request)
    assert answer.status_code in {403, 404}, answer.text
    assert "items" not in answer.json()


def test_a_batch_with_one_event_of_somebody_else_is_refused_whole(world: World) -> None:
    """One foreign user among a viewer's own events, or in a group, refuses all; nothing is recorded."""
    headers = bearer(world.keyed.keys[Role.VIEWER])
    event = {"movie_id": 47, "kind": "like"}
    before = world.closed.get(f"/v1/users/{VIEWER}/history", headers=headers).json()
    batch = {"events": [{**event, "user_id": VIEWER}, {**event, "user_id": OTHER}]}
    refused = world.closed.post("/v1/events", headers=headers, json=batch)
    assert refused.status_code == 403
    assert [(each["item"], each["field"], each["code"]) for each in refused.json()["errors"]] == [
        (1, "user_id", "forbidden")
    ]
    group = {"members": [{"user_id": VIEWER}, {"user_id": OTHER}]}
    assert world.closed.post("/v1/recommendations/group", headers=headers, json=group).status_code == 403
    assert world.closed.get(f"/v1/users/{VIEWER}/history", headers=headers).json() == before


def test_a_key_that_reads_writes_nothing(world: World) -> None:
    """With the scope read a role's lists are given, and its events refused."""
    headers = bearer(world.keyed.reader)
    assert world.closed.get("/v1/users/ann/recommendations", headers=headers).status_code == 200
    refused = world.closed.post("/v1/events", headers=headers, json=BODIES["/v1/events"])
    assert (refused.status_code, refused.json()["detail"].startswith("This key only reads.")) == (403, True)


def test_what_is_shown_twice_or_wrongly_shows_nothing(world: World) -> None:
    """Two headers, a cut key, another scheme: 401, in open mode too where a bearer is shown that does not hold."""
    key = world.keyed.keys[Role.SERVICE]
    for client in (world.closed, world.open):
        for wrong in (key[:-1], key[:-1] + "x", "mmk_", "x", "a.b.c", "é" * 50):
            answer = client.get("/v1/genres", headers={"Authorization": f"Bearer {wrong}".encode()})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), wrong
    twice = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
    assert world.closed.get("/v1/genres", headers=twice).status_code == 401
    assert world.closed.get("/v1/genres", headers={"Authorization": "Basic YTpi"}).status_code == 401
    assert world.open.get("/v1/genres", headers={"Authorization": "Basic YTpi"}).status_code == 200
