"""What the standard says of one path: its kind, its rules, what must exist beside it, where it should live."""

from collections.abc import Iterator

from movie_mlops.standard.findings import say, shown
from movie_mlops.standard.rules.companion import satisfied, wanted_path
from movie_mlops.standard.spec import Match, Placement, Rule, Spec
from movie_mlops.standard.survey import Numbered, Survey
from movie_mlops.standard.template import Groups
from movie_mlops.standard.tree import Tree

_WORDS = {
    "en": {
        "right": "It is where it belongs.",
        "open": "Anything may lie here; no rule places it.",
        "misplaced": "It belongs elsewhere.",
        "misnamed": "Its name does not fit its kind.",
        "ambiguous": "It belongs elsewhere, but several places are possible.",
        "kind": "kind",
        "holds": "holds",
        "should": "should be",
        "may": "may be",
        "rule": "rule",
        "why": "because",
        "beside": "must exist beside it",
        "inside": "may lie in it",
        "missing": "missing",
        "undeclared": "not declared",
        "required": "required",
        "always": "always",
        "from": "from stage {n}",
        "never": "never in git",
        "absent": "(not there yet)",
        "settled": "settled",
    },
    "ko": {
        "right": "제자리에 있음.",
        "open": "자유 폴더, 위치 규칙 없음.",
        "misplaced": "다른 곳에 있어야 함.",
        "misnamed": "이름이 종류의 규칙과 다름.",
        "ambiguous": "다른 곳에 있어야 하지만 후보가 여럿임.",
        "kind": "종류",
        "holds": "내용",
        "should": "올바른 경로",
        "may": "후보",
        "rule": "규칙",
        "why": "이유",
        "beside": "함께 있어야 할 파일",
        "inside": "둘 수 있는 파일",
        "missing": "없음",
        "undeclared": "선언되지 않음",
        "required": "필수",
        "always": "항상",
        "from": "{n}단계부터",
        "never": "커밋 금지",
        "absent": "(아직 없음)",
        "settled": "결정",
    },
}


def explain(spec: Spec, tree: Tree, path: str, *, language: str = "en") -> str:
    """Return what the standard says of a path, whether it exists or not."""
    return "\n".join(_lines(spec, tree, path.strip("/") or ".", _WORDS.get(language, _WORDS["en"]), language)) + "\n"


def _lines(spec: Spec, tree: Tree, path: str, words: dict[str, str], language: str) -> Iterator[str]:
    there = tree.exists(path if path != "." else "")
    yield f"{shown(path)}{'' if there else ' ' + words['absent']}"
    layout = spec.paths.get(path)
    if layout is not None:
        yield _row(words["holds"], say(layout.holds, language))
        if layout.require != "no":
            when = words["from"].format(n=layout.since) if layout.since else words["always"]
            yield _row(words["required"], f"{when} ({layout.require})")
        if layout.forbid != "no":
            yield _row(words["required"], words["never"])
    if path in {".", ""} or path in tree.folders or (layout is not None and layout.folder):
        yield from _folder(spec, "" if path == "." else path, words, language)
        return
    placement = spec.place(path)
    yield f"  {words[placement.verdict]}"
    yield from _placement(spec, placement, words, language)
    groups = next(iter(spec.kinds_of(path)), None)
    if groups is not None:
        yield from _words_used(spec, groups.groups, words)
        yield from _beside(spec, tree, groups, words, language)


def _placement(spec: Spec, placement: Placement, words: dict[str, str], language: str) -> Iterator[str]:
    if placement.kind is not None:
        patterns = ", ".join(template.show() for template in placement.kind.templates)
        folders = ", ".join(template.show() for template in placement.kind.folders)
        yield _row(words["kind"], f"{say(placement.kind.name, language)}: {patterns}  ({folders})")
    if placement.target:
        yield _row(words["should"], f"{shown(placement.target)}  ({placement.confidence})")
    for alternative in placement.alternatives:
        yield _row(words["may"], shown(alternative))
    rules = [spec.rules[placement.rule]] if placement.rule else _rules_of(spec, placement)
    for rule in rules:
        yield _row(words["rule"], f"{rule.code} §{rule.paragraph} {say(rule.title, language)}")
        yield _row(words["why"], say(rule.reason, language))


def _rules_of(spec: Spec, placement: Placement) -> list[Rule]:
    if placement.kind is None:
        return []
    found = [spec.rule_for(check, placement.kind.id) for check in ("place", "name")]
    return [rule for rule in found if rule is not None]


def _words_used(spec: Spec, groups: Groups, words: dict[str, str]) -> Iterator[str]:
    for hole, value in groups.items():
        if spec.is_declared(hole):
            wrong = spec.undeclared(hole, value, groups)
            if wrong:
                yield _row(words["undeclared"], f"{hole} {shown(wrong)}")


def _beside(spec: Spec, tree: Tree, match: Match, words: dict[str, str], language: str) -> Iterator[str]:
    kind, groups = match.kind.id, match.groups
    stage, substage = groups.get("stage", ""), groups.get("substage", "")
    if f"{stage}.{substage}" not in spec.substages:
        return
    survey = Survey(spec, tree, language=language)
    number = Numbered(stage, substage)
    needs = [companion for companion in spec.companions if kind in companion.of]
    if needs:
        yield f"  {words['beside']} ({stage}.{substage} {say(spec.substages[f'{stage}.{substage}'].name, language)})"
    for companion in needs:
        done = satisfied(survey, companion, number)
        yield f"    {'✓' if done else '✗'} {done or wanted_path(survey, companion.needs[0], number)}"


def _folder(spec: Spec, folder: str, words: dict[str, str], language: str) -> Iterator[str]:
    layout = spec.paths.get(folder) or spec.layout_of(f"{folder}/-")
    if layout is not None and layout.open:
        yield f"  {words['open']}"
        return
    kinds = [match.kind for match in spec.kinds_in(folder)]
    prefix = f"{folder}/" if folder else ""
    named = [one for one in spec.paths.values() if one.path.rpartition("/")[0] == folder and one.path != folder]
    if kinds or named:
        yield f"  {words['inside']}"
    for one in named:
        yield f"    {one.path.removeprefix(prefix)}{'/' if one.folder else ''}  {say(one.holds, language)}"
    homes = dict.fromkeys(t.show() for kind in spec.kinds.values() for t in kind.folders if t.holes)
    for home in homes:
        if home.rpartition("/")[0] == folder:
            yield f"    {home.removeprefix(prefix)}/"
    for kind in kinds:
        patterns = ", ".join(template.show() for template in kind.templates)
        yield f"    {patterns}  {say(kind.name, language)}"


def _row(label: str, text: str) -> str:
    return f"  {label}: {text}"
