"""Setting Airflow up and starting it, with stand-ins for what installs and for Airflow."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# It makes the environment that it is asked for, with an Airflow that only notes how it was called.
UV = """#!/bin/sh
echo "uv $*" >> "$CALLS"
[ "$1" = venv ] || exit 0
for folder; do :; done
mkdir -p "$folder/bin"
printf '#!/bin/sh\\n' > "$folder/bin/python"
cat > "$folder/bin/airflow" <<'END'
#!/bin/sh
echo "airflow $* [$AIRFLOW_HOME] [$AIRFLOW__CORE__DAGS_FOLDER]" >> "$CALLS"
END
chmod +x "$folder/bin/python" "$folder/bin/airflow"
"""
INSTALLED = [
    "uv venv --quiet --python .venv/bin/python .venv/airflow",
    (
        "uv pip install --quiet --compile-bytecode --python .venv/airflow/bin/python"
        " --require-hashes -r requirements-airflow.txt"
    ),
]


class Checkout:
    """A checkout with the scripts alone."""

    def __init__(self, folder: Path) -> None:
        self.root, self.calls = folder / "a checkout", folder / "calls"
        shutil.copytree(REPOSITORY / "scripts" / "setup", self.root / "scripts" / "setup")
        for name in ("run_airflow.sh", "requirements-airflow.txt"):
            shutil.copy2(REPOSITORY / name, self.root)
        for name, text in (("uv", UV), ("python", "#!/bin/sh\n")):
            program = self.root / ".venv" / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)

    def __call__(self, script: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a script from another folder."""
        return subprocess.run(
            [self.root / script, *options],
            cwd=self.root.parent,
            env={"PATH": "/usr/bin:/bin", "CALLS": str(self.calls)},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """Return what was called since the last time."""
        called = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return called


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_airflow_is_installed_once_with_hashes(checkout: Checkout) -> None:
    """The environment is made of the lock, the database and the pool after it; a second time nothing is installed."""
    where = f"[{checkout.root}/data/airflow] [{checkout.root}/airflow/dags]"
    database = [
        f"airflow db migrate {where}",
        f"airflow pools set movie_mlops 1 Whoever changes what is made of a data set {where}",
    ]
    for installed in (INSTALLED, []):
        done = checkout("scripts/setup/setup_airflow.sh")
        assert done.returncode == 0, done.stderr
        assert checkout.called() == [*installed, *database]
        assert "./run_airflow.sh standalone" in done.stderr
    (checkout.root / "requirements-airflow.txt").write_text("other==1\n")
    assert checkout("scripts/setup/setup_airflow.sh", "--no-database").returncode == 0
    # The environment is there: only what it holds is brought up to the lock.
    assert checkout.called() == INSTALLED[1:]


def test_help_and_wrong_options_install_nothing(checkout: Checkout) -> None:
    """``--help`` says what will be made, and an option that is none is exit code 2; neither does anything."""
    done = checkout("scripts/setup/setup_airflow.sh", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: scripts/setup/setup_airflow.sh [--no-database]")
    done = checkout("scripts/setup/setup_airflow.sh", "--agian")
    assert (done.returncode, done.stderr) == (2, "setup_airflow.sh: '--agian' is not an option. See --help.\n")
    assert checkout.called() == []


def test_what_is_missing_is_told(checkout: Checkout) -> None:
    """Without the platform's environment, or without Airflow's, a sentence names the script that makes it."""
    done = checkout("run_airflow.sh", "standalone")
    assert (done.returncode, checkout.called()) == (2, [])
    assert "Run scripts/setup/setup_airflow.sh first." in done.stderr
    shutil.rmtree(checkout.root / ".venv")
    done = checkout("scripts/setup/setup_airflow.sh")
    assert (done.returncode, checkout.called()) == (2, [])
    assert "Run scripts/setup/setup_environment.sh first." in done.stderr
