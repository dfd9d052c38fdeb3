"""A day of an operator and of somebody with bad intentions: what happened is on record, and no secret of either is."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from movie_mlops.core.logs import LogConfig, LogLines
from movie_mlops.serving.routes import movies
from tests.fixtures.stage_5.platform import ADMIN, running
from tests.fixtures.stage_7.small_home import TOKEN, SmallHome

USER = "canaryuser-5e1f"
MAIL = "canary.mail-9c2d@mail.example.org"
PASSWORD = "canarypass-77b0"
WRONG = "canarytoken-c41a"
SECRET = "canarysecret-a8d3"
PLANTED = (USER, MAIL.partition("@")[0], PASSWORD, WRONG, SECRET, TOKEN)


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHome]:
    # Away from the checkout, whose .env may name a key that signs.
    monkeypatch.chdir(tmp_path)
    home = SmallHome(tmp_path / "home", capsys)
    home.platform.promote(home.platform.train())
    yield home
    home.platform.database.close()


def found(where: str, text: str) -> list[str]:
    return [
        f"{secret} in {where}: {text[max(0, text.find(secret) - 80) :][:200]}" for secret in PLANTED if secret in text
    ]


def send_all(url: str) -> list[httpx.Response]:
    """Send every planted word to every kind of place where a request can hold one."""
    answers = []
    bad = {
        "authorization": f"Bearer {WRONG}",
        "cookie": f"movie_mlops_console={SECRET}",
        "user-agent": SECRET,
        "referer": f"https://kim:{PASSWORD}@films.example.org/?token={SECRET}",
        "x-forwarded-for": SECRET,
        "x-api-key": SECRET,
    }
    like = {"user_id": USER, "movie_id": 6, "kind": "like"}
    why = {"reason": f"asked by {MAIL}, password={PASSWORD}", "approved_by": "kim"}
    with httpx.Client(base_url=url, timeout=20) as client:
        for headers in ({}, bad):
            asked = {"headers": headers}
            people = (USER, MAIL, f"{USER}/{SECRET}", f"{USER}%0A{SECRET}")
            rests = ("recommendations", "recommendations?k=0", "rows?k=x", "history", "answered?at=x", "nowhere")
            answers += [client.get(f"/v1/users/{one}/{rest}", **asked) for one in people for rest in rests]
            paths = (
                f"/v1/movies?query={MAIL}&token={SECRET}&api_key={SECRET}",
                f"/v1/movies?k=x&password={PASSWORD}",
                f"/nowhere?password={PASSWORD}",
                "/v1/recommendations/unknown/passport",
                "/v1/movies/6/similar?k=-1",
            )
            answers += [client.get(path, **asked) for path in paths]
            bodies = (
                {"events": [like]},
                {"events": [{**like, "kind": "nonsense"}]},
                {"events": [{**like, "movie_id": "x", "password": PASSWORD}]},
                {"events": {"token": SECRET}},
            )
            answers += [client.post("/v1/events", json=body, **asked) for body in bodies]
            torn = {**headers, "content-type": "application/json"}
            answers.append(client.post("/v1/events", content=f'{{"token": "{SECRET}", ', headers=torn))
            answers.append(client.post("/v1/recommendations", json={"liked": [SECRET], "user_id": USER}, **asked))
            answers.append(client.post("/v1/recommendations/group", json={"user_ids": [USER, MAIL], "k": -1}, **asked))
            answers.append(client.post("/v1/admin/promote", json={"bundle_id": "ease-000000000000", **why}, **asked))
            answers.append(client.post("/console/sign-in", data={"token": WRONG}, **asked))
            answers.append(client.get("/console/releases", **asked))
        wrong = ({"bundle_id": "ease-000000000000", **why}, {"bundle_id": 5, "token": SECRET, **why}, {**why})
        answers += [client.post("/v1/admin/promote", json=body, headers=ADMIN) for body in wrong]
        answers.append(client.post("/console/sign-in", data={"token": TOKEN}))
    return answers


def test_no_planted_word_is_in_anything_that_is_told(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P27: tokens, passwords, addresses and users are planted in every part of requests and in a fault of the
    server; none of them is in a log line, a metric, an error document, a page or an entry of the audit log.
    """  # noqa: D205 - one promise
    log = home.path / "logs" / "api.log"
    bundle = home.platform.train("popular")

    def broken(*_: object, **__: object) -> None:
        message = f"no row of user_id={USER}: redis://:{PASSWORD}@cache/0, {MAIL}, Authorization: Bearer {WRONG}"
        raise RuntimeError(message)

    with LogLines(LogConfig(log)) as lines, running(home.app(lines=lines)) as url:
        answers = send_all(url)
        why = {"reason": f"asked by {MAIL}, password={PASSWORD}", "approved_by": "kim"}
        done = httpx.post(f"{url}/v1/admin/promote", json={"bundle_id": bundle, **why}, headers=ADMIN, timeout=20)
        assert done.status_code == 200, done.text
        monkeypatch.setattr(movies, "like", broken)
        answers.append(httpx.get(f"{url}/v1/movies/6/similar?token={SECRET}", timeout=20))
        assert answers[-1].status_code == 500
        metrics = httpx.get(f"{url}/metrics", timeout=20).text
        health = httpx.get(f"{url}/readyz", timeout=20).text
    statuses = {answer.status_code for answer in answers}
    assert {200, 303, 400, 401, 404, 422} <= statuses
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == [500]
    leaks = [*found("the log", log.read_text()), *found("metrics", metrics), *found("health", health)]
    for answer in answers:
        if answer.status_code >= 400 or "console" in str(answer.url):
            leaks += found(f"{answer.request.method} {answer.url.path[:20]} {answer.status_code}", answer.text)
    entries = [json.dumps(entry) for entry in home.platform.audit.export()]
    leaks += [leak for entry in entries for leak in found("audit", entry)]
    assert leaks == []
    # They were looked for where something is: the log tells requests and people, the audit log deeds and refusals.
    assert log.read_text().count('"event": "request"') >= len(answers)
    assert "user-" in log.read_text()
    assert [entry["action"] for entry in map(json.loads, entries) if entry["outcome"] == "done"] == [
        "POST /console/sign-in",
        "POST /v1/admin/promote",
    ]
    assert home("security", "audit", "verify")[0] == 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MOVIE_MLOPS_STATE_URL": f"postgresql://kim:{PASSWORD}@127.0.0.1:1/x"}, ("release", "status")),
        ({"MOVIE_MLOPS_STATE_URL": f"nonsense://kim:{PASSWORD}@127.0.0.1:1/x"}, ("release", "status")),
        ({"MOVIE_MLOPS_REDIS_URL": f"nonsense://:{PASSWORD}@127.0.0.1:1/0"}, ("serve",)),
        ({"MOVIE_MLOPS_SIGNING_KEY": f"{SECRET}"}, ("models", "keys", "new")),
        ({"MOVIE_MLOPS_SIGNING_KEY": "0" * 10 + SECRET}, ("models", "sign", "{bundle}", "--reason", "why not")),
        ({"MOVIE_MLOPS_LAKE": "s3://films/lake", "MOVIE_MLOPS_S3_SECRET_ACCESS_KEY": SECRET,
          "MOVIE_MLOPS_S3_ENDPOINT": "http://127.0.0.1:1", "MOVIE_MLOPS_S3_ACCESS_KEY_ID": "kim"}, ("lake", "tables")),
        ({"MOVIE_MLOPS_TMDB_KEY": SECRET, "MOVIE_MLOPS_TMDB_URL": "http://127.0.0.1:1"}, ("ingest", "tmdb")),
        ({"MOVIE_MLOPS_PORT": "x", "MOVIE_MLOPS_ADMIN_TOKEN": WRONG}, ("release", "status")),
        ({"MOVIE_MLOPS_PRODUCTION": "true", "MOVIE_MLOPS_ADMIN_TOKEN": WRONG}, ("serve",)),
        ({}, ("release", "promote", "nothing", "--reason", f"asked by {MAIL}: token={SECRET}")),
    ],
)  # fmt: skip
def test_no_command_tells_a_planted_word(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: tuple[str, ...]
) -> None:
    """Promise P27: what a command prints when a store is away or a setting is wrong shows no secret."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("movie_mlops.serving.bind", lambda *_: None)
    bundle = home.platform.ledger.history()[0].bundle_id
    code, out, err = home(*(word.replace("{bundle}", bundle) for word in words))
    assert code == 1, (out, err)
    assert found("what was printed", out + err) == []
    for name in variables:
        monkeypatch.delenv(name)
    entries = [json.dumps(entry) for entry in home.platform.audit.export()]
    assert [leak for entry in entries for leak in found("audit", entry)] == []
