"""Holds a tree against the declaration."""

from collections.abc import Collection
from typing import Final, NamedTuple

from movie_mlops.standard.beginning import Beginning, Finished
from movie_mlops.standard.findings import Finding, order
from movie_mlops.standard.rules import CHECKS
from movie_mlops.standard.spec import Spec
from movie_mlops.standard.survey import Survey
from movie_mlops.standard.tree import Tree

_WHOLE: Final = frozenset({"require", "companion"})


class Report(NamedTuple):
    """What a check found.

    Attributes:
        findings: In the order of reading.
        files: How many files were judged.
        checked: The codes of the rules that were looked at.
    """

    findings: list[Finding]
    files: int
    checked: tuple[str, ...]


def check(
    spec: Spec,
    tree: Tree | Beginning | Finished,
    *,
    language: str = "en",
    only: Collection[str] | None = None,
    removed: Collection[str] = (),
) -> Report:
    """Return what in a tree does not follow the standard.

    Args:
        spec: The declaration.
        tree: The files; a beginning is surveyed while git still compares it.
        language: The language of the messages.
        only: The paths to judge; what a whole project lacks is then no finding. None judges everything.
        removed: Paths that the change takes away: files that still name them are findings too.
    """
    tree, survey = _surveyed(spec, tree, language, only)
    rules = [rule for rule in spec.rules.values() if rule.check in CHECKS and rule.severity != "off"]
    if only is not None:
        rules = [rule for rule in rules if rule.check not in _WHOLE]
    findings: list[Finding] = []
    for rule in rules:
        found = CHECKS[rule.check](survey, rule)
        if only is None:
            findings.extend(found)
        else:
            findings.extend(one for one in found if one.path in only or one.path in survey.folders)
    if only is not None and removed:
        findings.extend(_left_behind(spec, tree, language, frozenset(only), frozenset(removed)))
    findings = _once(spec, findings)
    findings.sort(key=order)
    return Report(findings, len(tree.paths if only is None else only), tuple(rule.code for rule in rules))


def _surveyed(
    spec: Spec, tree: Tree | Beginning | Finished, language: str, only: Collection[str] | None
) -> tuple[Tree, Survey]:
    if isinstance(tree, Tree):
        return tree, Survey(spec, tree, language=language, only=only)
    survey = Survey(spec, tree.listed, language=language, only=only)
    settled = tree.tree()
    if settled.paths != survey.tree.paths:
        return settled, Survey(spec, settled, language=language, only=only)
    survey.tree = settled
    return settled, survey


def _once(spec: Spec, findings: list[Finding]) -> list[Finding]:
    """Leave out what a substage lacks where the layout itself asks for the same path."""
    asked = {one.path for one in findings if spec.rules[one.code].check == "require"}
    return [one for one in findings if spec.rules[one.code].check != "companion" or one.path not in asked]


def _left_behind(spec: Spec, tree: Tree, language: str, only: frozenset[str], removed: frozenset[str]) -> list[Finding]:
    """Return what files outside the change still say of paths that it takes away."""
    from movie_mlops.standard.findings import shown

    survey = Survey(spec, tree, language=language, only=())
    survey.only = None
    gone = {shown(path) for path in removed}
    rules = [rule for rule in spec.rules.values() if rule.check == "reference" and rule.severity != "off"]
    found = [one for rule in rules for one in CHECKS["reference"](survey, rule)]
    return [one for one in found if one.path not in only and any(path in one.message for path in gone)]
