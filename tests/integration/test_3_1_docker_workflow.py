"""The git workflow environment: what its container does before anybody types, tried without a container."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.fixtures.stage_3.clone import Clone

COMPOSE = REPOSITORY / "docker" / "docker-compose.git-workflow.yml"
SCRIPT = "scripts/setup/setup_git_workflow.sh"


@pytest.fixture
def checkout(tmp_path: Path) -> Clone:
    """A checkout with a commit, a change that is not committed and a file that git does not know."""
    pytest.importorskip("pre_commit")
    made = Clone(tmp_path)
    (made.root / "requirements-dev.txt").write_text("")
    tools = made.root.parent / "tools"
    (made.root / ".venv").rename(tools)
    words = "cat pyproject.toml requirements.txt requirements-dev.txt | sha256sum | cut -d' ' -f1"
    state = subprocess.run(["sh", "-c", words], cwd=made.root, capture_output=True, text=True, check=True).stdout
    (tools / ".installed").write_text(f"dev {state}")
    assert made.commit("feat: a beginning", **{"config/words.txt": "one\n"}).returncode == 0
    (made.root / "config" / "words.txt").write_text("two\n")
    (made.root / "config" / "new words.txt").write_text("three\n")
    return made


def inside(checkout: Clone, *words: str) -> subprocess.CompletedProcess[str]:
    """Do what the container does when it is started with these words."""
    folder = checkout.root.parent
    places = {"CHECKOUT": checkout.root, "CLONE": folder / "copy", "TOOLS": folder / "tools"}
    given = [f"GIT_WORKFLOW_{name}={place}" for name, place in places.items()]
    return checkout.run("env", *given, str(checkout.root / SCRIPT), *words, cwd=folder)


def test_what_is_tried_there_is_a_copy_with_the_hooks(checkout: Clone) -> None:
    """The copy has the commits and all that is not committed; its hooks judge; the checkout stays as it is."""
    before = {path: path.read_bytes() for path in sorted(checkout.root.rglob("*")) if path.is_file()}
    tried = "pwd; cat config/words.txt 'config/new words.txt'; git status --short; git commit --all --message 'no type'"
    done = inside(checkout, "sh", "-c", tried)
    assert done.returncode == 1
    copy = checkout.root.parent / "copy"
    assert done.stdout.splitlines()[:5] == [
        str(copy),
        "two",
        "three",
        " M config/words.txt",
        '?? "config/new words.txt"',
    ]
    assert "should begin with a type" in done.stdout + done.stderr
    assert {path: path.read_bytes() for path in sorted(checkout.root.rglob("*")) if path.is_file()} == before


def test_a_push_goes_nowhere_outside(checkout: Clone) -> None:
    """The remote of the copy is in the container too, so that a push and the name of a branch can be tried."""
    tried = "git switch --quiet --create docs/words && git commit --quiet -am 'docs: words' && git push --quiet"
    done = inside(checkout, "sh", "-c", f"{tried}; git remote get-url origin; git ls-remote --heads origin | cut -f2")
    assert done.stdout.splitlines()[-3:] == [
        str(checkout.root.parent / "copy.remote"),
        "refs/heads/docs/words",
        "refs/heads/main",
    ], done.stderr


def test_what_cannot_be_tried_is_told(checkout: Clone) -> None:
    """Other requirements than the image's, or a folder that is no clone, are one sentence with what to do."""
    (checkout.root / "requirements.txt").write_text("more==1\n")
    done = inside(checkout, "true")
    assert (done.returncode, "Build it again: docker compose" in done.stderr) == (1, True)
    (checkout.root / ".git").rename(checkout.root / "git")
    done = inside(checkout, "true")
    assert (done.returncode, "is not the root of a clone" in done.stderr) == (1, True)


def test_the_environment_starts_with_that_script() -> None:
    """The Compose file mounts the checkout read-only, leads nowhere, and begins with the script of this checkout."""
    document = yaml.safe_load(COMPOSE.read_text())
    service = document["services"]["workflow"]
    assert service["volumes"] == ["..:/checkout:ro"]
    assert service["entrypoint"] == [f"/checkout/{SCRIPT}"]
    assert [document["networks"][name] for name in service["networks"]] == [{"internal": True}]
