"""``run_docker_tests.sh`` with stand-ins for the container engines on the path."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FILE = "-f docker/docker-compose.simple.yml"

# Notes how it was called; answers what the test says, and nothing where the test says that it is out of order.
ENGINE = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
  $OUT_OF_ORDER) exit 1 ;;
  *" run "*) exit "$RUN_ANSWERS" ;;
esac
"""


class Machine:
    """A path that holds the shell's own few programs and the engines that a test installs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        for name in ("basename", "bash", "cat", "dirname"):
            real = shutil.which(name)
            assert real is not None
            (folder / name).symlink_to(real)

    def install(self, *engines: str) -> None:
        """Put a stand-in on the path for each of the engines."""
        for name in engines:
            (self.folder / name).write_text(ENGINE)
            (self.folder / name).chmod(0o755)

    def run(self, *options: str, answers: int = 0, out_of_order: str = "nothing") -> subprocess.CompletedProcess[str]:
        """Run the script; ``answers`` is the tests' exit code, ``out_of_order`` the call that fails."""
        environment = {
            "PATH": str(self.folder),
            "CALLS": str(self.calls),
            "RUN_ANSWERS": str(answers),
            "OUT_OF_ORDER": out_of_order,
        }
        return subprocess.run(
            [self.folder / "bash", REPOSITORY / "run_docker_tests.sh", *options],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """Return the engines' calls in order."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_docker_builds_and_runs_the_same_command(machine: Machine) -> None:
    """The image is built, then ``run_tests.sh`` runs in it with the options that were given, each as one word."""
    machine.install("docker", "podman", "podman-compose")
    done = machine.run("--stage", "5.1", "--kind", "unit", "--", "-k", "top k")
    assert done.returncode == 0
    assert machine.called() == [
        "docker compose version",
        "docker info",
        f"docker compose {FILE} build tests",
        f"docker compose {FILE} run --rm -T tests ./run_tests.sh --stage 5.1 --kind unit -- -k top k",
        f"docker compose {FILE} down",
    ]


def test_podman_takes_the_place_of_docker(machine: Machine) -> None:
    """Without docker, podman-compose gets the same calls."""
    machine.install("podman", "podman-compose")
    assert machine.run("--kind", "unit").returncode == 0
    assert machine.called() == [
        f"podman-compose {FILE} build tests",
        f"podman-compose {FILE} run --rm -T tests ./run_tests.sh --kind unit",
        f"podman-compose {FILE} down",
    ]


def test_docker_without_its_daemon_leaves_the_work_to_podman(machine: Machine) -> None:
    """A docker that does not answer does not stand in podman's way."""
    machine.install("docker", "podman", "podman-compose")
    assert machine.run(out_of_order="docker info").returncode == 0
    assert machine.called()[2:] == [
        f"podman-compose {FILE} build tests",
        f"podman-compose {FILE} run --rm -T tests ./run_tests.sh",
        f"podman-compose {FILE} down",
    ]


@pytest.mark.parametrize("answer", [1, 2, 5])
def test_the_exit_code_is_the_tests_own(machine: Machine, answer: int) -> None:
    """What ``run_tests.sh`` answered inside is answered outside, and nothing of the container is left."""
    machine.install("docker")
    assert machine.run(answers=answer).returncode == answer
    assert machine.called()[-1] == f"docker compose {FILE} down"


def test_an_image_that_cannot_be_built_runs_no_tests(machine: Machine) -> None:
    """A broken build ends the run with its exit code; an old image is never tested in its place."""
    machine.install("docker")
    assert machine.run(out_of_order=f"docker compose {FILE} build tests").returncode == 1
    assert not [call for call in machine.called() if " run " in call]


NEITHER = """\
run_docker_tests.sh: neither docker nor podman was found: install Docker with its compose plugin, or podman with \
podman-compose (on Debian: apt-get install podman pipx; pipx install podman-compose).
"""
HALF_PODMAN = """\
run_docker_tests.sh: podman is here, but podman-compose is not: install it (pipx install podman-compose).
"""
HALF_DOCKER = """\
run_docker_tests.sh: docker is here, but its daemon or its compose plugin does not answer: start the one or install \
the other (docker compose version; docker info).
"""


@pytest.mark.parametrize(("engines", "told"), [((), NEITHER), (("podman",), HALF_PODMAN), (("docker",), HALF_DOCKER)])
def test_one_sentence_says_what_to_install(machine: Machine, engines: tuple[str, ...], told: str) -> None:
    """With no engine that works, one sentence says what is missing, and nothing is built."""
    machine.install(*engines)
    done = machine.run(out_of_order="docker compose version")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_needs_no_engine(machine: Machine, option: str) -> None:
    """The help is printed on any machine, wherever among the options it is asked for."""
    done = machine.run("--kind", "unit", option)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ./run_docker_tests.sh [--stage X[.Y]]")


def test_help_behind_the_dashes_is_pytest_s(machine: Machine) -> None:
    """What stands behind ``--`` belongs to pytest, ``--help`` too."""
    machine.install("docker")
    machine.run("--", "--help")
    assert f"docker compose {FILE} run --rm -T tests ./run_tests.sh -- --help" in machine.called()


def test_every_script_is_good_bash() -> None:
    """Each shell script of the project is read to its end by bash without an error, and can be run."""
    scripts = [
        path
        for path in (*REPOSITORY.glob("*.sh"), *REPOSITORY.glob("scripts/**/*.sh"), REPOSITORY / ".ci" / "run")
        if "legacy" not in path.parts
    ]
    assert len(scripts) >= 8
    for path in scripts:
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path
        assert os.access(path, os.X_OK), path
