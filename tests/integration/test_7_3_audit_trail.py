"""What operators do by any door is on record: the API, the console and the command line."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from movie_mlops.cli.app import command
from movie_mlops.security import Outcome
from movie_mlops.state import StateError
from tests.conftest import REPOSITORY
from tests.fixtures.stage_5.platform import ADMIN, Platform
from tests.fixtures.stage_7.small_home import SmallHome

TOKEN = ADMIN["Authorization"].split()[1]

READS = {
    *(f"release {name}" for name in ("status", "history", "who-served", "verify", "gate", "robustness")),
    *(f"models {name}" for name in ("list", "show", "verify", "aliases", "card", "compare", "export", "keys list")),
    *(f"security {name}" for name in ("scan", "shilling", "reference", "keys list", "erasures", "places")),
    "security account list",
    "security receipt verify",
    "security consent show",
    # A replay lives in a home of its own; the loop notes by itself what it is asked for.
    *(f"events {name}" for name in ("tail", "stats", "schemas", "reference", "replay", "dead-letter list")),
    *(f"triggers {name}" for name in ("list", "check", "runs", "fire", "turn")),
    *(f"security audit {name}" for name in ("verify", "search", "export")),
}
"""Commands of these groups that change neither who serves, nor who is trusted, nor what is kept, or note it so."""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHome]:
    # Away from the checkout, whose .env may name a key that signs.
    monkeypatch.chdir(tmp_path)
    home = SmallHome(tmp_path / "home", capsys)
    home.platform.promote(home.platform.train())
    yield home
    home.platform.database.close()


def told(platform: Platform) -> list[tuple[str, str, str, str]]:
    return [(one.action, one.who, one.target, one.outcome.value) for one in reversed(platform.audit.search())]


def test_what_was_done_over_the_api_has_an_entry_of_its_own(platform: Platform) -> None:
    """By which right, what, when, from where, with the request's id; reads are not on record, failures are sums."""
    bundle = platform.train("popular")
    why = {"reason": "asked by ann@example.org", "approved_by": "kim"}
    with platform.served() as url, httpx.Client(base_url=url, headers=ADMIN, timeout=20) as client:
        assert client.get("/v1/admin/releases").status_code == 200
        done = client.post("/v1/admin/promote", json={"bundle_id": bundle, **why}, headers={"x-request-id": "r-1"})
        assert done.status_code == 200, done.text
        assert client.post("/v1/admin/promote", json={"bundle_id": "ease-000000000000", **why}).status_code == 404
        assert client.post("/v1/admin/rollback", json=why).status_code == 200
    assert told(platform) == [
        ("POST /v1/admin/promote", "admin-token", bundle, "done"),
        ("POST /v1/admin/rollback", "admin-token", "", "done"),
        ("POST /v1/admin/promote", "unknown", "", "failed"),
    ]
    first = platform.audit.search(request_id="r-1")[0]
    assert first.origin == "127.0.0.1"
    assert first.facts == {"status": 200, "bundle_id": bundle, "approved_by": "kim", "reason": "asked by [e-mail]"}
    assert platform.audit.verify().whole


def test_wrong_tokens_are_one_entry_however_many(platform: Platform) -> None:
    """Thirty wrong tokens and requests that nobody may make: one entry each for the route, and no token in any."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        for number in range(30):
            wrong = {"Authorization": f"Bearer wrong-token-{number}"}
            assert client.post("/v1/admin/promote", json={}, headers=wrong).status_code == 401
            client.post("/v1/admin/promote", content=b"no JSON", headers=wrong)
            client.post("/console/sign-out")
            client.post("/console/actions/nothing-of-the-kind")
            client.request("PROPFIND", f"/v1/admin/{number}")
        assert client.get("/v1/admin/releases").status_code == 401
        assert client.post("/console/sign-in", data={"token": "wrong-token"}).status_code == 401
    entries = platform.audit.search()
    assert sorted((one.action, one.facts["status"], one.facts["times"]) for one in entries) == [
        ("GET /v1/admin/releases", 401, 1),
        ("OTHER unmatched", 404, 30),
        ("POST /console/sign-in", 401, 1),
        ("POST /v1/admin/promote", 401, 60),
    ]
    assert "wrong-token" not in json.dumps([one.to_json() for one in entries])


def test_the_console_is_on_record_too(platform: Platform) -> None:
    """Signing in and what is done with a form; the token and the form's code are in no entry."""
    bundle = platform.train("popular")
    with platform.served() as url, httpx.Client(base_url=url, timeout=20, follow_redirects=True) as client:
        assert client.post("/console/sign-in", data={"token": TOKEN}).status_code == 200
        code = re.findall(r'name="code" value="([0-9a-f]{64})"', client.get("/console/releases").text)[0]
        form = {"code": code, "bundle": bundle, "approved_by": "ann", "reason": "A try."}
        assert client.post("/console/actions/promote", data=form).status_code == 200
        client.post("/console/actions/promote", data={**form, "code": "0" * 64})
    assert told(platform) == [
        ("POST /console/sign-in", "admin-token", "", "done"),
        ("POST /console/actions/promote", "admin-token", bundle, "done"),
        ("POST /console/actions/promote", "unknown", "", "refused"),
    ]
    everything = json.dumps([one.to_json() for one in platform.audit.search()])
    assert TOKEN not in everything
    assert code not in everything


def test_nobody_is_told_of_what_is_not_on_record(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the entry cannot be written the answer is 503 and says so; other requests go on."""

    def refuse(*_: Any, **__: Any) -> int:
        raise StateError("The disk is full.", next_step="Free some.")

    bundle = platform.train("popular")
    with platform.served() as url, httpx.Client(base_url=url, headers=ADMIN, timeout=20) as client:
        monkeypatch.setattr(platform.audit, "note", refuse)
        body = {"bundle_id": bundle, "reason": "a try", "approved_by": "kim"}
        answer = client.post("/v1/admin/promote", json=body)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (503, "not-on-record"), answer.text
        assert client.get("/v1/users/ann/recommendations").status_code == 200
        monkeypatch.undo()


def test_commands_are_on_record_done_or_not(home: SmallHome) -> None:
    """Releases, aliases and keys: who decided, on what, from which account of the machine, and what came of it."""
    bundle = home.platform.train("popular")
    assert home("release", "promote", bundle, "--reason", "a try", "--approved-by", "kim")[0] == 0
    assert home("release", "rollback", "--reason", "no good")[0] == 0
    assert home("release", "promote", "nothing", "--reason", "why")[0] == 1
    assert home("models", "keys", "new")[0] == 0
    assert home("models", "gc", "--dry-run")[0] == 0
    listed = home.document("security", "audit", "search")
    assert [(one["action"], one["who"], one["target"], one["outcome"]) for one in reversed(listed)] == [
        ("release.promote", "kim", bundle, "done"),
        ("release.rollback", "operator", "", "done"),
        ("release.promote", "operator", "nothing", "failed"),
        ("models.keys.new", "operator", "", "done"),
    ]
    assert all(re.fullmatch(r"command line, account \d+", one["origin"]) for one in listed)
    assert listed[-1]["facts"]["reason"] == "a try"
    assert [one["target"] for one in home.document("security", "audit", "search", "--outcome", "failed")] == ["nothing"]


def test_a_user_is_searched_for_by_name_and_told_by_pseudonym(home: SmallHome) -> None:
    """An entry on a user is found by whoever knows the user, and names nobody to whoever reads the log."""
    audit = home.platform.audit
    audit.note("erase", who="kim", outcome=Outcome.DONE, target=audit.pseudonyms.user("ann"))
    (found,) = home.document("security", "audit", "search", "--user", "ann")
    assert found["target"].startswith("user-")
    assert home.document("security", "audit", "search", "--user", "bob") == []


def test_the_command_finds_what_was_changed(home: SmallHome) -> None:
    """``verify`` says the newest seal, ``--head`` misses one that is gone, and a changed entry is named with 1."""
    for number in range(3):
        home.platform.audit.note("a", who=f"kim-{number}", outcome=Outcome.DONE)
    whole = home.document("security", "audit", "verify")
    assert (whole["whole"], whole["entries"]) == (True, 3)
    assert home("security", "audit", "verify", "--head", whole["head"])[0] == 0
    assert home("security", "audit", "verify", "--head", "0" * 64)[0] == 1
    file = home.path / "audit.jsonl"
    assert home("security", "audit", "export", str(file))[0] == 0
    assert [json.loads(line)["who"] for line in file.read_text().splitlines()] == ["kim-0", "kim-1", "kim-2"]
    with home.platform.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entries_refuse_update")
        connection.exec_driver_sql("UPDATE audit_entries SET who = 'lee' WHERE entry_id = 2")
    code, out, _ = home("security", "audit", "verify")
    assert (code, out.startswith("Entry 2 was changed: ")) == (1, True)


def test_the_script_asks_for_all_of_it_and_tells_what_is_broken(tmp_path: Path) -> None:
    """``access_audit.sh`` verifies log and ledger, lists refusals and deeds, and ends with 1 where one fails."""
    command_line = tmp_path / ".venv" / "bin" / "movie-mlops"
    script = tmp_path / "scripts" / "security" / "access_audit.sh"
    for path in (command_line, script):
        path.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / "scripts" / "security" / "access_audit.sh", script)
    command_line.write_text('#!/usr/bin/env bash\necho "$@"\n[ "$1 $2" != "release verify" ] || exit "${BROKEN:-0}"\n')
    command_line.chmod(0o755)

    def run(*words: str, broken: str = "0") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", "BROKEN": broken}
        return subprocess.run([script, *words], capture_output=True, text=True, check=False, env=environment)

    done = run("--since", "2026-01-31", "--home", "a home")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1::2] == [
        "security audit verify --home a home",
        "release verify --home a home",
        "security audit search --outcome refused --since 2026-01-31 --home a home",
        "security audit search --outcome done --since 2026-01-31 --home a home",
    ]
    assert run(broken="1").returncode == 1
    assert (run("--help").returncode, run("--sinse", "x").returncode, run("--since").returncode) == (0, 2, 2)


def test_every_command_that_changes_something_is_on_record() -> None:
    """A command of releases, models, security or events is on record, or is known here to read only."""
    missing = []
    for group in ("release", "models", "security", "events", "triggers"):
        for name, found in _commands(command().resolve_command(typer.Context(command()), [group])[1], group):
            if not hasattr(found.callback, "audited") and name not in READS:
                missing.append(name)
    assert missing == []


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from _commands(found, f"{name} {word}")
        else:
            yield f"{name} {word}", found
