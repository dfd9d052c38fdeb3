"""Secrets in files: made once, for their owner, and read where containers find them."""

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from movie_mlops import settings
from movie_mlops.settings import read_settings
from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "setup" / "setup_secrets.sh"


def made(folder: Path) -> dict[str, str]:
    subprocess.run([SCRIPT, "--files", folder], check=True)
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_secrets_are_made_once_and_fit_together(tmp_path: Path) -> None:
    """Each secret is random and has its file; the addresses hold the passwords; a second call changes nothing."""
    first = made(tmp_path / "secrets")
    assert sorted(first) == [
        "movie_mlops_admin_token",
        "movie_mlops_admin_token_before",
        "movie_mlops_admin_token_before_until",
        "movie_mlops_redis_url",
        "movie_mlops_state_url",
        "postgres_password",
        "redis_password",
    ]
    assert len({first[name] for name in ("movie_mlops_admin_token", "postgres_password", "redis_password")}) == 3
    assert f":{first['postgres_password']}@postgres:5432/" in first["movie_mlops_state_url"]
    assert f":{first['redis_password']}@redis:6379/" in first["movie_mlops_redis_url"]
    assert made(tmp_path / "secrets") == first
    assert made(tmp_path / "others")["postgres_password"] != first["postgres_password"]


@pytest.mark.parametrize("lost", ["redis_password", "movie_mlops_admin_token"])
def test_a_lost_secret_is_told_and_not_made_up(tmp_path: Path, lost: str) -> None:
    """Where one of the secrets is missing or empty none is made, since it would not fit the others; it is named."""
    folder = tmp_path / "secrets"
    first = made(folder)
    (folder / lost).unlink()
    for _ in range(2):
        done = subprocess.run([SCRIPT, "--files", folder], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"has secrets, but not {lost}: put back what was lost." in done.stderr
        assert {path.name: path.read_text() for path in folder.iterdir() if path.stat().st_size} == {
            name: value for name, value in first.items() if value and name != lost
        }
        (folder / lost).touch()
    (folder / lost).write_text(first[lost])
    assert made(folder) == first


def test_a_deployment_wants_the_secrets_that_are_made_and_no_other(tmp_path: Path) -> None:
    """Those that are empty until one is changed are no loss; a lost one is named before any container is touched."""
    folder, engines = tmp_path / "secrets", tmp_path / "bin"
    made(folder)
    engines.mkdir()
    for name in ("docker", "podman"):
        # No engine answers, so that nothing is started whatever becomes of the secrets.
        (engines / name).write_text("#!/bin/sh\nexit 1\n")
        (engines / name).chmod(0o755)

    def told() -> str:
        done = subprocess.run(
            [REPOSITORY / "scripts" / "deploy" / "roll_out.sh", "production", "1"],
            env={"PATH": f"{engines}:/usr/bin:/bin", "MOVIE_MLOPS_SECRETS": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        return done.stderr

    assert "neither docker nor podman answers" in told()
    (folder / "movie_mlops_admin_token_before").unlink()
    assert "does not hold movie_mlops_admin_token_before:" in told()
    (folder / "movie_mlops_admin_token_before").touch()
    (folder / "redis_password").unlink()
    assert "does not hold redis_password:" in told()


def test_production_in_containers_is_production() -> None:
    """Promise P26: every container of ours starts in production mode, behind the proxy that it has."""
    compose = yaml.safe_load((REPOSITORY / "docker" / "docker-compose.production.yml").read_text())
    ours = {name: one for name, one in compose["services"].items() if one["image"].startswith("movie-mlops-")}
    assert set(ours) == {"release", "api-a", "api-b", "worker"}
    for name, one in ours.items():
        assert one["environment"] == {"MOVIE_MLOPS_PRODUCTION": "true", "MOVIE_MLOPS_BEHIND_PROXY": "true"}, name


def test_a_folder_that_is_there_is_filled(tmp_path: Path) -> None:
    """An empty folder is closed to others and gets every secret, and nothing is left beside it."""
    (tmp_path / "secrets").mkdir(mode=0o755)
    assert len(made(tmp_path / "secrets")) == 7
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


def test_only_the_owner_enters_the_folder(tmp_path: Path) -> None:
    """The folder is closed to others, so files that a container must read are not open to others here."""
    made(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_settings_are_read_from_secret_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the container's secrets is a setting; a variable of the same name goes over it."""
    secrets = made(tmp_path / "secrets")
    monkeypatch.setattr(settings, "_SECRETS", tmp_path / "secrets")
    monkeypatch.chdir(tmp_path)
    found = read_settings()
    assert found.state_url is not None
    assert found.state_url.get_secret_value() == secrets["movie_mlops_state_url"]
    assert secrets["postgres_password"] not in repr(found)
    monkeypatch.setenv("MOVIE_MLOPS_STATE_URL", "postgresql://elsewhere/db")
    other = read_settings().state_url
    assert other is not None
    assert other.get_secret_value() == "postgresql://elsewhere/db"
