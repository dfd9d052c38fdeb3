"""Setting up and starting: which installer is taken, what a second time does, what the options mean."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

WITHIN_S = 60
COPIED = (
    "scripts",
    "run_movie_mlops.sh",
    ".env.template",
    "pyproject.toml",
    "requirements.txt",
    "requirements-dev.txt",
)
USED = (
    *("bash", "sh", "cat", "cp", "sha256sum", "cut", "grep", "sed", "tr", "od"),
    *("rm", "mkdir", "chmod", "dirname", "touch"),
)
# Both stand in for the real thing: they say how they were called, and make what the script looks for.
UV = """#!/bin/sh
echo "uv $*" >> "$CALLS"
case "$1 $2" in
  "venv --quiet") mkdir -p .venv/bin; printf '#!/bin/sh\\nexit 0\\n' > .venv/bin/python; chmod +x .venv/bin/python ;;
  *) printf '#!/bin/sh\\necho "movie-mlops $*" "home=$MOVIE_MLOPS_HOME" "config=$MOVIE_MLOPS_CONFIG"\\n' \\
       > .venv/bin/movie-mlops
     chmod +x .venv/bin/movie-mlops ;;
esac
"""
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-c "*) exit 0 ;;
  "-m venv") echo "python -m venv" >> "$CALLS"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip") echo "pip $*" >> "$CALLS"
            printf '#!/bin/sh\\n' > .venv/bin/movie-mlops; chmod +x .venv/bin/movie-mlops
            for word; do case "$word" in /dev/fd/*) cat "$word" >> "$CALLS"; cp "$UV" .venv/bin/uv ;; esac; done ;;
esac
"""


class Checkout:
    """A copy of what setting up needs, with stand-ins for the programs that would install."""

    def __init__(self, folder: Path, *programs: str) -> None:
        self.folder = folder / "a checkout"
        self.folder.mkdir()
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name)
            else:
                shutil.copy2(source, self.folder / name)
        (self.folder / "src").mkdir()
        self.calls = folder / "calls"
        self.calls.touch()
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name, text in (("uv", UV), ("python3.13", PYTHON)):
            if name in programs:
                (self.programs / name).write_text(text)
                (self.programs / name).chmod(0o755)
        (folder / "uv").write_text(UV)
        (folder / "uv").chmod(0o755)
        # Only what the scripts use, so that no uv of this machine is found.
        for name in USED:
            found = shutil.which(name)
            if found:
                (self.programs / name).symlink_to(found)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout."""
        environment = {"PATH": str(self.programs), "CALLS": str(self.calls), "UV": str(self.calls.with_name("uv"))}
        return subprocess.run(
            ["/bin/bash", *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def installed(self) -> list[str]:
        """Return what was called to install since the last time."""
        calls = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return calls


def test_uv_installs_where_there_is_one(tmp_path: Path) -> None:
    """With uv on the path it makes the environment and installs, with hashes; a second time nothing is installed."""
    checkout = Checkout(tmp_path, "uv", "python3.13")
    done = checkout.run("scripts/setup/setup_environment.sh")
    assert done.returncode == 0, done.stderr
    calls = checkout.installed()
    assert [call.split()[:3] for call in calls] == [["uv", "venv", "--quiet"], *[["uv", "pip", "install"]] * 2]
    assert "--require-hashes -r requirements.txt" in calls[1]
    again = checkout.run("scripts/setup/setup_environment.sh")
    assert (again.returncode, again.stderr, checkout.installed()) == (0, "", [])


def test_pip_installs_where_there_is_no_uv(tmp_path: Path) -> None:
    """Without uv, Python's own venv and pip do the same; a second time nothing is installed."""
    checkout = Checkout(tmp_path, "python3.13")
    done = checkout.run("scripts/setup/setup_environment.sh")
    assert done.returncode == 0, done.stderr
    calls = checkout.installed()
    assert [call.split()[0] for call in calls] == ["python", "pip", "pip"]
    assert "--require-hashes -r requirements.txt" in calls[1]
    assert checkout.run("scripts/setup/setup_environment.sh", "platform").returncode == 0
    assert checkout.installed() == []


def test_the_tools_of_development_are_installed_by_one_of_them(tmp_path: Path) -> None:
    """Without uv, pip installs the one of the lock, with its hashes, and that one the rest; a second time nothing."""
    checkout = Checkout(tmp_path, "python3.13")
    done = checkout.run("scripts/setup/setup_environment.sh", "dev")
    assert done.returncode == 0, done.stderr
    venv, pip, pinned, *hashes, rest, own = checkout.installed()
    assert (venv, "--require-hashes" in pip) == ("python -m venv", True)
    assert pinned.startswith("uv==")
    assert len(hashes) > 1
    assert all(line.startswith("    --hash=sha256:") for line in hashes)
    assert rest == "uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.txt"
    assert own.startswith("uv pip install")
    assert checkout.run("scripts/setup/setup_environment.sh", "platform").returncode == 0
    assert checkout.installed() == []


def test_another_list_of_requirements_installs_again(tmp_path: Path) -> None:
    """When what is to be installed changes, the next start installs it."""
    checkout = Checkout(tmp_path, "uv", "python3.13")
    checkout.run("scripts/setup/setup_environment.sh")
    checkout.installed()
    with (checkout.folder / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout.run("scripts/setup/setup_environment.sh").returncode == 0
    assert [call.split()[1] for call in checkout.installed()] == ["pip", "pip"]


def test_no_python_is_told(tmp_path: Path) -> None:
    """Where no Python fits, one sentence says which are needed and how to get one, and nothing is left behind."""
    checkout = Checkout(tmp_path)
    done = checkout.run("scripts/setup/setup_environment.sh")
    assert done.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13 was found. Install one" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_secrets_are_fresh_and_never_changed(tmp_path: Path) -> None:
    """``.env`` gets a random token that only its owner can read; a second time leaves it as it is."""
    checkout = Checkout(tmp_path, "uv", "python3.13")
    checkout.run("scripts/setup/setup_environment.sh")
    env = checkout.folder / ".env"
    text = env.read_text()
    [token] = [line.partition("=")[2] for line in text.splitlines() if line.startswith("MOVIE_MLOPS_ADMIN_TOKEN=")]
    assert len(token) == 64
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    checkout.run("scripts/setup/setup_environment.sh")
    assert env.read_text() == text


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ([], "run --serve"),
        (["--no-serve"], "run"),
        (["--source", "file:my ratings.csv", "--port", "9000"], "run --serve --source file:my ratings.csv --port 9000"),
        (["--no-serve", "--json", "--home", "/elsewhere"], "run --json --home /elsewhere"),
        (["--bogus"], "run --serve --bogus"),
    ],
)
def test_the_main_command_hands_options_on(tmp_path: Path, words: list[str], called: str) -> None:
    """The main command serves unless told not to, and hands every other option to ``movie-mlops run``."""
    checkout = Checkout(tmp_path, "uv", "python3.13")
    done = checkout.run("run_movie_mlops.sh", *words)
    assert done.returncode == 0, done.stderr
    here = checkout.folder
    assert done.stdout == f"movie-mlops {called} home={here} config={here}/config\n"


def test_help_and_set_up_only(tmp_path: Path) -> None:
    """``--help`` names every option and installs nothing; ``--setup-only`` installs and runs nothing."""
    checkout = Checkout(tmp_path, "uv", "python3.13")
    helped = checkout.run("run_movie_mlops.sh", "--help")
    assert (helped.returncode, checkout.installed()) == (0, [])
    for option in ("--source", "--no-serve", "--port", "--setup-only", "--help"):
        assert option in helped.stdout
    made = checkout.run("run_movie_mlops.sh", "--setup-only")
    assert (made.returncode, made.stdout) == (0, "")
    assert len(checkout.installed()) == 3
    assert os.access(checkout.folder / ".venv" / "bin" / "movie-mlops", os.X_OK)
