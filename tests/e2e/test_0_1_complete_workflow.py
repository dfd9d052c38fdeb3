"""The standard from an empty folder to a checked change, as somebody would use it who has never seen it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src"
TEST = '''

def test_a_rating_is_a_number():
    """Promise P1: a rating that is no number is refused."""
    assert not "five".isdecimal()
'''


def run(root, *command):
    """Run a command in a folder, with this Python and this checkout; return exit code and everything it said."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PYTHON": sys.executable,
        "PYTHONPATH": str(SOURCES),
        "HOME": str(root),
        # A new project has no plugin, and those of this environment take half the time.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def standard(root, *arguments):
    """Run ``movie-mlops standard …``."""
    return run(root, sys.executable, "-m", "movie_mlops", "standard", *arguments)


def commit(root, message):
    """Commit everything."""
    assert run(root, "git", "add", "-A")[0] == 0
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    assert run(root, "git", *who, "commit", "-qm", message)[0] == 0


def test_from_an_empty_folder_to_a_checked_change(tmp_path):
    """A project is started, a substage added and proved, a mistake found, explained and repaired."""
    assert standard(tmp_path, "init", "film-club")[0] == 0
    root = tmp_path / "film-club"
    assert standard(root, "check", "--strict")[0] == 0
    code, said = run(root, "./run_tests.sh", "--", "-q")
    assert (code, "6 passed" in said) == (0, True), said
    commit(root, "feat: a new project")

    branch = "feature/stage1-raw-ratings"
    assert run(root, "git", "switch", "-qc", branch)[0] == 0
    assert standard(root, "branch")[0] == 0
    assert standard(root, "new", "1.1", "--title", "raw-ratings")[0] == 0
    code, said = run(root, "scripts/test/run_1_1_tests.sh", "-q")
    assert (code, "5 passed" in said) == (0, True), said

    # A promise more: the test document follows it.
    with (root / "tests/unit/test_1_1_raw_ratings.py").open("a", encoding="utf-8") as file:
        file.write(TEST)
    assert standard(root, "render", "--check")[0] == 1
    assert standard(root, "render")[0] == 0
    document = (root / "docs/01-data-pipeline/1.1-raw-ratings-testing.md").read_text("utf-8")
    assert "- **P1** A rating that is no number is refused." in document

    # A file in the wrong place: found before the commit, explained, moved.
    (root / "docker-compose.yml").write_text("services: {}\n")
    assert run(root, "git", "add", "-A")[0] == 0
    code, said = standard(root, "check", "--staged")
    assert (code, "STD203" in said) == (1, True), said
    code, said = standard(root, "explain", "docker-compose.yml")
    assert "should be: docker/docker-compose.main.yml" in said
    shutil.move(root / "docker-compose.yml", root / "docker/docker-compose.main.yml")
    commit(root, "feat: raw ratings")
    assert standard(root, "check", "--changed", "main", "--strict")[0] == 0
    assert standard(root, "check", "--strict")[0] == 0
    assert standard(root, "render", "--check")[0] == 0
