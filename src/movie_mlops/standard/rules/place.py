"""Files that lie in a folder where they do not belong."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say, shown
from movie_mlops.standard.spec import Placement, Rule
from movie_mlops.standard.survey import Survey


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path whose place the rule judges."""
    for path, placement in survey.odd:
        if placement.rule == rule.code:
            yield survey.finding(
                rule,
                path,
                kind=_kinds(survey, placement, rule),
                folder=_folder(survey, path, placement, own=not rule.kinds),
                holds=_holds(survey, path),
                to=placement.target,
                fix=advice(placement),
            )


def advice(placement: Placement) -> str:
    """Return what to do about a placement: the one target, or the places to choose from."""
    if placement.target:
        return f"→ {shown(placement.target)}"
    if len(placement.alternatives) == 1:
        return f"→ {shown(placement.alternatives[0])} ?"
    return "→ " + " | ".join(shown(path) for path in placement.alternatives) if placement.alternatives else ""


def _kinds(survey: Survey, placement: Placement, rule: Rule) -> str:
    """Return the kind that the path is of, or all that it may be of."""
    if placement.kind:
        return say(placement.kind.name, survey.language)
    folders = {path.rpartition("/")[0] for path in placement.alternatives}
    kinds = [survey.spec.kinds[name] for name in rule.kinds]
    return " | ".join(say(kind.name, survey.language) for kind in kinds if kind.folders[0].show() in folders)


def _folder(survey: Survey, path: str, placement: Placement, *, own: bool) -> str:
    if own:
        layout = survey.spec.layout_of(path)
        return layout.path if layout else "."
    if placement.target:
        return shown(placement.target.rpartition("/")[0] or ".")
    folders = dict.fromkeys(shown(path.rpartition("/")[0]) for path in placement.alternatives)
    return "/ | ".join(folders) or (placement.kind.folders[0].show() if placement.kind else "?")


def _holds(survey: Survey, path: str) -> str:
    layout = survey.spec.layout_of(path)
    return say(layout.holds, survey.language) if layout else ""
