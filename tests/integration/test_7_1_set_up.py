"""The set-up of security: secrets for this machine, and what is wrong with those of production."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SCRIPT = Path("scripts/security/setup_security.sh")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as the script knows of."""
    for name in (SCRIPT, "scripts/setup/setup_secrets.sh", ".env.template", "config/security.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / SCRIPT, *words], cwd=checkout, capture_output=True, text=True, check=False)


def test_secrets_of_this_machine_are_made_once_and_for_their_owner(checkout: Path) -> None:
    """An .env with random secrets that nobody else reads; a second call changes none."""
    assert run(checkout).returncode == 0
    first = (checkout / ".env").read_text()
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((checkout / "data" / "keys").stat().st_mode) == 0o700
    assert run(checkout).returncode == 0
    assert (checkout / ".env").read_text() == first


def test_what_is_wrong_with_production_is_told_at_once(checkout: Path) -> None:
    """Secrets that others read, short, missing or this machine's own ones, and open access: a line each."""
    run(checkout)
    folder = checkout / "secrets"
    subprocess.run([checkout / "scripts/setup/setup_secrets.sh", "--files", folder], check=True)
    config = checkout / "config" / "security.yaml"
    shipped = config.read_text()
    config.write_text(shipped.replace("access: open", "access: closed").replace("tls: false", "tls: true"))
    good = run(checkout, "--production", str(folder))
    assert (good.returncode, good.stderr) == (0, "")
    config.write_text(shipped)
    folder.chmod(0o755)
    own = (checkout / ".env").read_text().partition("MOVIE_MLOPS_ADMIN_TOKEN=")[2].split("\n")[0]
    for name, value in (("movie_mlops_admin_token", own), ("redis_password", "short"), ("movie_mlops_state_url", "x")):
        (folder / name).chmod(0o644)
        (folder / name).write_text(value)
    (folder / "postgres_password").unlink()
    bad = run(checkout, "--production", str(folder))
    assert bad.returncode == 1
    for said in (
        "others can enter",
        "movie_mlops_admin_token is that of this machine's .env",
        "redis_password has 5 characters",
        "movie_mlops_state_url carries no password",
        "postgres_password is missing or empty",
        "access is not closed",
        "tls is not true",
    ):
        assert said in bad.stderr
    assert own not in bad.stderr
    assert run(checkout, "--production", str(checkout / "nowhere")).returncode == 1
