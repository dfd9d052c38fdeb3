"""Paths that must exist: always, or from a stage on; in git, or on disk."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path that is required and is not there."""
    tree = survey.tree
    if rule.scope == "tree" and tree.kind not in {"working", "folder"}:
        return
    reached = survey.reached if rule.staged else frozenset()
    for layout in survey.spec.paths.values():
        if layout.require != rule.scope or (layout.since > 0) != rule.staged:
            continue
        if layout.since and layout.since not in reached:
            continue
        there = layout.path in (tree.folders if layout.folder else tree.files)
        if not there and (rule.scope != "tree" or not tree.on_disk(layout.path)):
            yield survey.finding(
                rule,
                layout.path,
                holds=say(layout.holds, survey.language),
                since=layout.since,
                stage=layout.since or None,
            )
