"""Where secrets come from, and how they are changed: the old one goes on for a stated time, and nothing is shown."""

import os
import shlex
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from movie_mlops import settings
from movie_mlops.core import clock
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.security import ADMINISTRATOR, Access, Buckets, FormerToken, MemoryLimiter, SecurityConfig
from movie_mlops.security.errors import UnauthorisedError
from movie_mlops.security.sources import given_secrets
from movie_mlops.settings import former_token, read_settings
from tests.conftest import REPOSITORY
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_3.postgres_server import PostgresServer

SCRIPT = REPOSITORY / "scripts" / "security" / "update_secrets.sh"
SECRET = "a-canary-of-the-tests"


def run(*words: str | Path, code: int = 0, **environment: str) -> str:
    done = subprocess.run(
        [SCRIPT, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},  # noqa: TID251 - the script's
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def folder_of_secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    subprocess.run([REPOSITORY / "scripts/setup/setup_secrets.sh", "--files", folder], check=True)
    return folder


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def access(current: str | None, former: FormerToken | None) -> Access:
    config = SecurityConfig()
    return Access(config, admin_token=current, former_token=former, limiter=MemoryLimiter(Buckets(config.limits)))


def test_the_token_before_dies_on_schedule() -> None:
    """Both tokens are the administrator's while the overlap lasts; then the old one is refused, with no restart."""
    now = clock.now()
    lives = access("new", FormerToken("old", now + timedelta(hours=1)))
    assert lives.holder("new") is lives.holder("old") is ADMINISTRATOR
    dead = access("new", FormerToken("old", now))
    assert dead.holder("new") is ADMINISTRATOR
    for one, shown in ((dead, "old"), (lives, "other"), (access(None, FormerToken("old", now + timedelta(1))), "old")):
        with pytest.raises(UnauthorisedError):
            one.holder(shown)


def test_an_old_token_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server does not start with an old token that would never die; an empty one is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_ADMIN_TOKEN_BEFORE", SECRET)
    with pytest.raises(ConfigurationError, match="would never die"):
        former_token(read_settings())
    monkeypatch.setenv("MOVIE_MLOPS_ADMIN_TOKEN_BEFORE", "")
    monkeypatch.setenv("MOVIE_MLOPS_ADMIN_TOKEN_BEFORE_UNTIL", "")
    assert former_token(read_settings()) is None


def test_secrets_come_from_files_and_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file's and a command's first line is the secret; neither is in the repr of the settings."""
    (tmp_path / "token").write_text(f"{SECRET}\nsecond line\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("MOVIE_MLOPS_STATE_URL_COMMAND", f"printf '%s' postgresql://u:{SECRET}@h/d")
    found = read_settings()
    assert found.admin_token is not None
    assert found.state_url is not None
    assert found.admin_token.get_secret_value() == SECRET
    assert found.state_url.get_secret_value() == f"postgresql://u:{SECRET}@h/d"
    assert SECRET not in f"{found!r} {found}"


@pytest.mark.parametrize(
    "given",
    [
        {"MOVIE_MLOPS_ADMIN_TOKEN": "x", "MOVIE_MLOPS_ADMIN_TOKEN_FILE": "y"},
        {"MOVIE_MLOPS_ADMIN_TOKEN_FILE": f"/missing/{SECRET}"},
        {"MOVIE_MLOPS_ADMIN_TOKEN_COMMAND": f"sh -c 'echo {SECRET}; exit 3'"},
        {"MOVIE_MLOPS_ADMIN_TOKEN_COMMAND": f"no-such-command {SECRET}"},
        {"MOVIE_MLOPS_ADMIN_TOKEN_COMMAND": f"'{SECRET}"},
        {"MOVIE_MLOPS_ADMIN_TOKEN_COMMAND": "true"},
    ],
)
def test_a_source_that_gives_no_secret_is_told(given: dict[str, str]) -> None:
    """Promise P27: twice given, missing, failing or empty: the setting is named, and nothing of what it holds is."""
    with pytest.raises(ConfigurationError) as told:
        given_secrets(["admin_token"], given)
    assert SECRET not in str(told.value)
    assert "admin_token" in str(told.value).lower()


def test_a_command_is_started_without_a_shell(tmp_path: Path) -> None:
    """What a shell would do with a semicolon is not done."""
    given = {"MOVIE_MLOPS_ADMIN_TOKEN_COMMAND": f"echo one ; touch {tmp_path / 'made'}"}
    assert given_secrets(["admin_token"], given)["admin_token"].startswith("one ;")
    assert not (tmp_path / "made").exists()


def test_the_admin_token_is_changed_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new token and the old one until its end are what a server reads; no value is told."""
    folder = folder_of_secrets(tmp_path)
    first = held(folder)
    told = run("--secrets", folder, "--overlap", "2h", "admin-token")
    second = held(folder)
    assert second["movie_mlops_admin_token_before"] == first["movie_mlops_admin_token"]
    assert second["movie_mlops_admin_token"] not in {first["movie_mlops_admin_token"], ""}
    assert not any(value and value in told for name, value in second.items() if "until" not in name)
    monkeypatch.setattr(settings, "_SECRETS", folder)
    monkeypatch.chdir(tmp_path)
    former = former_token(read_settings())
    assert former is not None
    assert former.token == first["movie_mlops_admin_token"]
    assert timedelta(hours=1, minutes=50) < former.until - clock.now() <= timedelta(hours=2)
    assert former.token not in repr(former)
    listed = run("--secrets", folder, "list")
    assert "postgres_password" in listed
    assert not any(value and value in listed for value in second.values())
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_the_password_of_redis_is_changed_with_an_overlap(tmp_path: Path) -> None:
    """A real Redis takes both passwords until the end is said, then the new one alone."""
    folder = folder_of_secrets(tmp_path)
    old = held(folder)["redis_password"]
    server = RedisServer(tmp_path / "redis", password=old)
    try:
        cli = ["redis-cli", "-p", str(server._port)]

        def takes(password: str) -> bool:
            done = subprocess.run(
                [*cli, "--no-auth-warning", "-a", password, "PING"], capture_output=True, text=True, check=False
            )
            return done.stdout.strip() == "PONG"

        words = {"REDIS_CLI": shlex.join(cli)}
        told = run("--secrets", folder, "redis", **words)
        new = held(folder)["redis_password"]
        assert new in held(folder)["movie_mlops_redis_url"]
        assert takes(old)
        assert takes(new)
        assert "has not ended" in run("--secrets", folder, "redis", code=1, **words)
        run("--secrets", folder, "redis-end", **words)
        assert not takes(old)
        assert takes(new)
        assert old not in told
        assert new not in told
    finally:
        server.kill()


def test_the_password_of_the_database_is_changed(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """A real PostgreSQL takes the new password and refuses the old one; where it cannot be told, nothing is changed."""
    folder = folder_of_secrets(tmp_path)
    first = held(folder)
    old = first["postgres_password"]
    assert "the old password holds" in run("--secrets", folder, "postgres", code=1, PSQL="false")
    (folder / "postgres_password_new").unlink()
    assert held(folder) == first
    postgres_server.sql(f"CREATE ROLE movie_mlops LOGIN PASSWORD '{old}'")
    try:
        with postgres_server.database() as name:
            port = ["--port", str(postgres_server.port)]
            words = ["psql", "--quiet", "--host", str(postgres_server.folder), *port, "-U", "tests", name]
            told = run("--secrets", folder, "postgres", PSQL=shlex.join(words))
            new = held(folder)["postgres_password"]
            assert new != old
            assert f":{new}@postgres:5432/" in held(folder)["movie_mlops_state_url"]
            for password, taken in ((new, True), (old, False)):
                words = ["psql", "--host", "127.0.0.1", *port, "-U", "movie_mlops", "-c", "SELECT 1", name]
                done = subprocess.run(
                    words,
                    env={**os.environ, "PGPASSWORD": password},  # noqa: TID251 - that of psql
                    capture_output=True,
                    check=False,
                )
                assert (done.returncode == 0) is taken
            assert new not in told
    finally:
        postgres_server.sql("DROP ROLE movie_mlops")


@pytest.mark.parametrize(
    "words", [[], ["no-such"], ["--overlap", "soon", "admin-token"], ["--no"], ["redis", "postgres"]]
)
def test_wrong_usage_is_told(words: list[str], tmp_path: Path) -> None:
    """Exit code 2 and a sentence; nothing is changed."""
    run(*words, code=2, MOVIE_MLOPS_SECRETS=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
