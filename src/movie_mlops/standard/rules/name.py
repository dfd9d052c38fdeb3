"""Files that lie in the right folder under a name that does not fit their kind."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.rules.place import advice
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path whose name the rule judges."""
    for path, placement in survey.odd:
        kind = placement.kind
        if placement.rule == rule.code and kind is not None:
            yield survey.finding(
                rule,
                path,
                kind=say(kind.name, survey.language),
                pattern=" | ".join(template.show() for template in kind.templates if not _translated(template.holes)),
                to=placement.target,
                fix=advice(placement),
            )


def _translated(holes: tuple[str, ...]) -> bool:
    return "language" in holes
