"""The set-up script of each stage, with stand-ins for what it installs and runs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $* [home=$MOVIE_MLOPS_HOME]" >> "$CALLS"
"""
SCRIPTS = sorted(
    path.name
    for pattern in ("setup_stage_*.sh", "setup_cicd.sh", "setup_event_driven.sh", "setup_mlops_git.sh")
    for path in (REPOSITORY / "scripts" / "setup").glob(pattern)
)


class Checkout:
    """A checkout whose programs only note how they were called; scripts are called from another folder."""

    def __init__(self, folder: Path) -> None:
        self.root, self.calls = folder / "checkout", folder / "calls"
        shutil.copytree(REPOSITORY / "scripts" / "setup", self.root / "scripts" / "setup")
        shutil.copy2(REPOSITORY / "run_movie_mlops.sh", self.root)
        stand_ins = ["scripts/setup/setup_environment.sh", "scripts/setup/setup_test_tools.sh", ".venv/bin/movie-mlops"]
        for name in stand_ins:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(PROGRAM)
            (self.root / name).chmod(0o755)

    def run(self, script: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a set-up script."""
        return subprocess.run(
            [self.root / "scripts" / "setup" / script, *options],
            cwd=self.root.parent,
            env={"PATH": "/usr/bin:/bin", "CALLS": str(self.calls), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """Return what was called, in order, with the home that it had."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_what_will_be_done_and_does_nothing(checkout: Checkout, script: str) -> None:
    """Every set-up script answers ``--help`` with its own name and touches nothing."""
    done = checkout.run(script, "--help")
    assert (done.returncode, done.stderr, checkout.called()) == (0, "", [])
    assert done.stdout.startswith(f"Usage: scripts/setup/{script}")


@pytest.mark.parametrize("script", ["setup_cicd.sh", "setup_event_driven.sh", "setup_mlops_git.sh", "setup_stage_8.sh"])
def test_an_unknown_option_is_told(checkout: Checkout, script: str) -> None:
    """A misspelt option is one sentence and exit code 2, and nothing is installed."""
    done = checkout.run(script, "--agian")
    assert (done.returncode, checkout.called()) == (2, [])
    assert done.stderr == f"{script}: '--agian' is not an option. See --help.\n"


@pytest.mark.parametrize(
    ("script", "options", "first", "then"),
    [
        ("setup_stage_1.sh", [], "ingest load --source sample", []),
        (
            "setup_stage_1.sh",
            ["file:my ratings.csv", "--scale", "1,10"],
            "ingest load --source file:my ratings.csv --scale 1,10",
            [],
        ),
        ("setup_stage_1.sh", ["--json"], "ingest load --source sample --json", []),
        ("setup_stage_2.sh", [], "run --source sample", ["features materialise", "features catalogue"]),
        (
            "setup_stage_5.sh",
            ["movielens:ml-1m"],
            "run --source movielens:ml-1m",
            ["features materialise", "features catalogue", "models verify", "release status"],
        ),
        ("setup_stage_8.sh", [], "bench serve --part answers --seconds 2 --out {home}/reports/serve-first.json", []),
    ],
)
def test_a_stage_is_set_up_where_the_state_is(
    checkout: Checkout, script: str, options: list[str], first: str, then: list[str]
) -> None:
    """The source and the options go on to the command; state is kept in the checkout, or where the variable says."""
    for home in (str(checkout.root), f"{checkout.root.parent}/elsewhere"):
        given = {} if home == str(checkout.root) else {"MOVIE_MLOPS_HOME": home}
        done = checkout.run(script, *options, **given)
        assert done.returncode == 0, done.stderr
        called = checkout.called()
        assert called[0].startswith("setup_environment.sh platform")
        commands = [first.format(home=home), *then]
        assert called[1:] == [f"movie-mlops {command} [home={home}]" for command in commands]
        checkout.calls.unlink()


def test_a_measurement_that_is_there_is_kept(checkout: Checkout) -> None:
    """The first measurement of a machine stays the first, unless it is asked for again."""
    (checkout.root / "reports").mkdir()
    (checkout.root / "reports" / "serve-first.json").write_text("{}")
    assert checkout.run("setup_stage_8.sh").returncode == 0
    assert len(checkout.called()) == 1
    assert checkout.run("setup_stage_8.sh", "--again").returncode == 0
    assert checkout.called()[-1].startswith("movie-mlops bench serve")


def test_without_hooks_git_is_left_alone(checkout: Checkout) -> None:
    """``setup_cicd.sh --no-hooks`` makes the environment and the tools, and asks nothing of git."""
    assert checkout.run("setup_cicd.sh", "--no-hooks").returncode == 0
    assert [call.split(" [")[0] for call in checkout.called()] == ["setup_environment.sh dev", "setup_test_tools.sh "]
