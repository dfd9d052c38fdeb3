"""A report for a reader: grouped by stage and rule, with the checklist ticked at the end."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from movie_mlops.standard.checking import Report
from movie_mlops.standard.findings import Finding, say, shown
from movie_mlops.standard.spec import Spec

_RED: Final = "31"
_YELLOW: Final = "33"
_GREEN: Final = "32"
_DIM: Final = "2"
_BOLD: Final = "1"
_WIDE: Final = 110
_WORDS: Final[Mapping[str, Mapping[str, str | tuple[str, str]]]] = {
    "en": {
        "general": "The whole project",
        "stage": "Stage {number} · {name}",
        "checklist": "Checklist",
        "clean": "Clean: {files} files follow the standard ({rules} rules).",
        "summary": "{errors} and {warnings} in {files} files ({rules} rules).",
        "error": ("1 error", "{n} errors"),
        "warning": ("1 warning", "{n} warnings"),
        "more": "More on a path: movie-mlops standard explain PATH",
    },
    "ko": {
        "general": "프로젝트 전체",
        "stage": "{number}단계 · {name}",
        "checklist": "점검표",
        "clean": "이상 없음: 파일 {files}개가 표준을 따름 (규칙 {rules}개).",
        "summary": "파일 {files}개에서 {errors}, {warnings} (규칙 {rules}개).",
        "error": ("오류 1건", "오류 {n}건"),
        "warning": ("경고 1건", "경고 {n}건"),
        "more": "경로 설명: movie-mlops standard explain PATH",
    },
}


class Style(NamedTuple):
    """How the text looks: the language, and whether colours may be used."""

    language: str = "en"
    colours: bool = False

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour, where colours may be used."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours else text

    def word(self, key: str, **facts: object) -> str:
        """Return one of the texts of the report."""
        text = _WORDS.get(self.language, _WORDS["en"])[key]
        if isinstance(text, tuple):
            text = text[0] if facts["n"] == 1 else text[1]
        return text.format(**facts)


def render(spec: Spec, report: Report, style: Style, *, whole: bool = True) -> str:
    """Return a report as text; the checklist belongs to a check of everything."""
    return "\n".join(_lines(spec, report, style, whole=whole)) + "\n"


def _lines(spec: Spec, report: Report, style: Style, *, whole: bool) -> Iterator[str]:
    by_stage = sorted(report.findings, key=lambda one: (one.stage or 0, one.code))
    for stage, findings in groupby(by_stage, key=lambda one: one.stage or 0):
        yield from _stage(spec, stage, list(findings), style)
    if whole:
        yield from _checklist(spec, report, style)
    yield _summary(report, style)
    if report.findings:
        yield style.paint(style.word("more"), _DIM)


def _stage(spec: Spec, number: int, findings: list[Finding], style: Style) -> Iterator[str]:
    stage = spec.stages.get(number)
    if number == 0:
        title = style.word("general")
    else:
        title = style.word("stage", number=number, name=say(stage.name, style.language) if stage else "?")
    yield style.paint(title, _BOLD)
    for code, group in groupby(findings, key=lambda one: one.code):
        same = list(group)
        rule = spec.rules[code]
        colour = _RED if same[0].severity == "error" else _YELLOW
        heading = f"{say(rule.title, style.language)} (§{rule.paragraph})"
        yield f"  {style.paint(code, colour)}  {heading}"
        yield from _findings(same, style, colour)
    yield ""


def _findings(findings: list[Finding], style: Style, colour: str) -> Iterator[str]:
    mark = style.paint("✗" if findings[0].severity == "error" else "!", colour)
    common = findings[0].fix if len({one.fix for one in findings}) == 1 else None
    for one in findings:
        place = shown(one.path) + (f":{one.line}" if one.line else "")
        advice = "" if common is not None or one.fix == f"→ {shown(one.path)}" else one.fix
        message = one.message.removeprefix(f"{shown(one.path)} ") + ("  " if advice else "") + advice
        if len(place) + len(message) <= _WIDE:
            yield f"    {mark} {place}  {style.paint(message, _DIM)}"
        else:
            yield f"    {mark} {place}"
            yield f"        {style.paint(message, _DIM)}"
    if common and common != f"→ {shown(findings[0].path)}":
        yield f"      {common}" if common.startswith("→") else f"      → {common}"


def _checklist(spec: Spec, report: Report, style: Style) -> Iterator[str]:
    broken = {one.code for one in report.findings if one.severity == "error"}
    yield style.paint(style.word("checklist"), _BOLD)
    for group, lines in groupby(spec.checklist, key=lambda line: say(line.group, style.language)):
        yield f"  {group}"
        for line in lines:
            failed = [code for code in line.rules if code in broken]
            mark = style.paint("✗", _RED) if failed else style.paint("✓", _GREEN)
            why = style.paint(f"  ({_listed(failed)})", _DIM) if failed else ""
            yield f"    {mark} {say(line.line, style.language)}{why}"
    yield ""


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(codes)


def _summary(report: Report, style: Style) -> str:
    errors = sum(one.severity == "error" for one in report.findings)
    warnings = len(report.findings) - errors
    facts = {"files": f"{report.files:,}", "rules": len(report.checked)}
    if not report.findings:
        return style.paint(style.word("clean", **facts), _GREEN)
    said = style.word(
        "summary", errors=style.word("error", n=errors), warnings=style.word("warning", n=warnings), **facts
    )
    return style.paint(said, _RED if errors else _YELLOW)
