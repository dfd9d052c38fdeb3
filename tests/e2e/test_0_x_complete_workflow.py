"""The standard as a stranger types it, on a project of their own: checked, explained, put right, kept right."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.standard.generated import conforming
from movie_mlops.standard.loading import load_spec
from tests.conftest import REPOSITORY

GUIDE = "docs/00-overview/first-steps-guide.md"
# Where a stranger has things, and where they belong.
MESS = {
    "docker-compose.yml": "docker/docker-compose.main.yml",
    "setup_stage_1.sh": "scripts/setup/setup_stage_1.sh",
    "tests/test_1_1_sources.py": "tests/unit/test_1_1_sources.py",
    "docs/1.1_sources_implementation.md": "docs/01-data-pipeline/1.1-sources-implementation.md",
}
CONFIG = """repos:
  - repo: local
    hooks:
      - {{id: standard, name: standard, entry: {entry}, language: system, pass_filenames: false, always_run: true}}
"""


class Stranger:
    """Somebody in a folder of their own, with git, Python and this project installed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "films"
        self.user = folder / "user"
        self.program = folder / "movie-mlops"
        self.user.mkdir()
        # What an installation puts on the path.
        self.program.write_text(f'#!/bin/sh\nexec {sys.executable} -m movie_mlops "$@"\n')
        self.program.chmod(0o755)
        spec = load_spec(None)
        files = {
            **conforming(spec, ["1.1"]),
            "docker/docker-compose.main.yml": "services: {}\n",
            ".gitignore": ".env\n",
        }
        files[GUIDE] = "Start [the containers](../../docker/docker-compose.main.yml).\n"
        right = {there: here for here, there in MESS.items()}
        for path, text in files.items():
            self.write(right.get(path, path), text)
        self.write(".env", "")
        self("git", "init", "-q", "-b", "main")
        self("git", "add", "-A")

    def __call__(self, *words: str) -> tuple[int, str]:
        """Type a command; return its exit code and everything it said."""
        environment = {
            "PATH": f"{self.program.parent}{os.pathsep}{os.defpath}",
            "HOME": str(self.user),
            "PYTHONPATH": str(REPOSITORY / "src"),
            **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(words, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def findings(self, *options: str) -> list[dict[str, Any]]:
        """Return what 'standard check' finds, as programs get it."""
        found: list[dict[str, Any]] = json.loads(
            self("movie-mlops", "standard", "check", "--format", "json", *options)[1]
        )["findings"]
        return found

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


def test_a_messy_folder_is_put_right_by_hand(stranger: Stranger) -> None:
    """What is wrong is found with the right path beside it, explained, moved by hand and not found again."""
    code, said = stranger("movie-mlops", "standard", "check")
    assert code == 1
    for here, there in MESS.items():
        assert here in said
        assert there in said
        code, why = stranger("movie-mlops", "standard", "explain", here)
        assert f"be: {there}" in why, why
        assert "because:" in why

    # A document names a file that is not there yet: that goes with the move.
    assert [(one["code"], one["path"]) for one in stranger.findings() if one["code"] == "STD601"] == [("STD601", GUIDE)]
    for here, there in MESS.items():
        (stranger.root / there).parent.mkdir(parents=True, exist_ok=True)
        assert stranger("git", "mv", here, there)[0] == 0
    assert stranger.findings() == []
    code, said = stranger("movie-mlops", "standard", "check", "--strict")
    assert (code, "✗" in said, "Clean:" in said) == (0, False, True), said


def test_the_name_of_a_branch_is_judged(stranger: Stranger) -> None:
    """A wrong name is refused with a right one; a right one and the one that is checked out are taken."""
    code, said = stranger("movie-mlops", "standard", "branch", "Feature/Stage1_sources")
    assert (code, "feature/stage1-sources" in said) == (1, True)
    assert stranger("git", "switch", "-q", "-c", "feature/stage1-sources")[0] == 0
    assert stranger("movie-mlops", "standard", "branch") == (0, "")


def test_a_commit_that_breaks_the_standard_is_refused(stranger: Stranger) -> None:
    """With the hook installed, a commit that puts a file in the wrong place does not happen; put right, it does."""
    pytest.importorskip("pre_commit")
    for here, there in MESS.items():
        (stranger.root / there).parent.mkdir(parents=True, exist_ok=True)
        stranger("git", "mv", here, there)
    stranger.write(".pre-commit-config.yaml", CONFIG.format(entry="movie-mlops standard check --staged"))
    stranger("git", "add", "-A")
    assert stranger("git", "commit", "-q", "-m", "a beginning")[0] == 0
    code, said = stranger(sys.executable, "-m", "pre_commit", "install")
    assert code == 0, said

    stranger.write("deploy_films.sh", "#!/bin/sh\n")
    stranger("git", "add", "-A")
    code, said = stranger("git", "commit", "-q", "-m", "deploy")
    assert (code, "STD202" in said, "scripts/deploy/deploy_films.sh" in said) == (1, True, True), said
    assert stranger("git", "log", "--format=%s")[1] == "a beginning\n"

    (stranger.root / "scripts" / "deploy").mkdir()
    stranger("git", "mv", "deploy_films.sh", "scripts/deploy/deploy_films.sh")
    code, said = stranger("git", "commit", "-q", "-m", "deploy")
    assert code == 0, said
    assert stranger("git", "log", "--format=%s")[1] == "deploy\na beginning\n"
    assert stranger.findings() == []
