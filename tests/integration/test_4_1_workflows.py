"""Workflows and hooks, judged by the tools that know GitHub: actionlint and zizmor."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.y*ml"))
PROGRAMS = Path(sys.prefix) / "bin"

GOOD = """\
name: good
on: {push: {branches: [main]}}
permissions: {}
concurrency: {group: good, cancel-in-progress: true}
jobs:
  test:
    name: test
    permissions: {contents: read}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with: {persist-credentials: false}
      - run: ./run_tests.sh
"""


def run(program: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    if not (PROGRAMS / program).exists():
        pytest.skip(f"{program} is not in this environment: scripts/setup/setup_environment.sh dev")
    return subprocess.run([PROGRAMS / program, *words], cwd=cwd, capture_output=True, text=True, check=False)


def actionlint(cwd: Path) -> list[str]:
    """Return the kind of each finding in the workflows of a repository."""
    done = run("actionlint", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}", cwd=cwd)
    assert done.returncode in {0, 1}, done.stderr
    return [finding["kind"] for finding in json.loads(done.stdout)]


def zizmor(cwd: Path) -> list[str]:
    """Return the name of each finding in the workflows and actions of a repository."""
    done = run("zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", "--format=json", ".", cwd=cwd)
    assert done.stdout, done.stderr
    return [finding["ident"] for finding in json.loads(done.stdout)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one good workflow."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "good.yml").write_text(GOOD)
    return tmp_path


def test_actionlint_finds_nothing_in_ours(tmp_path: Path) -> None:
    """Promise P32: every workflow is one that GitHub will run: keys, expressions, contexts, names of inputs."""
    shutil.copytree(REPOSITORY / ".github", tmp_path / ".github")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert actionlint(tmp_path) == []


def test_zizmor_finds_nothing_in_ours(tmp_path: Path) -> None:
    """Promise P32: no workflow, and not the action that others use, lets anybody in, by zizmor's strictest rules."""
    shutil.copytree(REPOSITORY / ".github", tmp_path / ".github")
    for name in ("action.yml", ".pre-commit-config.yaml", ".pre-commit-hooks.yaml"):
        shutil.copy2(REPOSITORY / name, tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert zizmor(tmp_path) == []


def test_the_good_example_passes(repository: Path) -> None:
    """Neither tool has anything to say against the example that the bad ones are made from."""
    assert (actionlint(repository), zizmor(repository)) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "by_actionlint", "by_zizmor"),
    [
        ("timeout-minutes", "timeout-minute", "syntax-check", None),
        ("./run_tests.sh", "echo ${{ matrix.kind }}", "expression", "template-injection"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-13.10", "runner-label", None),
        ("    name: test\n", "    name: test\n    needs: nothing\n", "job-needs", None),
        ("./run_tests.sh", "echo ${{ github.event.issue.title }}", "expression", "template-injection"),
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", None, "unpinned-uses"),
        ("{push: {branches: [main]}}", "{pull_request_target: {}}", None, "dangerous-triggers"),
        ("        with: {persist-credentials: false}\n", "", None, "artipacked"),
        ("permissions: {}", "permissions: write-all", None, "excessive-permissions"),
        ("concurrency: {group: good, cancel-in-progress: true}\n", "", None, "concurrency-limits"),
    ],
)
def test_a_bad_workflow_is_found(
    repository: Path, old: str, new: str, by_actionlint: str | None, by_zizmor: str | None
) -> None:
    """Promise P32: what breaks a workflow, or opens it, is found by the tool whose matter it is."""
    assert old in GOOD
    (repository / ".github" / "workflows" / "good.yml").write_text(GOOD.replace(old, new))
    if by_actionlint:
        assert by_actionlint in actionlint(repository)
    if by_zizmor:
        assert by_zizmor in zizmor(repository)


def hooks() -> list[dict[str, Any]]:
    document = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    return [hook | {"repo": repo["repo"]} for repo in document["repos"] for hook in repo["hooks"]]


def test_no_hook_is_fetched() -> None:
    """Every hook is a program of the checkout or of its environment, so that nothing is fetched when it runs."""
    for hook in hooks():
        assert (hook["repo"], hook["language"]) == ("local", "system"), hook["id"]
        assert hook["entry"].startswith((".venv/bin/", "scripts/", "bash -c ")), hook["id"]


def test_hooks_run_with_the_network_blocked(repository: Path) -> None:
    """Installed once, every hook about files passes and fails without a network, as it does with one."""
    offline = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*offline, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody cut a process off the network")
    pytest.importorskip("pre_commit")
    shutil.copy2(REPOSITORY / ".pre-commit-config.yaml", repository)
    (repository / ".venv").mkdir()
    (repository / ".venv" / "bin").symlink_to(PROGRAMS)
    (repository / "whole.py").write_text('"""A module."""\n')
    subprocess.run(["git", "add", "whole.py", ".github"], cwd=repository, check=True)

    def hooked() -> subprocess.CompletedProcess[str]:
        # What judges the whole project has its own tests, and this is no project of ours.
        environment = {
            "PATH": os.defpath,
            "HOME": str(repository),
            "PRE_COMMIT_HOME": str(repository / "kept"),
            "SKIP": "mypy,imports,standard",
        }
        words = [
            *offline,
            sys.executable,
            "-m",
            "pre_commit",
            "run",
            "--files",
            "whole.py",
            ".github/workflows/good.yml",
        ]
        return subprocess.run(words, cwd=repository, env=environment, capture_output=True, text=True, check=False)

    done = hooked()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 4
    (repository / ".github" / "workflows" / "good.yml").write_text(GOOD.replace("timeout-minutes", "timeout-minute"))
    (repository / "whole.py").write_text("import os\n")
    refused = hooked()
    assert refused.returncode == 1
    failed = {line.split(".")[0] for line in refused.stdout.splitlines() if line.endswith("Failed")}
    assert {"lint", "workflows"} <= failed
