"""Every test runner, called from elsewhere with stand-ins for what it installs and runs: which tests it takes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> calls
case "$(basename "$0") $*" in $FAILING*) exit 1 ;; esac
"""
# They take long, and may fail at the end.
TOOLS = 'sleep 1; echo "tools" >> calls; case "tools" in $FAILING*) exit 1 ;; esac'
FILES = (
    "tests/unit/test_0_1_rules.py",
    "tests/unit/test_5_1_linear.py",
    "tests/unit/test_5_10_later.py",
    "tests/integration/test_5_3_api.py",
    "tests/e2e/test_0_x_complete_workflow.py",
    "tests/e2e/test_5_x_complete_workflow.py",
    "tests/performance/test_load.py",
)
EVERY_TEST_OF_5 = (
    "tests/e2e/test_5_x_complete_workflow.py tests/integration/test_5_3_api.py tests/unit/test_5_10_later.py "
    "tests/unit/test_5_1_linear.py"
)
STEPS = ["ruff check", "ruff format", "mypy", "lint-imports", "movie-mlops standard check --strict", "python -m pytest"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with tests in name only."""
    shutil.copy2(REPOSITORY / "run_tests.sh", tmp_path)
    shutil.copytree(REPOSITORY / "scripts" / "test", tmp_path / "scripts" / "test")
    for name in ("python", "ruff", "mypy", "lint-imports", "movie-mlops"):
        program = tmp_path / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
    (tmp_path / "scripts" / "setup").mkdir()
    for name, line in (("environment", 'echo "set-up $*" >> calls'), ("test_tools", TOOLS)):
        set_up = tmp_path / "scripts" / "setup" / f"setup_{name}.sh"
        set_up.write_text(f"#!/bin/sh\n{line}\n")
        set_up.chmod(0o755)
    (tmp_path / ".git").mkdir()
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


def run(
    checkout: Path, script: str, *options: str, failing: str = "nothing", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / script, *options],
        cwd=checkout.parent,
        env={"PATH": "/usr/bin:/bin", "FAILING": failing, "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def calls(checkout: Path) -> list[str]:
    """Return what was called; but not that tests and loops were compiled, which goes on meanwhile."""
    found = (checkout / "calls").read_text().splitlines() if (checkout / "calls").exists() else []
    return [call for call in found if "--collect-only" not in call and "compiled_loops" not in call]


@pytest.mark.parametrize(
    ("script", "options", "taken"),
    [
        ("run_tests.sh", ["--stage", "5"], EVERY_TEST_OF_5),
        ("run_tests.sh", ["--stage", "5.x"], EVERY_TEST_OF_5),
        ("run_tests.sh", ["--stage", "5.1"], "tests/unit/test_5_1_linear.py"),
        ("run_tests.sh", ["--stage", "5", "--kind", "e2e"], "tests/e2e/test_5_x_complete_workflow.py"),
        ("scripts/test/run_5_x_tests.sh", [], EVERY_TEST_OF_5),
        (
            "scripts/test/run_5_x_tests.sh",
            ["--kind", "integration", "--", "-k", "a b"],
            "tests/integration/test_5_3_api.py -k a b",
        ),
        ("scripts/test/run_0_x_tests.sh", ["--kind", "unit"], "tests/unit/test_0_1_rules.py"),
        ("scripts/test/run_integration_tests.sh", ["--", "-x"], "tests/integration -x"),
        ("scripts/test/run_integration_tests.sh", ["--stage", "5"], "tests/integration/test_5_3_api.py"),
        ("scripts/test/run_performance_tests.sh", [], "tests/performance"),
    ],
)
def test_a_runner_takes_the_tests_that_its_name_says(
    checkout: Path, script: str, options: list[str], taken: str
) -> None:
    """From any folder, a runner runs its own tests with the options that it is given, and nothing else."""
    done = run(checkout, script, *options)
    assert done.returncode == 0, done.stderr
    assert calls(checkout) == ["set-up dev", f"python -m pytest {taken}"]


def test_every_runner_of_this_project_finds_tests() -> None:
    """Each ``run_X_x_tests.sh`` names a stage that has tests, and each stage that has tests has one."""
    tested = {path.name.split("_")[1] for path in (REPOSITORY / "tests").glob("*/test_[0-9]_*.py")}
    runners = {path.name.split("_")[1]: path for path in (REPOSITORY / "scripts" / "test").glob("run_[0-9]_x_tests.sh")}
    assert runners.keys() == tested
    for stage, path in runners.items():
        assert f"--stage {stage} " in path.read_text()


def test_the_whole_command_checks_everything_in_turn(checkout: Path) -> None:
    """With no option: lint, format, types, import contract, project standard, then every test."""
    assert run(checkout, "run_tests.sh").returncode == 0
    done = calls(checkout)
    assert done[0] == "set-up dev"
    assert [call.startswith(step) for call, step in zip(done[1:], STEPS, strict=True)] == [True] * len(STEPS)


def test_what_the_tests_need_is_installed_while_all_else_is_checked(checkout: Path) -> None:
    """In CI the programs of the tests are installed meanwhile; no test begins before, nor where that fails."""
    assert run(checkout, "run_tests.sh", CI="true").returncode == 0
    done = calls(checkout)
    assert done.index("set-up dev") == 0
    assert done.index("tools") == len(done) - 2
    (checkout / "calls").unlink()
    assert run(checkout, "run_tests.sh", CI="true", failing="tools").returncode == 1
    assert calls(checkout)[-1] == "tools"
    (checkout / "calls").unlink()
    assert run(checkout, "run_tests.sh", "--checks", CI="true").returncode == 0
    assert "tools" not in calls(checkout)


def test_the_checks_alone_run_no_test(checkout: Path) -> None:
    """``--checks`` is the same with a scan in place of the tests, and is refused beside a choice of tests."""
    assert run(checkout, "run_tests.sh", "--checks").returncode == 0
    done = calls(checkout)[1:]
    steps = [*STEPS[:-1], "movie-mlops security scan"]
    assert [call.startswith(step) for call, step in zip(done, steps, strict=True)] == [True] * len(steps)
    for more in (["--kind", "unit"], ["--stage", "5"], ["--", "-x"]):
        refused = run(checkout, "run_tests.sh", "--checks", *more)
        assert (refused.returncode, "--checks runs no test" in refused.stderr) == (2, True)
    assert calls(checkout)[1:] == done


def test_a_copy_for_a_container_is_not_held_to_the_standard(checkout: Path) -> None:
    """Without git the tree is a copy that lacks what is not for images: it is told, and everything else is done."""
    (checkout / ".git").rmdir()
    done = run(checkout, "run_tests.sh")
    assert (done.returncode, "not checked, because this is a copy without git" in done.stdout) == (0, True)
    assert [call.split()[0] for call in calls(checkout)[-2:]] == ["lint-imports", "python"]


@pytest.mark.parametrize("step", STEPS)
def test_whatever_fails_ends_the_command(checkout: Path, step: str) -> None:
    """Lint, format, types, an import that goes up, a break of the own standard: each alone fails the whole."""
    assert run(checkout, "run_tests.sh", failing=step.replace(" ", "?")).returncode == 1
    assert calls(checkout)[-1].startswith(step)


@pytest.mark.parametrize("stage", ["10", "x", "5.", "5.1.1", "-1"])
def test_what_is_no_stage_is_told(checkout: Path, stage: str) -> None:
    """A word that is no stage, or a stage without tests, is one sentence and exit code 2, before anything is run."""
    done = run(checkout, "run_tests.sh", "--stage", stage)
    assert (done.returncode, "is not a stage" in done.stderr, calls(checkout)) == (2, True, [])
    empty = run(checkout, "run_tests.sh", "--stage", "7")
    assert (empty.returncode, "no test carries stage 7" in empty.stderr) == (2, True)
