"""Access over the real server: keys from the command line, tokens of a provider, limits, headers, what is on record."""

import hmac
import io
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import polars as pl
import pytest
from pydantic import ValidationError

from movie_mlops.cli import door
from movie_mlops.cli.main import main
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.lake import MOVIES, SCHEMAS
from movie_mlops.security import (
    Accounts,
    AccountStore,
    Argon2Cost,
    AuditLog,
    CorsConfig,
    Decision,
    LimitConfig,
    OidcConfig,
    Pseudonyms,
    Role,
    SecurityConfig,
    SignInConfig,
    read_key_secret,
)
from movie_mlops.settings import read_settings
from tests.fixtures.stage_5.platform import ADMIN
from tests.fixtures.stage_7.canary_home import opened
from tests.fixtures.stage_7.keyed import CLOSED, OPEN, SECRET, UNLIMITED, Keyed, bearer
from tests.fixtures.stage_7.provider import AUDIENCE, provider, rsa

PASSWORD = "four horses eat plums"
LIST = "/v1/users/ann/recommendations?k=2"


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Keyed]:
    keyed = Keyed(tmp_path)
    yield keyed
    keyed.close()


def until(client: httpx.Client, path: str, status: int, headers: dict[str, str]) -> httpx.Response:
    """Ask until the answer has this status."""
    for _ in range(1200):
        answer = client.get(path, headers=headers)
        if answer.status_code == status:
            return answer
        time.sleep(0.05)
    pytest.fail(f"{path} goes on to answer {answer.status_code}: {answer.text}")


def test_a_new_key_comes_in_and_a_revoked_one_does_not(keyed: Keyed) -> None:
    """The server hears of keys by itself: a new one is taken, a rotated one too, a revoked one no more, on any way."""
    with (
        keyed.platform.served(key_secret=SECRET, security=CLOSED) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        key = keyed.key(Role.SERVICE)
        kept = keyed.store.listed()[-1]
        until(client, LIST, 200, bearer(key))
        _, followed = keyed.store.rotate(kept.key_id, overlap=timedelta(days=1), lasts=None, by="tests")
        until(client, LIST, 200, bearer(followed))
        assert client.get(LIST, headers=bearer(key)).status_code == 200
        keyed.store.revoke(kept.key_id, by="tests")
        refused = until(client, LIST, 401, bearer(key))
        assert refused.json()["detail"].startswith("This API key is revoked.")
        assert client.get(LIST, headers=bearer(followed)).status_code == 200


def test_a_session_of_the_console_ends_with_its_key(keyed: Keyed) -> None:
    """Whoever signed in with a key is out when the key is revoked; the cookie holds neither the key nor its hash."""
    with (
        keyed.platform.served(key_secret=SECRET, security=OPEN) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        key = keyed.keys[Role.OPERATOR]
        assert client.post("/console/sign-in", data={"token": key}).status_code == 303
        cookie = client.cookies["movie_mlops_console"]
        kept = next(one for one in keyed.store.listed() if one.role is Role.OPERATOR)
        assert key not in cookie
        assert kept.digest not in cookie
        assert client.get("/console").status_code == 200
        moved = cookie.replace(kept.key_id, next(one.key_id for one in keyed.store.listed() if one.role is Role.ADMIN))
        assert httpx.get(url + "/console", cookies={"movie_mlops_console": moved}, timeout=60).status_code == 401
        keyed.store.revoke(kept.key_id, by="tests")
        until(client, "/console", 401, {})


def test_tokens_of_a_provider(keyed: Keyed) -> None:
    """A real provider's tokens open what is their subject's own; a token that names a new key has it asked for."""
    with provider() as idp:
        oidc = OidcConfig(issuer=idp.url, audience=AUDIENCE, pause_seconds=1)
        security = SecurityConfig(access="closed", limits=UNLIMITED, oidc=oidc)
        with keyed.platform.served(security=security) as url, httpx.Client(base_url=url, timeout=60) as client:
            assert client.get(LIST, headers=bearer(idp.token())).status_code == 200
            assert client.get("/v1/users/ben/history", headers=bearer(idp.token())).status_code == 403
            assert client.get("/metrics", headers=bearer(idp.token())).status_code == 403
            assert client.get("/metrics", headers=bearer(idp.token(roles="analyst"))).status_code == 200
            assert client.get(LIST, headers=bearer(idp.token(exp=1))).status_code == 401
            assert client.get(LIST, headers=bearer(idp.token(rsa(2)))).status_code == 401
            idp.keys["two"] = rsa(2)
            until(client, LIST, 200, bearer(idp.token(rsa(2), kid="two")))


def test_an_account_opens_the_console_with_its_password(keyed: Keyed) -> None:
    """A name and a password, no key; wrong ones are slowed down as tokens are; a new password ends the session."""
    store = AccountStore(keyed.platform.database, SECRET, cost=Argon2Cost(memory_kib=32, iterations=1, lanes=1))
    store.add("kim", Role.ANALYST, PASSWORD, by="tests")
    security = SecurityConfig(sign_in=SignInConfig(tries=4, seconds=3600))
    with (
        keyed.platform.served(key_secret=SECRET, security=security) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        for name, secret in (("kim", PASSWORD + "x"), ("lee", PASSWORD), ("kim", ADMIN["Authorization"].split()[1])):
            wrong = client.post("/console/sign-in", data={"name": name, "token": secret})
            assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
            assert "This is not the name and password of an account." in wrong.text
        assert client.post("/console/sign-in", data={"token": PASSWORD}).status_code == 401
        assert client.post("/console/sign-in", data={"name": "kim", "token": PASSWORD}).status_code == 429
        assert client.get(LIST, headers=bearer(PASSWORD)).status_code == 401
    with (
        keyed.platform.served(key_secret=SECRET, security=OPEN, admin_token=None) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        assert client.post("/console/sign-in", data={"name": "kim", "token": PASSWORD}).status_code == 303
        cookie = client.cookies["movie_mlops_console"]
        assert PASSWORD not in cookie
        assert client.get("/console").status_code == 200
        store.add("lee", Role.ADMIN, PASSWORD, by="tests")
        moved = cookie.replace("kim", "lee")
        assert httpx.get(url + "/console", cookies={"movie_mlops_console": moved}, timeout=60).status_code == 401
        assert client.post("/console/actions/reload", data={"code": "x"}).status_code == 403
        store.change_password("kim", PASSWORD)
        until(client, "/console", 401, {})
        assert client.post("/console/sign-in", data={"name": "kim", "token": PASSWORD}).status_code == 303
        store.remove("kim")
        until(client, "/console", 401, {})
    entries = keyed.platform.audit.search()
    assert [(one.who, one.target) for one in entries if one.outcome == "done"] == [("account:kim", "kim")] * 2
    assert PASSWORD not in str([one.to_json() for one in entries])


def test_accounts_are_kept_by_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made, listed, changed and removed, each on record; the password comes by file or input, and is told nowhere."""
    home = ["--home", str(tmp_path), "--dataset", "canary"]
    platform = opened(tmp_path)
    platform.lake.append(MOVIES, pl.DataFrame(schema=SCHEMAS[MOVIES]))
    (tmp_path / "password").write_text(f"{PASSWORD}\nnot this line\n")
    given = ["--password-file", str(tmp_path / "password")]
    account = ["security", "account"]
    assert main([*account, "add", "kim", "--role", "operator", *given, *home]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("letmein12345\n"))
    assert main([*account, "password", "kim", *home]) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD} too\n"))
    assert main([*account, "password", "kim", "--by", "ann", *home]) == 0
    accounts = Accounts(platform.database, read_key_secret(tmp_path / "data/keys", None), stale_seconds=60)
    accounts.refresh()
    assert accounts.sign_in("kim", PASSWORD) is None
    assert accounts.sign_in("kim", f"{PASSWORD} too") is not None
    capsys.readouterr()
    assert main([*account, "list", "--json", *home]) == 0
    told = capsys.readouterr().out
    assert [(one["name"], one["role"]) for one in json.loads(told)] == [("kim", "operator")]
    assert "argon2" not in told
    assert main([*account, "remove", "kim", "--json", *home]) == 0
    assert main([*account, "remove", "kim", *home]) == 1
    log = AuditLog(platform.database, Pseudonyms.kept_in(tmp_path / "data/keys"))
    entries = [(one.action, one.target, one.outcome) for one in log.search()]
    assert sorted(entries) == sorted(
        [
            ("security.account.add", "kim", "done"),
            ("security.account.password", "kim", "failed"),
            ("security.account.password", "kim", "done"),
            ("security.account.remove", "kim", "done"),
            ("security.account.remove", "kim", "failed"),
        ]
    )
    everything = capsys.readouterr().out + str([one.to_json() for one in log.search()])
    assert PASSWORD not in everything
    platform.close()


def test_whoever_asks_too_much_is_told_when_to_come_back(keyed: Keyed) -> None:
    """429 with Retry-After, and how the bucket stands with every answer; another key is not touched, nor nobody."""
    limits = {**UNLIMITED, Role.VIEWER: LimitConfig(per_second=0.001, burst=3)}
    security = SecurityConfig(limits=limits)
    with (
        keyed.platform.served(key_secret=SECRET, security=security) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        ann = bearer(keyed.keys[Role.VIEWER])
        answers = [client.get(LIST, headers=ann) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
        assert answers[0].headers["ratelimit-policy"] == '"second";q=3;w=3000'
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0", "r=0"]
        assert 990 <= int(answers[3].headers["retry-after"]) <= 1000
        assert answers[3].json()["type"] == "urn:movie-mlops:problem:too-many-requests"
        assert client.get(LIST, headers=bearer(keyed.keys[Role.SERVICE])).status_code == 200
        free = client.get(LIST)
        assert (free.status_code, "ratelimit" in free.headers) == (200, False)
        counted = client.get("/metrics").text
    assert 'route="/v1/users/{user_id}/recommendations",status="429"} 2.0' in counted


def test_whoever_asks_for_too_many_users_is_refused(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 for one user too many, by path and in a group; it is told why, when to come back, and counted."""
    monkeypatch.setattr("movie_mlops.security.asked_users.time", SimpleNamespace(time=lambda: 3600 * 500_000 + 10))
    limits = {**UNLIMITED, Role.SERVICE: LimitConfig(users_per_hour=2)}
    with (
        keyed.platform.served(key_secret=SECRET, security=SecurityConfig(limits=limits)) as url,
        httpx.Client(base_url=url, timeout=60, headers=bearer(keyed.keys[Role.SERVICE])) as client,
    ):
        group = {"members": [{"user_id": "ben"}, {"user_id": "cy"}]}
        assert client.get(LIST).status_code == 200
        refused = client.post("/v1/recommendations/group", json=group)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:movie-mlops:problem:too-many-users")
        assert refused.headers["retry-after"] == "3590"
        assert "2 different users an hour" in refused.json()["detail"]
        assert client.post("/v1/recommendations/rerank", json={"user_id": "ben", "candidates": [2]}).status_code == 200
        answers = [client.get(f"/v1/users/{user}/history") for user in ("ann", "ben", "cy")]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["type"] == refused.json()["type"]
        counted = client.get("/metrics", headers=ADMIN).text
    assert 'route="/v1/users/{user_id}/history",status="429"} 1.0' in counted
    assert 'route="/v1/recommendations/group",status="429"} 1.0' in counted


def test_wrong_tokens_at_the_console_make_one_wait(keyed: Keyed) -> None:
    """After so many tries even the right token has to wait, so that nobody guesses on; the page says how long."""
    security = SecurityConfig(sign_in=SignInConfig(tries=2, seconds=3600))
    with keyed.platform.served(security=security) as url, httpx.Client(base_url=url, timeout=60) as client:
        right = ADMIN["Authorization"].split()[1]
        said = [client.post("/console/sign-in", data={"token": token}) for token in ("x", "y", right)]
    assert [answer.status_code for answer in said] == [401, 401, 429]
    assert 1700 < int(said[2].headers["retry-after"]) <= 1800
    assert "Too many wrong tokens came from where you are." in said[2].text
    assert "set-cookie" not in said[2].headers


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, keyed: Keyed) -> None:
    """Every comparison with a secret goes through hmac.compare_digest: the admin token, keys, sessions, forms."""
    compared = []

    def noted(given: bytes, expected: bytes) -> bool:
        compared.append(expected if isinstance(expected, str) else expected.decode())
        return given == expected

    monkeypatch.setattr(hmac, "compare_digest", noted)
    with (
        keyed.platform.served(key_secret=SECRET, security=CLOSED) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        client.get("/v1/genres", headers=ADMIN)
        client.get("/v1/genres", headers=bearer(keyed.keys[Role.VIEWER]))
        client.post("/console/sign-in", data={"token": ADMIN["Authorization"].split()[1]})
        client.get("/console")
        client.post("/console/actions/reload", data={"code": "0" * 64})
    assert compared.count(ADMIN["Authorization"].split()[1]) == 2
    assert any(key.digest in compared for key in keyed.store.listed())
    assert sum(len(text) == 64 for text in compared) >= 3


def test_browsers_are_told_what_they_may(keyed: Keyed) -> None:
    """Only pages that are named may ask from a browser, without cookies; with TLS browsers are told to stay with it."""
    page = {"Origin": "https://films.example.com"}
    wish = {**page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    with keyed.platform.served(security=CLOSED) as url:
        shut = httpx.options(url + LIST, headers=wish, timeout=60)
        assert not [name for name in shut.headers if name.startswith("access-control")]
        assert "strict-transport-security" not in shut.headers
    cors = CorsConfig(origins=("https://films.example.com",))
    security = SecurityConfig(access="closed", cors=cors, tls=True)
    with keyed.platform.served(security=security) as url, httpx.Client(base_url=url, timeout=60) as client:
        asked = client.options(LIST, headers=wish)
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, page["Origin"])
        assert "access-control-allow-credentials" not in asked.headers
        refused = client.get(LIST, headers=page)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, page["Origin"])
        assert refused.headers["strict-transport-security"] == "max-age=31536000"
        other = client.get("/healthz", headers={"Origin": "https://films.example.com.evil.example"})
        assert "access-control-allow-origin" not in other.headers
        signed = client.post("/console/sign-in", data={"token": ADMIN["Authorization"].split()[1]})
        assert "Secure" in signed.headers["set-cookie"]
    for origin in ("https://films.example.com/", "films.example.com", "null", "https://*.example.com/x"):
        with pytest.raises(ValidationError):
            CorsConfig(origins=(origin,))


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"history": ' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a":' * 50_000]
)
def test_a_body_that_is_too_deep_is_refused(keyed: Keyed, body: bytes) -> None:
    """Lists and objects in each other without end are refused in a sentence, and the server goes on."""
    with keyed.platform.served() as url:
        headers = {"content-type": "application/json"}
        answer = httpx.post(f"{url}/v1/recommendations", content=body, headers=headers, timeout=60)
        assert (answer.status_code, "too deep in each other" in answer.json()["detail"]) == (400, True)
        assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200


def test_decisions_can_be_heard(keyed: Keyed) -> None:
    """Who keeps a record hears of refusals, also those of a body, and of whatever somebody known did; not of nobody."""
    heard: list[Decision] = []
    app: dict[str, Any] = {"key_secret": SECRET, "security": OPEN, "on_decision": heard.append}
    with keyed.platform.served(**app) as url, httpx.Client(base_url=url, timeout=60) as client:
        ann = bearer(keyed.keys[Role.VIEWER])
        client.get("/v1/genres")
        client.get("/v1/users/ann/history", headers=ann)
        client.get("/v1/users/ben/history", headers=ann)
        client.post("/v1/events", headers=ann, json={"user_id": "ben", "movie_id": 6, "kind": "like"})
        client.post("/v1/admin/reload")
        client.post("/v1/admin/reload", headers=ADMIN)
    name = f"key:{keyed.store.listed()[0].key_id}"
    assert [(one.route, one.principal.name, one.status, one.user_id) for one in heard] == [
        ("GET /v1/users/{user_id}/history", name, 200, "ann"),
        ("GET /v1/users/{user_id}/history", name, 403, "ben"),
        ("POST /v1/events", name, 403, None),
        ("POST /v1/admin/reload", "nobody", 401, None),
        ("POST /v1/admin/reload", "admin-token", 200, None),
    ]


def test_production_is_closed_whatever_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting of production closes access; a word in the file that nobody knows is told with the nearest."""
    (tmp_path / "security.yaml").write_text("access: open\n")
    monkeypatch.setenv("MOVIE_MLOPS_CONFIG", str(tmp_path))
    monkeypatch.setenv("MOVIE_MLOPS_ENV_FILE", "")
    assert not door.security(read_settings()).closed
    monkeypatch.setenv("MOVIE_MLOPS_PRODUCTION", "true")
    assert door.security(read_settings()).closed
    (tmp_path / "security.yaml").write_text("acces: closed\n")
    with pytest.raises(ConfigurationError, match="Did you mean 'access'"):
        door.security(read_settings())
