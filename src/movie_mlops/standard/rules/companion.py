"""What a substage needs once a file carries its number: tests of each kind, a runner, a set-up, two documents."""

import re
from collections.abc import Iterator

from movie_mlops.standard.findings import Finding
from movie_mlops.standard.spec import Companion, Rule
from movie_mlops.standard.survey import Numbered, Survey
from movie_mlops.standard.template import Template


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each substage that lacks what the rule asks for."""
    seen: set[str] = set()
    for companion in survey.spec.companions:
        if companion.rule != rule.code:
            continue
        present = [_present(survey, need) for need in companion.needs]
        for number, kinds in sorted(survey.numbered.items()):
            if number.substage == "x" or f"{number.stage}.{number.substage}" not in survey.spec.substages:
                continue
            if kinds.isdisjoint(companion.of) or _has(survey, companion, present, number):
                continue
            wanted = _wanted(survey, companion, number)
            if wanted not in seen:
                seen.add(wanted)
                yield survey.finding(
                    rule, wanted, stage=number.stage, substage=number.substage, to="", fix=f"→ {wanted}"
                )


def _wanted(survey: Survey, companion: Companion, number: Numbered) -> str:
    """Return the path to ask for: what the layout requires anyway, else the stage's own, else the first choice."""
    choices = [wanted_path(survey, need, number) for need in companion.needs]
    required = [path for path in choices if path in survey.spec.paths and survey.spec.paths[path].require != "no"]
    named = [path for path in choices if path in survey.spec.paths]
    return (required or named or choices)[0]


def wanted_path(survey: Survey, need: Template, number: Numbered) -> str:
    """Return the path that is needed, as far as it is known."""
    title = survey.spec.substages[f"{number.stage}.{number.substage}"].title
    groups = {**number._asdict(), "title": title}
    return need.show(survey.spec.derived(groups))


def satisfied(survey: Survey, companion: Companion, number: Numbered) -> str:
    """Return the path that is what a substage needs, or "" where there is none."""
    return _has(survey, companion, [_present(survey, need) for need in companion.needs], number)


Present = dict[tuple[str, str], str]
"""A path for each stage and substage that has one."""


def _has(survey: Survey, companion: Companion, present: list[Present | None], number: Numbered) -> str:
    groups = survey.spec.derived(number._asdict())
    for need, found in zip(companion.needs, present, strict=True):
        if found is None:
            path = need.fill(groups)
            if path in survey.tree.files:
                return path
        elif number in found or (number.stage, "x") in found:
            return found.get(number) or found[number.stage, "x"]
    return ""


def _present(survey: Survey, need: Template) -> Present | None:
    """Return the stages and substages that have such a path; None where the path itself can be looked up."""
    if set(need.holes) <= {"stage", "substage", "stage_folder", "stage_setup"}:
        return None
    home, _, last = need.text.rpartition("/")
    where = Template(home, survey.spec.placeholders)
    pattern = re.compile(Template(last, survey.spec.placeholders).pattern(), re.DOTALL)
    start, end = last.partition("{")[0], last.rpartition("}")[2]
    found: Present = {}
    for folder, names in survey.tree.by_folder.items():
        inside = where.match(folder)
        if inside is None:
            continue
        for name in names:
            if name.endswith(end) and name.startswith(start):
                match = pattern.fullmatch(name)
                if match is not None and survey.spec.agree(match.groupdict(), inside):
                    found.setdefault((match["stage"], match.groupdict().get("substage", "x")), f"{folder}/{name}")
    return found
