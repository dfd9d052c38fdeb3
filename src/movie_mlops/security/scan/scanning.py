"""All checks over one project."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import yaml

from movie_mlops.security.errors import SecurityError
from movie_mlops.security.scan import hardening
from movie_mlops.security.scan.config import ScanConfig
from movie_mlops.security.scan.credentials import history_findings, tree_findings
from movie_mlops.security.scan.findings import CHECKS, Finding
from movie_mlops.security.scan.licences import licence_findings
from movie_mlops.security.scan.lint import lint
from movie_mlops.security.scan.locks import lock_findings
from movie_mlops.standard.errors import GitError
from movie_mlops.standard.git import run

_ROOTS: Final = ("src/", "airflow/", "scripts/")
"""Where the code lies that Bandit looks at; tests do on purpose what it looks for."""


@dataclass(frozen=True)
class Scanned:
    """What a scan came to.

    Attributes:
        checks: What was looked at.
        skipped: What was not, and why.
        accepted: How many findings are none here.
        findings: What must not be, in the order of files.
    """

    checks: tuple[str, ...]
    skipped: dict[str, str]
    accepted: int
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "checks": list(self.checks),
            "skipped": self.skipped,
            "accepted": self.accepted,
            "findings": [finding.to_json() for finding in self.findings],
        }


def scan(root: Path, config: ScanConfig, *, only: Sequence[str] = ()) -> Scanned:
    """Look through a project.

    Args:
        root: Its folder, a git working tree.
        config: What it accepts.
        only: These checks alone; all of them where it is empty.

    Raises:
        SecurityError: There is no such check, or the folder is no working tree of git.
    """
    if unknown := [name for name in only if name not in CHECKS]:
        raise SecurityError(f"There is no check {unknown[0]!r}.", next_step=f"Known are {', '.join(CHECKS)}.")
    try:
        # What is not committed yet counts too; what git ignores does not.
        listed = run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode("utf-8", "replace")
    except GitError as error:
        raise SecurityError(
            f"{root} is no working tree of git.", next_step="Name one: movie-mlops security scan FOLDER"
        ) from error
    files = sorted({name for name in listed.split("\0") if name and (root / name).is_file()})
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "lint": lambda: _lint(root, files),
        "bandit": lambda: _bandit(root, files),
        "secret": lambda: [*tree_findings(root, files), *history_findings(root)],
        "lock": lambda: lock_findings(root, files),
        "licence": lambda: licence_findings(distributions(), config.licences),
        "container": lambda: _containers(root, files),
    }
    wanted = [name for name in checks if not only or name in only]
    skipped = {}
    if "bandit" in wanted and importlib.util.find_spec("bandit") is None:
        wanted.remove("bandit")
        skipped["bandit"] = "Bandit is not installed; it is in the dev extra."
    found = [finding for name in wanted for finding in checks[name]()]
    used = {accepted for accepted in config.accepted for finding in found if accepted.covers(finding)}
    kept = [finding for finding in found if not any(accepted.covers(finding) for accepted in config.accepted)]
    for accepted in config.accepted:
        if accepted not in used and accepted.rule.partition("/")[0] in wanted:
            sentence = f"Nothing of {accepted.rule} is there any more: take it from what is accepted."
            kept.append(Finding("accepted/unused", accepted.path, 1, sentence))
    kept.sort(key=lambda finding: (finding.path, finding.line, finding.rule))
    return Scanned(tuple(wanted), skipped, len(found) - sum(one.rule != "accepted/unused" for one in kept), tuple(kept))


def _lint(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    for name in files:
        if name.endswith(".py"):
            yield from lint((root / name).read_text("utf-8", "replace"), name)


def _bandit(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    ours = [name for name in files if name.endswith(".py") and name.startswith(_ROOTS)]
    if not ours:
        return
    # It reads names of files from its command line only; a system takes some hundred thousand letters there.
    made = subprocess.run(  # noqa: S603 - a list, no shell
        [sys.executable, "-m", "bandit", "--quiet", "--format", "json", "--severity-level", "medium", *ours],
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    try:
        told = json.loads(made.stdout)
    except ValueError as error:
        said = made.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        raise SecurityError(
            f"Bandit failed ({said[-1][:200]}).", next_step="Run 'python -m bandit -r src' to see more."
        ) from error
    for fault in told["results"]:
        path = str(fault["filename"]).removeprefix("./")
        yield Finding(f"bandit/{fault['test_id']}", path, fault["line_number"], str(fault["issue_text"]))


def _containers(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    for name in files:
        base, text = name.rpartition("/")[2], ""
        if re.fullmatch(r"Dockerfile(\.\w+)?|(docker-)?compose.*\.ya?ml", base) or re.fullmatch(
            r"\.github/workflows/[^/]+\.ya?ml", name
        ):
            text = (root / name).read_text("utf-8", "replace")
        if not text:
            continue
        if base.startswith("Dockerfile"):
            told = hardening.dockerfile_findings(text)
        elif name.startswith(".github/"):
            told = hardening.workflow_findings(text, yaml.safe_load(text))
        else:
            told = hardening.compose_findings(yaml.safe_load(text))
        yield from (Finding("container/hardening", name, 1, f"{sentence}.") for sentence in told)
