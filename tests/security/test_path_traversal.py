"""Paths that lead out: whatever the API and the command line take as a name leads to nothing outside the home.

The inputs are read from the app's routes and from the commands themselves. A new one that is not said to be a name or a
plain word here fails these tests.
"""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import typer

from movie_mlops.cli.app import GROUPS, command
from movie_mlops.cli.main import main
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.flows import active_dataset
from movie_mlops.flows.serve import describe
from movie_mlops.flows.shelf import find_bundle
from movie_mlops.ingest import SourceOptions, open_source
from movie_mlops.lake import Lake, LakeConfig
from movie_mlops.release import Aliases, Registry, list_bundles
from tests.fixtures.stage_5.platform import ADMIN, running
from tests.fixtures.stage_7.small_home import DATASET, TOKEN, SmallHome

CANARY = "a canary that nobody may see"

HOSTILE = (
    "../secret", "../../secret.txt", "../../../../secret.txt", "..", ".", "./../secret", "a/../../secret",
    "/etc/passwd", "//etc/passwd", "{outside}/secret.txt", "~/secret", "~root/x",
    "..\\secret", "..\\..\\secret.txt", "C:\\Windows\\win.ini", "C:secret", "\\\\host\\share\\x", "\\\\?\\C:\\x",
    "%2e%2e%2fsecret", "%2e%2e/secret", "..%2fsecret", "..%5csecret", "%252e%252e%252fsecret", "..%c0%afsecret",
    "．．/secret", "..／secret", "․․/secret", "‥/secret", "..∕secret", "..⁄secret", "..%ef%bc%8fsecret",  # noqa: RUF001
    "secret.txt\0.html", "\0", "a\0/../../secret", "file:///etc/passwd", "....//secret", "..;/secret", ".../secret",
    "link", "link/secret.txt", "link.html", "x" * 5000,
)  # fmt: skip
"""``link`` is a symbolic link that leads out; it lies where names are looked up (lakes may be elsewhere)."""

ROUTES: dict[str, set[str]] = {
    "/static/{name:path}": {"name"},
    "/console/{name}": {"name"},
    "/console/reports/{name}": {"name"},
    "/console/actions/{action}": {"action"},
    "/console/lineage.svg": {"of"},
    "/films/{movie_id}": {"movie_id"},
    "/v1/admin/promote": {"bundle_id", "expected"},
    "/v1/admin/canary": {"bundle_id"},
    "/v1/admin/rollouts/{name}/{action}": {"name", "action"},
    "/v1/movies/{movie_id}": {"movie_id"},
    "/v1/movies/{movie_id}/similar": {"movie_id"},
    "/v1/recommendations/{recommendation_id}/passport": {"recommendation_id"},
    "/v1/recommendations/{recommendation_id}/why": {"recommendation_id"},
    "/v1/recommendations/{recommendation_id}/lineage": {"recommendation_id"},
    "/v1/recommendations/{recommendation_id}/lineage.svg": {"recommendation_id"},
}
"""What names something that is looked up; refused with 4xx, or led back to the console."""

PLAIN = {
    *("user_id", "genres", "years", "language", "runtime", "available", "exclude", "boost", "pin", "cursor", "query"),
    *(
        "at",
        "reason",
        "approved_by",
        "token",
        "code",
        "user_ids",
        "kind",
        "event_id",
        "event_time",
        "combine",
        "explain",
        "traits",
    ),
    *("movie_ids", "likes", "liked", "history", "candidates", "genre", "languages"),
}
"""Words and ids that are compared and kept, and never part of a path; whatever they say, no file is read for it."""

NAMES = {
    *("dataset", "bundle", "first", "second", "expected", "name", "alias", "table", "study", "save_as", "view", "flow"),
    *("thing", "reference", "after", "before", "at", "quarantine_id", "project", "feature", "model", "recipe", "rival"),
    *("keys", "key", "key_id", "only", "who", "metric", "source"),
}
"""Options and arguments of commands that name something."""

WORDS = {
    *(
        "action",
        "approved_by",
        "arm",
        "by",
        "check",
        "column",
        "design",
        "expires",
        "genre",
        "head",
        "host",
        "events_per_day",
        "films",
        "known",
        "layer",
        "message",
        "overlap",
        "purposes",
        "role",
        "scope",
    ),
    *(
        "movie_column",
        "note",
        "on",
        "query",
        "reach",
        "reason",
        "redis",
        "request",
        "retention",
        "rps",
        "scale",
        "since",
        "speed",
        "stages",
        "until",
    ),
    *("url", "user", "user_column", "users", "years"),
}
"""Those that name nothing on disk. Options of type Path are the user's own files, by design anywhere."""

ANYWHERE = {"events replay", "ingest load", "ingest validate", "run", "evaluate", "models keys trust"}
"""Commands whose SOURCE or PUBLIC_KEY may be a path of the user's own."""
FILLED = {"source": "file:ratings.csv", "only": "ingest", "at": "2026-01-31", "stages": "5", "since": "2026-01-31"}


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHome]:
    """A home with a release, a secret beside it, and links to the secret wherever names are looked up."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for folder in (tmp_path, outside):
        for name in ("secret", "secret.txt", "secret.html", "secret.json", "secret.yaml"):
            (folder / name).write_text(CANARY)
    work = tmp_path / "work"
    work.mkdir()
    (work / "ratings.csv").write_text("user_id,movie_id,value\na,1,4\n")
    monkeypatch.chdir(work)
    home = SmallHome(tmp_path / "home", capsys)
    home.platform.promote(home.platform.train())
    for place in (home.workspace.models, home.workspace.reports, home.workspace.training_sets):
        place.mkdir(parents=True, exist_ok=True)
        (place / "link").symlink_to(outside)
        (place / "link.html").symlink_to(outside / "secret.html")
    yield home
    home.platform.database.close()


def around(home: SmallHome) -> dict[str, bytes]:
    """Return everything that lies beside the home."""
    root = home.path.parent
    kept = [path for path in root.rglob("*") if not path.is_relative_to(home.path) and path.is_file()]
    return {str(path): path.read_bytes() for path in kept}


def ask(url: str, method: str, raw: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send a request as it stands: a client that tidies paths up would spoil the test."""
    there = urlsplit(url)
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=20)
    try:
        connection.putrequest(method, raw, skip_host=False, skip_accept_encoding=True)
        for name, value in {**ADMIN, **headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def hostile(home: SmallHome) -> list[str]:
    return [word.replace("{outside}", str(home.path.parent / "outside")) for word in HOSTILE]


def test_no_route_leads_out(home: SmallHome) -> None:
    """Promise P25: forty ways out at every name of every route, in path, query and body: all are refused."""
    before = around(home)
    words = hostile(home)
    with running(home.app()) as url:
        signed = httpx.post(url + "/console/sign-in", data={"token": TOKEN})
        cookie = "; ".join(f"{name}={value}" for name, value in signed.cookies.items())
        tried = 0
        for route, names in ROUTES.items():
            for name in names:
                for word in words:
                    status, body = _try(url, route, name, word, cookie)
                    tried += 1
                    assert 300 <= status < 500, (route, name, word, status, body[:200])
                    assert CANARY.encode() not in body, (route, name, word)
                    assert b"root:x:0" not in body, (route, name, word)
        for word in words:
            status, body = ask(url, "GET", f"/v1/users/{quote(word, safe='')}/recommendations")
            assert status < 500, word
            assert CANARY.encode() not in body
    assert tried > 500
    assert around(home) == before
    assert [release.bundle_id for release in home.platform.ledger.history()] == list_bundles(home.workspace.models)


def _try(url: str, route: str, name: str, word: str, cookie: str) -> tuple[int, bytes]:
    """Put a word in a place of a route; where it is in the path it goes as it stands wherever HTTP lets it."""
    plain = {"name": "canary-1", "action": "pause", "movie_id": "1", "recommendation_id": "x"}
    raw = route.replace(":path}", "}")
    if "{" + name + "}" in raw:
        encoded = (
            word if word.isascii() and word.isprintable() and not set(word) & set(' ?#"<>') else quote(word, safe="/")
        )
        raw = raw.replace("{" + name + "}", encoded)
    for other, value in plain.items():
        raw = raw.replace("{" + other + "}", value)
    if "/actions/" in raw:
        return ask(url, "POST", raw, b"code=x", cookie=cookie, **{"content-type": "application/x-www-form-urlencoded"})
    if "/admin/" in raw:
        document = {"bundle_id": "ease-000000000000", "reason": "to see", "approved_by": "kim", name: word}
        if "/rollouts/" in raw:
            document = {"reason": "to see", "approved_by": "kim"}
        return ask(url, "POST", raw, json.dumps(document).encode(), **{"content-type": "application/json"})
    return ask(
        url,
        "GET",
        raw if "{" + name + "}" in route.replace(":path", "") else f"{raw}?{name}={quote(word)}",
        cookie=cookie,
    )


def test_every_input_of_the_api_is_named_here(home: SmallHome) -> None:
    """Promise P25: each text that a route takes is a name, which is tried, or a word that is never in a path."""
    named = {name for names in ROUTES.values() for name in names}
    document = describe()
    missing = {
        f"{path}: {parameter['name']}"
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if "string" in json.dumps(parameter["schema"]) and parameter["name"] not in PLAIN | ROUTES.get(path, set())
    }
    bodies = {
        name
        for title, shape in document["components"]["schemas"].items()
        if title.endswith(("Request", "Batch", "Event", "In")) or "Like" in title
        for name, value in shape.get("properties", {}).items()
        if '"string"' in json.dumps(value)
    }
    assert missing | (bodies - PLAIN - named) == set()
    # Pages are in no description: each of them with a part of its path that is the visitor's must be tried.
    pages = {getattr(route, "path", "") for route in _flat(home.app().routes)}
    assert {path for path in pages if "{" in path} - set(document["paths"]) - set(ROUTES) == set()


def _flat(routes: Any) -> Iterator[Any]:
    for route in routes:
        yield route
        yield from _flat(getattr(route, "routes", None) or ())


def _inputs() -> Iterator[tuple[str, Any, Any]]:
    """Yield every parameter of every command that takes a text, as (command, it, parameter)."""
    root = command()
    for group in GROUPS:
        # Measures on its own user's machine; and the standard, which is about folders that its user names.
        if group not in {"bench", "standard"}:
            yield from _of(root.resolve_command(typer.Context(root), [group])[1], group)


def _of(found: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    for word, below in getattr(found, "commands", {}).items():
        yield from _of(below, f"{name} {word}")
    if not hasattr(found, "commands") or getattr(found, "invoke_without_command", False):
        for parameter in found.params:
            if parameter.type_descriptor.annotation in (str, list[str]):
                yield name, found, parameter


def test_every_input_of_the_commands_is_named_here() -> None:
    """Promise P25: each text that a command takes is a name, which the corpus tries, or a word that names no file."""
    found = {parameter.name for _, _, parameter in _inputs()}
    assert found - NAMES - WORDS == set()
    assert (NAMES | WORDS) - found == set()


@pytest.mark.long
def test_no_command_leads_out(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P25: a way out at every name of every command: an error, and nothing outside is read or written."""
    # Whoever would go to the network, or wait for ever, has taken a hostile word for a good one.
    monkeypatch.setattr(socket.socket, "connect", lambda *_: (_ for _ in ()).throw(OSError("the network is blocked")))
    before, words, tried = around(home), hostile(home)[:-1], 0
    for number, (name, found, parameter) in enumerate(_inputs()):
        if parameter.name not in NAMES or (parameter.name in {"source", "key"} and name in ANYWHERE):
            continue
        word = words[number * 7 % len(words)].replace("\0", "%00")
        code, out, err = _call(home, name, found, parameter, word)
        tried += 1
        assert CANARY not in out + err, (name, parameter.name, word)
        refused = code != 0 or name in {"ingest load", "ingest validate", "run"} or "Nothing here" in out
        assert refused, (name, parameter.name, word, out, err)
    assert tried > 100
    assert around(home) == before


def _call(home: SmallHome, name: str, found: Any, parameter: Any, word: str) -> tuple[int, str, str]:
    words = name.split()
    for other in found.params:
        value = word if other is parameter else FILLED.get(other.name, "x") if other.required else None
        if other is not parameter and name in {"run", "ingest load", "ingest validate"} and other.name in FILLED:
            value = FILLED[other.name]
        if value is None or (other is not parameter and other.type_descriptor.annotation is bool):
            continue
        option = next((each for each in other.opts if each.startswith("--")), None)
        words += [f"{option}={value}"] if option else [value]
    has_home = any(other.name == "home" for other in found.params)
    if has_home:
        return home(*words)
    code = main(words)
    printed = home._capsys.readouterr()
    return code, printed.out, printed.err


def test_what_all_commands_ask_lets_nothing_out(home: SmallHome) -> None:
    """Promise P25: all of it where all commands look up data sets, bundles and tables, and name new data sets."""
    database, models = home.platform.database, home.workspace.models
    lake = Lake(LakeConfig(home.workspace.lakes).of(DATASET))
    before = around(home)
    for word in hostile(home):
        with pytest.raises(MovieMlopsError):
            active_dataset(home.path, word)
        with pytest.raises(MovieMlopsError):
            find_bundle(Registry(database, models), Aliases(database), models, word)
        # The system itself refuses a name of five thousand letters.
        with pytest.raises((MovieMlopsError, OSError)):
            lake.scan(word)
        named = open_source("file:ratings.csv", downloads=home.path / "downloads", options=SourceOptions(dataset=word))
        # A name of a data set is made plain: one folder of the home.
        assert named.dataset == Path(named.dataset).name
        assert named.dataset.strip(".")
    assert around(home) == before
