"""Paths that must not be there: in git, or on disk."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path that is forbidden and is there."""
    tree = survey.tree
    for layout in survey.spec.paths.values():
        if layout.forbid != rule.scope:
            continue
        if rule.scope == "index":
            there = tree.tracked is not None and layout.path in tree.tracked
        else:
            there = tree.kind in {"working", "folder"} and tree.on_disk(layout.path)
        if there:
            yield survey.finding(rule, layout.path, holds=say(layout.holds, survey.language))
