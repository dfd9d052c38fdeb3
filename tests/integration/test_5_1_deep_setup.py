"""Installing PyTorch beside the environment, with a stand-in for what installs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# It notes how it was called; once something was installed, it says that PyTorch is there.
PYTHON = """#!/bin/sh
echo "python $*" >> "{calls}"
case "$*" in
  *find_spec*) test -e "{installed}"; exit ;;
  *install*) touch "{installed}" ;;
esac
"""


class Checkout:
    """A checkout with the script, its list and an environment."""

    def __init__(self, folder: Path) -> None:
        self.root, self.calls, self.installed = folder / "a checkout", folder / "calls", folder / "installed"
        (self.root / "scripts" / "setup").mkdir(parents=True)
        shutil.copy2(REPOSITORY / "scripts" / "setup" / "setup_deep.sh", self.root / "scripts" / "setup")
        shutil.copy2(REPOSITORY / "requirements-deep.txt", self.root)

    def with_environment(self) -> "Checkout":
        """Make the environment that the script installs into."""
        python = self.root / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(PYTHON.format(calls=self.calls, installed=self.installed))
        python.chmod(0o755)
        return self

    def __call__(self) -> subprocess.CompletedProcess[str]:
        """Run the script from another folder."""
        script = self.root / "scripts" / "setup" / "setup_deep.sh"
        return subprocess.run([script], cwd="/", capture_output=True, text=True, check=False)

    def installs(self) -> list[str]:
        """Return how the installer was called."""
        return [line for line in self.calls.read_text().splitlines() if " install " in line]


def test_it_is_installed_once(tmp_path: Path) -> None:
    """What the list pins is installed into the environment; a second run installs nothing, a changed list does."""
    checkout = Checkout(tmp_path).with_environment()
    first = checkout()
    assert first.returncode == 0, first.stderr
    assert [line.split(" install ")[1] for line in checkout.installs()] == ["--quiet -r requirements-deep.txt"]
    again = checkout()
    assert (again.returncode, again.stderr, len(checkout.installs())) == (0, "", 1)
    with (checkout.root / "requirements-deep.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout().returncode == 0
    assert len(checkout.installs()) == 2


def test_what_was_removed_is_installed_again(tmp_path: Path) -> None:
    """An environment that was made anew has no PyTorch, whatever was noted of the old one."""
    checkout = Checkout(tmp_path).with_environment()
    checkout()
    checkout.installed.unlink()
    assert checkout().returncode == 0
    assert len(checkout.installs()) == 2


def test_without_an_environment_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """Before there is an environment, the script names the one that makes it."""
    done = Checkout(tmp_path)()
    assert done.returncode == 2
    assert "Run scripts/setup/setup_environment.sh first" in done.stderr


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_the_lists_do_not_contradict_each_other(lock: str) -> None:
    """A library that a lock and the list of PyTorch both hold has one version; PyTorch's is the one of the extra."""
    told = re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements-deep.txt").read_text())
    locked = re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (REPOSITORY / lock).read_text())
    for name in {name for name, _ in told} & {name for name, _ in locked}:
        assert {version for one, version in told if one == name} == {v for one, v in locked if one == name}
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["deep"] == [f"torch=={dict(told)['torch']}"]
