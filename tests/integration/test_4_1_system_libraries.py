"""``setup_system_libraries.sh`` on machines that have, can install, or lack the libraries."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

OPENMP = "libgomp.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libgomp.so.1"
ATOMIC = "libatomic.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libatomic.so.1"
NOTE = 'echo "$(basename "$0") $*" >> "$(dirname "$0")/calls"'


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A path on which every program is the test's own, but for the shell and what it needs to take notes."""
    for name in ("bash", "basename", "dirname", "env"):
        real = shutil.which(name)
        assert real is not None
        (tmp_path / name).symlink_to(real)
    return tmp_path


def install(machine: Path, **programs: str) -> None:
    for name, body in programs.items():
        path = machine / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)


def run(machine: Path, *environment: str) -> tuple[int, str, list[str]]:
    """Return the exit code, what was said, and the calls that change the machine."""
    done = subprocess.run(
        [machine / "bash", REPOSITORY / "scripts" / "setup" / "setup_system_libraries.sh", *environment],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = machine / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize(("environment", "there"), [("platform", OPENMP), ("dev", OPENMP + ATOMIC)])
def test_nothing_is_installed_where_the_libraries_are(machine: Path, environment: str, there: str) -> None:
    """A machine that has what the environment needs is left alone."""
    install(machine, uname="echo Linux", ldconfig=f"echo '{there}'", apt_get=NOTE)
    assert run(machine, environment) == (0, "", [])


def test_another_system_is_left_alone(machine: Path) -> None:
    """Only on Linux do the packages expect it from the system."""
    install(machine, uname="echo Darwin", ldconfig="true", apt_get=NOTE)
    assert run(machine) == (0, "", [])


@pytest.mark.parametrize(
    ("environment", "there", "packages"),
    [
        ("platform", "", "libgomp1"),
        ("dev", "", "libgomp1 libatomic1"),
        ("dev", OPENMP, "libatomic1"),
        ("dev", ATOMIC, "libgomp1"),
    ],
)
def test_what_is_missing_is_installed(machine: Path, environment: str, there: str, packages: str) -> None:
    """Root installs the packages of the libraries that are missing, and no other."""
    install(machine, uname="echo Linux", ldconfig=f"echo '{there}'", id="echo 0", apt_get=NOTE)
    assert run(machine, environment) == (
        0,
        "",
        ["apt-get update -qq", f"apt-get install -y -qq --no-install-recommends {packages}"],
    )


def test_who_is_not_root_installs_through_sudo(machine: Path) -> None:
    """Both calls of apt-get go through sudo."""
    install(machine, uname="echo Linux", ldconfig="true", id="echo 1000", apt_get=NOTE, sudo=NOTE)
    assert run(machine)[2] == [
        "sudo apt-get update -qq",
        "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgomp1",
    ]


def test_who_may_not_install_is_told_the_command(machine: Path) -> None:
    """Without root and sudo, one sentence says what to run."""
    install(machine, uname="echo Linux", ldconfig="true", id="echo 1000", apt_get=NOTE)
    told = "setup_system_packages.sh: libgomp1 not found. Install them as root: apt-get install libgomp1\n"
    assert run(machine) == (1, told, [])


def test_a_system_without_apt_is_told_the_libraries(machine: Path) -> None:
    """Where packages are installed in another way, what is missing is named."""
    install(machine, uname="echo Linux", ldconfig="true")
    code, told, calls = run(machine, "dev")
    assert (code, calls) == (1, [])
    assert told.startswith("setup_system_packages.sh: libgomp1 libatomic1 not found and there is no apt-get.")


def test_an_unknown_environment_is_wrong_usage(machine: Path) -> None:
    """A misspelt environment is refused with the right ones."""
    told = "setup_system_libraries.sh: 'prod' is not an environment. Use 'platform' or 'dev'.\n"
    assert run(machine, "prod") == (2, told, [])
