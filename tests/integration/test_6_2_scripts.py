"""The scripts of monitoring against the real API; for ``alert_manager.sh`` see tests/e2e, too."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.fixtures.stage_5.platform import Platform
from tests.fixtures.stage_6.prometheus import until

SCRIPTS = REPOSITORY / "scripts" / "monitoring"


def script(name: str, *options: str, **changes: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPTS / name, *options], capture_output=True, text=True, check=False, **changes)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    yield platform
    platform.database.close()


def test_health_follows_the_api(platform: Platform) -> None:
    """Not there, without a model, with one, with another one than the ledger's: each is said, and is the exit code."""
    done = script("check_health.sh", "--no-alertmanager", "--url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (
        1,
        "http://127.0.0.1:9 does not answer: start it with 'movie-mlops serve'.\n",
    )
    with platform.served() as url:
        done = script("check_health.sh", "--no-alertmanager", "--url", url)
        assert (done.returncode, done.stdout) == (
            1,
            f"{url} answers without a model: release one with 'movie-mlops run'.\n",
        )
    platform.promote(platform.train())
    with platform.served() as url:
        done = script("check_health.sh", "--no-alertmanager", "--url", f"{url}/")
        assert (done.returncode, done.stdout) == (0, f"{url}/ answers with a model.\n")
        done = script("check_health.sh", "--url", url, "--alertmanager", "http://127.0.0.1:9")
        assert done.returncode == 1
        assert "http://127.0.0.1:9 does not answer: nobody is told what goes wrong" in done.stdout
        lost = platform.train("item-knn")
        (platform.bundles / lost).rename(platform.bundles / "lost")
        platform.promote(lost)
        until(lambda: script("check_health.sh", "--no-alertmanager", "--url", url).returncode == 1, "the release fails")
        done = script("check_health.sh", "--no-alertmanager", "--url", url)
        assert re.search(r"^  release \(\w+\): .+", done.stdout, re.MULTILINE), done.stdout


def test_metrics_are_kept_whole_or_not_at_all(platform: Platform, tmp_path: Path) -> None:
    """A snapshot is a file of its own; where nobody answers, or somebody else does, none is left."""
    out = tmp_path / "snapshots"
    with platform.served() as url:
        done = script("collect_metrics.sh", "--url", url, "--out", str(out))
        assert done.returncode == 0, done.stderr
        kept = Path(done.stdout.strip())
        assert "movie_mlops_requests_total" in kept.read_text()
        done = script("collect_metrics.sh", "--url", f"{url}/static", "--out", str(out))
        assert done.returncode == 1
    done = script("collect_metrics.sh", "--url", "http://127.0.0.1:9", "--out", str(out))
    assert done.returncode == 1
    assert "does not answer. Start the API: movie-mlops serve" in done.stderr
    assert list(out.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say what to do"),
        (("mend",), "'mend' is not a command"),
        (("silence",), "name one alert"),
        (("silence", "alertname=~.*", "--for", "2h", "--comment", "x"), "is no name of an alert"),
        (("silence", "WorkerSilent", "--comment", "x"), "say for how long"),
        (("silence", "WorkerSilent", "--for", "2h"), "say who silences it, and why"),
        (("expire",), "name one silence"),
        (("--loud", "list"), "'--loud' is not an option"),
    ],
)
@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_what_alert_manager_cannot_do_is_one_sentence(words: tuple[str, ...], told: str) -> None:
    """Wrong usage is named before Alertmanager is asked: everything is silenced by nobody by mistake."""
    done = script("alert_manager.sh", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr


def test_set_up_checks_and_writes_secrets_once(tmp_path: Path) -> None:
    """Rules, routes and dashboards are checked; a webhook becomes a file, Grafana's password stays what it is."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (scripts/setup/setup_test_tools.sh installs it)")
    checkout = tmp_path / "checkout"
    for part in ("scripts/monitoring", "config/monitoring", "docker/configs"):
        shutil.copytree(REPOSITORY / part, checkout / part)
    (checkout / "scripts" / "setup").mkdir()
    for name in ("setup_environment.sh", "setup_prometheus.sh"):
        stand_in(checkout / "scripts" / "setup" / name)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    stand_in(checkout / ".venv" / "bin" / "movie-mlops")
    run = checkout / "scripts" / "monitoring" / "setup_monitoring.sh"

    def set_up(*options: str, **changes: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([run, *options], capture_output=True, text=True, check=False, **changes)

    done = set_up()
    assert done.returncode == 0, done.stderr
    assert not (checkout / "data").exists()
    assert set_up("--webhook-file", "-", input="https://hooks.example.org/a\n").returncode == 0
    secrets = checkout / "data" / "secrets"
    password = (secrets / "grafana_admin_password").read_text()
    assert len(password) == 64
    assert set_up("--webhook-file", "-", input="https://hooks.example.org/b\n").returncode == 0
    assert (secrets / "alert_webhook_url").read_text() == "https://hooks.example.org/b"
    assert (secrets / "grafana_admin_password").read_text() == password
    assert secrets.stat().st_mode & 0o777 == 0o700
    done = set_up("--webhook-file", "-", input="hooks.example.org\n")
    assert (done.returncode, "is no address" in done.stderr) == (1, True)
    rules = checkout / "config" / "monitoring" / "rules" / "alerts.yml"
    rules.write_text(rules.read_text().replace("== 1", "=== 1", 1))
    done = set_up()
    assert done.returncode == 1
    assert "setup_monitoring.sh: a rule cannot be used" in done.stderr


def stand_in(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_says_what_it_does(path: Path) -> None:
    """``--help`` and a wrong option: usage, and one sentence."""
    done = script(path.name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: scripts/monitoring/{path.name}")
    done = script(path.name, "--no-such-option")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
