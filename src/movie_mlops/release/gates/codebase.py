"""The code gate: what the release was made with.

It asks only what can be known when a release is made: whether the bundle's commit had changes, whether the libraries
that shaped it are the locked ones, and whether the checkout keeps the project standard. That the tests passed cannot be
known here: a file that says so could be written by anybody. That belongs to what guards the branch.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from movie_mlops.release.gates.config import CodeGate
from movie_mlops.release.gates.verdict import Check

_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_CHANGED: Final = "+changes"
_SHORT: Final = 12


def judge_code(commit: str | None, packages: Mapping[str, str], checkout: Path | None, config: CodeGate) -> list[Check]:
    """Judge what a bundle was made with.

    Args:
        commit: The git commit that its manifest names; ``None`` outside git.
        packages: The versions that its manifest names.
        checkout: The root of the project where the code runs from one.
        config: Whether this is production, where what is found is refused and not only told.
    """
    checks = [_commit(commit, config)]
    lock = None if checkout is None else checkout / "requirements.txt"
    if lock is not None and lock.is_file():
        checks.append(_libraries(packages, lock.read_text(encoding="utf-8"), config))
    if checkout is not None and config.production:
        checks.append(_standard(checkout, config))
    return checks


def _commit(commit: str | None, config: CodeGate) -> Check:
    if commit is None:
        return _told("clean-commit", None, "The code runs from no git checkout, so its commit is not known.", config)
    short = commit.removesuffix(_CHANGED)[:_SHORT]
    if commit.endswith(_CHANGED):
        sentence = f"The code of the bundle is commit {short} with changes that are not committed."
        return _told("clean-commit", "changed", sentence, config)
    return _told("clean-commit", "", f"The code of the bundle is commit {short}, without changes.", config)


def _libraries(packages: Mapping[str, str], lock: str, config: CodeGate) -> Check:
    locked: dict[str, set[str]] = {}
    for name, version in _LOCKED.findall(lock):
        locked.setdefault(_name(name), set()).add(version)
    others = [
        f"{name} {version} instead of {' or '.join(sorted(locked[_name(name)]))}"
        for name, version in sorted(packages.items())
        if _name(name) in locked and version not in locked[_name(name)]
    ]
    known = sum(_name(name) in locked for name in packages)
    if others:
        sentence = f"The bundle was made with other libraries than the locked ones: {', '.join(others)}."
    else:
        sentence = f"The {known} libraries that shaped the bundle have their locked versions."
    return _told("locked-libraries", ", ".join(others), sentence, config)


def _standard(checkout: Path, config: CodeGate) -> Check:
    from movie_mlops.standard.beginning import Beginning  # noqa: PLC0415 - asked for in production alone
    from movie_mlops.standard.checking import check  # noqa: PLC0415 - likewise
    from movie_mlops.standard.loading import load_spec  # noqa: PLC0415 - likewise

    with Beginning(str(checkout)) as begun:
        report = check(load_spec(str(checkout)), begun)
    errors = [f"{finding.code} {finding.path}" for finding in report.findings if finding.severity == "error"]
    told = f"breaks the project standard in {len(errors)} places, first {errors[0]}" if errors else "keeps the standard"
    return _told("standard", ", ".join(errors), f"The checkout {told}.", config)


def _told(name: str, problem: str | None, sentence: str, config: CodeGate) -> Check:
    """Return a check that fails in production; elsewhere what is wrong is told and nothing more."""
    passed = not problem or not config.production
    judged = problem == "" or (bool(problem) and config.production)
    return Check(name, passed, None, None, None, sentence, gate="code", judged=judged)


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
