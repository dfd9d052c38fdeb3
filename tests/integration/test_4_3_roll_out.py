"""``roll_out.sh`` and its callers with a stand-in for the engine: what is replaced when, and what is put back."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# Containers are files that hold the version they were given. One whose version is "bad" never answers.
COMPOSE = """#!/bin/bash
shift 2
[ "$1" != --env-file ] || shift 2
echo "$MOVIE_MLOPS_VERSION: $*" >> "$CALLS"
case "$1" in
  version) ;;
  up) shift 3; for service in "$@"; do echo "$MOVIE_MLOPS_VERSION" > "$CONTAINERS/$service"; done ;;
  down) rm -f "$CONTAINERS/$2" ;;
  run) exit "${JOB:-0}" ;;
  exec) [ -f "$CONTAINERS/$3" ] && [ "$(cat "$CONTAINERS/$3")" != bad ] ;;
esac
"""
ENGINE = """#!/bin/bash
case "$*" in
  info) ;;
  ps*) said="$*"; service="${said#*service=}"; service="${service%% *}"
       [ ! -f "$CONTAINERS/$service" ] || echo "movie-mlops-api:$(cat "$CONTAINERS/$service")" ;;
esac
"""


class Machine:
    """A checkout whose engine is a stand-in."""

    def __init__(self, folder: Path) -> None:
        self.root, self.containers, self.calls = folder / "checkout", folder / "containers", folder / "calls"
        for part in ("scripts", "docker"):
            shutil.copytree(REPOSITORY / part, self.root / part)
        shutil.copy(REPOSITORY / "pyproject.toml", self.root)
        self.containers.mkdir()
        self.secrets = folder / "secrets"
        subprocess.run([self.root / "scripts" / "setup" / "setup_secrets.sh", "--files", self.secrets], check=True)
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name, text in (("podman", ENGINE), ("podman-compose", COMPOSE), ("docker", "#!/bin/sh\nexit 1\n")):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)

    def run(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout."""
        return subprocess.run(
            [self.root / "scripts" / "deploy" / script, *words],
            env={
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "CALLS": str(self.calls),
                "CONTAINERS": str(self.containers),
                "MOVIE_MLOPS_SECRETS": str(self.secrets),
                "MOVIE_MLOPS_READY_SECONDS": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def versions(self) -> dict[str, str]:
        """Return which version each container has."""
        return {path.name: path.read_text().strip() for path in sorted(self.containers.iterdir())}

    def journal(self) -> list[list[str]]:
        """Return environment, version and outcome of each deployment."""
        lines = (self.root / "logs" / "deployments.tsv").read_text().splitlines()
        return [line.split("\t")[1:] for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_time_stores_and_a_release_come_before_the_api(machine: Machine) -> None:
    """Nothing serves before the main job has ended well; then everything has the version."""
    assert machine.run("roll_out.sh", "production", "one").returncode == 0
    assert set(machine.versions().values()) == {"one"}
    assert set(machine.versions()) == {"api-a", "api-b", "nginx", "postgres", "redis", "worker"}
    started = [line for line in machine.calls.read_text().splitlines() if " up " in line or " run " in line]
    order = [line.split()[-1] for line in started]
    assert order == ["postgres", "redis", "release", "api-b", "worker", "nginx"]


def test_a_main_job_that_fails_lets_nothing_serve(machine: Machine) -> None:
    """Where no release comes about, no replica is started, and the journal says so."""
    done = machine.run("roll_out.sh", "production", "one", JOB="1")
    assert done.returncode == 1
    assert "The main job failed; nothing serves." in done.stderr
    assert set(machine.versions()) == {"postgres", "redis"}
    assert machine.journal() == [["production", "one", "failed"]]


def test_replicas_are_replaced_one_after_the_other(machine: Machine) -> None:
    """While one replica is replaced the other has the old version; stores and nginx are not touched."""
    machine.run("roll_out.sh", "production", "one")
    machine.calls.unlink()
    assert machine.run("roll_out.sh", "production", "two").returncode == 0
    calls = [line for line in machine.calls.read_text().splitlines() if " up " in line or " down " in line]
    assert calls == [
        "two: down api-a",
        "two: up -d --no-deps api-a",
        "two: down api-b",
        "two: up -d --no-deps api-b",
        "two: down worker",
        "two: up -d --no-deps worker",
    ]
    assert machine.versions() == {
        "api-a": "two",
        "api-b": "two",
        "nginx": "one",
        "postgres": "one",
        "redis": "one",
        "worker": "two",
    }


def test_a_version_that_does_not_become_ready_is_taken_back(machine: Machine) -> None:
    """The replica that failed has its version of before again, the other one was never touched, and it is said."""
    machine.run("roll_out.sh", "stage-5", "one")
    machine.calls.unlink()
    done = machine.run("roll_out.sh", "stage-5", "bad")
    assert done.returncode == 1
    assert "bad was not deployed: api-a did not become ready. one goes on serving." in done.stderr
    assert machine.versions() == {"api-a": "one", "api-b": "one", "nginx": "one"}
    assert "api-b" not in machine.calls.read_text().replace("exec -T api-b", "")
    assert machine.journal() == [["stage-5", "one", "deployed"], ["stage-5", "bad", "failed"]]


@pytest.mark.parametrize("script", ["roll_out.sh", "rollback.sh"])
def test_nothing_is_touched_where_a_secret_is_lost(machine: Machine, script: str) -> None:
    """A container without its secret would not start, and neither would the one before: the secret is named instead."""
    for version in ("one", "two"):
        machine.run("roll_out.sh", "production", version)
    before, called = machine.journal(), machine.calls.read_text()
    (machine.secrets / "redis_password").unlink()
    done = machine.run(script, *(("production", "one") if script == "roll_out.sh" else ()))
    assert done.returncode == 1
    assert "secrets does not hold redis_password: put back what was lost. Nothing was touched." in done.stderr
    assert (machine.journal(), machine.calls.read_text(), machine.versions()["api-a"]) == (before, called, "two")
    # Stage 5 has none of these files.
    assert machine.run("roll_out.sh", "stage-5", "one").returncode == 0


def test_the_way_back_is_the_version_before(machine: Machine) -> None:
    """``rollback.sh`` deploys what was deployed before; a version that failed was never deployed."""
    for version in ("one", "two", "bad"):
        machine.run("roll_out.sh", "production", version)
    done = machine.run("rollback.sh")
    assert done.returncode == 0, done.stderr
    assert machine.versions()["api-a"] == "one"
    assert machine.journal()[-1] == ["production", "one", "deployed"]
    assert machine.run("rollback.sh", "stage-5").stderr == (
        "rollback.sh: stage-5 has had one version only; there is none before it.\n"
    )


@pytest.mark.parametrize("script", ["roll_out.sh", "rollback.sh", "deploy_stage_5.sh", "deploy_production.sh"])
def test_each_script_says_what_it_does(machine: Machine, script: str) -> None:
    """``--help`` prints the usage, and nothing is started; an environment that does not exist is refused."""
    done = machine.run(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: scripts/deploy/{script}")
    assert not machine.calls.exists()
    assert machine.run("roll_out.sh", "moon", "one").returncode == 2
