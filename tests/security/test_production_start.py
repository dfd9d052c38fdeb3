"""In production a server does not start with what can be guessed or stands open; in development nothing changes."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.cli.main import main
from movie_mlops.security import Exposure, UnfitForProductionError, require_fit, weakness
from tests.fixtures.stage_7.certificates import certify
from tests.fixtures.stage_7.small_home import SmallHome

STRONG = {
    "MOVIE_MLOPS_PRODUCTION": "true",
    "MOVIE_MLOPS_ADMIN_TOKEN": secrets.token_hex(32),
    "MOVIE_MLOPS_SIGNING_KEY": secrets.token_hex(32),
}
ADMIN = "MOVIE_MLOPS_ADMIN_TOKEN"
KEY = "MOVIE_MLOPS_SIGNING_KEY"
MASTER = "MOVIE_MLOPS_MASTER_KEY"
BEFORE = "MOVIE_MLOPS_ADMIN_TOKEN_BEFORE"
ACCESS = "MOVIE_MLOPS_ACCESS_SECRET"
STATE = "MOVIE_MLOPS_STATE_URL"
REDIS = "MOVIE_MLOPS_REDIS_URL"
S3 = "MOVIE_MLOPS_S3_SECRET_ACCESS_KEY"

REFUSED = [
    *(
        ({ADMIN: token}, f"{ADMIN} is ")
        for token in (
            "admin",
            "changeme",
            "a-token-of-the-tests",
            "x",
            "0" * 64,
            "ab" * 32,
            "0123456789abcdef",
            "correct horse battery",
            "movie-mlops-admin-token-for-production",
            "bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
        )
    ),
    ({KEY: "0" * 64}, f"{KEY} is too short or too even"),
    ({KEY: "01" * 32}, f"{KEY} is too short or too even"),
    ({KEY: "/nowhere/key.pem"}, f"{KEY} is neither 64 hex digits nor a file"),
    ({KEY: "{loose}"}, f"{KEY} names a file that others than its owner may read"),
    ({MASTER: "0" * 64}, f"{MASTER} is too short or too even"),
    ({MASTER: "{loose}"}, f"{MASTER} names a file that others than its owner may read"),
    ({BEFORE: "changeme"}, f"{BEFORE} is "),
    ({ACCESS: "changeme-changeme-changeme-changeme"}, f"{ACCESS} is "),
    ({STATE: "postgresql://movies:movies@db.example:5432/state"}, f"{STATE} has a password that can be guessed"),
    ({STATE: "postgresql://postgres:postgres@localhost/state"}, f"{STATE} has a password that can be guessed"),
    ({STATE: "postgresql://movies@db.example/state"}, f"{STATE} has no password"),
    ({REDIS: "redis://cache:6379/0"}, f"{REDIS} has no password"),
    ({REDIS: "redis://:redis@cache:6379/0"}, f"{REDIS} has a password that can be guessed"),
    ({S3: "minioadmin"}, f"{S3} is made of known words"),
    ({"MOVIE_MLOPS_HOST": "0.0.0.0"}, "HTTP without encryption on 0.0.0.0"),
    ({"MOVIE_MLOPS_HOST": "::"}, "HTTP without encryption on ::"),
    ({"MOVIE_MLOPS_HOST": "192.0.2.7"}, "HTTP without encryption on 192.0.2.7"),
    ({"MOVIE_MLOPS_HOST": "films.example.org"}, "HTTP without encryption on films.example.org"),
]


class StartedError(Exception):
    """The server would answer now."""


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHome]:
    def start(*_: Any, **__: Any) -> None:
        raise StartedError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("movie_mlops.serving.serve", start)
    monkeypatch.setattr("movie_mlops.serving.bind", lambda *_: None)
    monkeypatch.setattr("movie_mlops.flows.serve.make_app", lambda *_, **__: None)
    home = SmallHome(tmp_path / "home", capsys)
    yield home
    home.platform.database.close()


def setting(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_a_server_that_is_not_fit_for_production_does_not_start(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], reason: str
) -> None:
    """Promise P26: the refusal names the setting and the reason and shows no secret; nothing listens, exit code 1."""
    loose = home.path / "loose.pem"
    loose.write_text("a key")
    loose.chmod(0o644)
    changes = {name: value.replace("{loose}", str(loose)) for name, value in changes.items()}
    setting(monkeypatch, **{**STRONG, **changes})
    code, _, err = home("serve", "--port", "8765")
    assert code == 1
    assert reason in err, err
    assert "not fit for production" in err
    for name, value in {**STRONG, **changes}.items():
        if name in {ADMIN, BEFORE, ACCESS, S3, STATE, REDIS} or (name in {KEY, MASTER} and not value.startswith("/")):
            assert len(value) < 8 or value not in err
    # The same is development as it always was.
    if not {STATE, REDIS, BEFORE} & set(changes):
        monkeypatch.setenv("MOVIE_MLOPS_PRODUCTION", "false")
        with pytest.raises(StartedError):
            main(["serve", "--home", str(home.path)])


def test_every_reason_is_named_at_once(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever corrects one thing need not start again to hear of the next; options count as settings do."""
    setting(monkeypatch, **{**STRONG, ADMIN: "admin", KEY: "0" * 64})
    code, _, err = home("serve", "--host", "0.0.0.0")
    assert code == 1
    for reason in (ADMIN, KEY, "on 0.0.0.0"):
        assert reason in err
    assert home("run", "--serve")[0] == 1
    assert home("worker", "--once")[0] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {ADMIN: ""},
        {KEY: ""},
        {ADMIN: secrets.token_urlsafe(32)},
        {"MOVIE_MLOPS_HOST": "localhost"},
        {"MOVIE_MLOPS_HOST": "0.0.0.0", "MOVIE_MLOPS_BEHIND_PROXY": "true"},
        {REDIS: "redis://localhost:6379/0"},
    ],
)
def test_a_server_that_is_fit_starts(home: SmallHome, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]) -> None:
    """Promise P26: with secrets made by chance it starts; shut admin routes, a key made here and a proxy are fine."""
    setting(monkeypatch, **{**STRONG, **changes})
    with pytest.raises(StartedError):
        main(["serve", "--home", str(home.path)])


def test_a_server_that_speaks_tls_itself_is_fit_for_any_address(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise P26: a certificate of its own is encryption enough."""
    setting(monkeypatch, **STRONG)
    pair = certify(home.path)
    words = ["serve", "--host", "0.0.0.0", "--home", str(home.path)]
    assert main(words) == 1
    with pytest.raises(StartedError):
        main([*words, "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)])


@pytest.mark.parametrize(
    ("exposure", "reason"),
    [
        (Exposure(origins=["*"]), "CORS origin *"),
        (Exposure(origins=["https://*.example.org"]), "CORS origin *"),
        (Exposure(origins=["http://films.example.org"]), "CORS origin http://"),
        (Exposure(debugging=["Python's development mode"]), "development mode is on"),
        (Exposure(debugging=["a debugger"]), "a debugger is on"),
    ],
)
def test_open_origins_and_debuggers_are_refused(exposure: Exposure, reason: str) -> None:
    """Promise P26: any site in a browser, sites without encryption, Python's development mode, a debugger."""
    with pytest.raises(UnfitForProductionError) as refused:
        require_fit(exposure)
    assert reason in str(refused.value)
    require_fit(Exposure(origins=["https://films.example.org"]))


def test_secrets_made_by_chance_are_never_called_weak() -> None:
    """Two thousand, in hex and URL-safe, of 24 and of 32 bytes; a known word in them by chance does not matter."""
    made = [make(size) for size in (24, 32) for make in (secrets.token_hex, secrets.token_urlsafe) for _ in range(500)]
    assert [secret for secret in (*made, made[-1] + "root" + made[0]) if weakness(secret)] == []
