"""``setup_system_libraries.sh`` on machines that have, can install, or lack the libraries."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FOUND = "\tlibgomp.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libgomp.so.1"
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


def run(machine: Path) -> tuple[int, str, list[str]]:
    """Return the exit code, what was said, and the calls that change the machine."""
    done = subprocess.run(
        [machine / "bash", REPOSITORY / "scripts" / "setup" / "setup_system_libraries.sh"],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = machine / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def test_nothing_is_installed_where_the_library_is(machine: Path) -> None:
    """A machine that has GNU OpenMP is left alone."""
    install(machine, uname="echo Linux", ldconfig=f"echo '{FOUND}'", apt_get=NOTE)
    assert run(machine) == (0, "", [])


def test_another_system_is_left_alone(machine: Path) -> None:
    """Only on Linux do the packages expect it from the system."""
    install(machine, uname="echo Darwin", apt_get=NOTE)
    assert run(machine) == (0, "", [])


@pytest.mark.parametrize(("user", "by_sudo"), [(0, False), (1000, True)])
def test_it_is_installed_where_it_is_missing(machine: Path, user: int, by_sudo: bool) -> None:
    """Root installs the one package; anybody else does so through sudo."""
    sudo = NOTE + '\nexec "$@"'
    install(machine, uname="echo Linux", ldconfig="true", id=f"echo {user}", apt_get=NOTE, sudo=sudo)
    code, told, calls = run(machine)
    assert (code, told) == (0, "")
    assert [call for call in calls if call.startswith("apt-get")] == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends libgomp1",
    ]
    assert ("sudo apt-get update -qq" in calls) is by_sudo


def test_who_may_not_install_is_told_the_command(machine: Path) -> None:
    """Without root and sudo, one sentence says what to run."""
    install(machine, uname="echo Linux", ldconfig="true", id="echo 1000", apt_get=NOTE)
    told = "setup_system_libraries.sh: libgomp.so.1 was not found. Install it as root: apt-get install libgomp1\n"
    assert run(machine) == (1, told, [])


def test_a_system_without_apt_is_told_the_library(machine: Path) -> None:
    """Where packages are installed in another way, the library is named."""
    install(machine, uname="echo Linux", ldconfig="true")
    code, told, calls = run(machine)
    assert (code, calls) == (1, [])
    assert "Install GNU OpenMP (libgomp) with your system's package manager." in told
