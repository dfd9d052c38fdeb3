"""The standard as documents: prose from ``templates/render``, trees and tables from the declaration."""

from collections.abc import Iterable, Iterator
from typing import Final

from movie_mlops.standard.findings import say
from movie_mlops.standard.render.testing import heading, plain
from movie_mlops.standard.render.tree import tree
from movie_mlops.standard.scaffold import paths as needed
from movie_mlops.standard.scaffold.contents import TEMPLATES, filled
from movie_mlops.standard.scaffold.registering import inline
from movie_mlops.standard.spec import Kind, Spec, Substage

_EXAMPLE: Final = "cold-start"
"""The title of the substage that the worked example adds."""


def documents(spec: Spec, language: str) -> dict[str, str]:
    """Return the documents that the layout names and that a template exists for: what each holds, by path."""
    facts = _facts(spec, language)
    found: dict[str, str] = {}
    for path in spec.paths:
        stem = path.rpartition("/")[2].removesuffix(".md")
        prose = next(
            (code for code in (language, "en") if (TEMPLATES / f"render/{stem}.{code}.md.template").is_file()), ""
        )
        if prose and path.endswith(".md"):
            found[translated(spec, path, language)] = filled(f"render/{stem}.{prose}.md", facts)
    return found


def translated(spec: Spec, path: str, language: str) -> str:
    """Return the path of a document in a language: the first of the standard's languages has the plain name."""
    if language == "en":
        return path
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    for kind, _groups in spec.kinds_in(folder):
        for template in kind.templates:
            if template.holes == ("language",) and template.pieces[0] == f"{stem}.":
                return f"{folder}/{template.fill({'language': language})}"
    return f"{folder}/{stem}.{language}.md"


def _facts(spec: Spec, language: str) -> dict[str, str]:
    example = _example(spec)
    stage = spec.stages[int(example.number.partition(".")[0])]
    return {
        "name": spec.name,
        "version": spec.version,
        "tree": tree(spec, language),
        "root": _rows(_root(spec, language)),
        "stages": _rows(_stages(spec, language)),
        "adds": _rows(_adds(spec, language)),
        "open": ", ".join(f"`{path.path}/`" for path in spec.paths.values() if path.open),
        "kinds": _rows(_kinds(spec, language)),
        "places": _rows(_places(spec, language)),
        "placeholders": _rows(_placeholders(spec, language)),
        "words": _rows(_words(spec, language)),
        "branches": _rows(_branches(spec, language)),
        "protected": ", ".join(f"`{name}`" for name in spec.protected),
        "settlements": _rows(_settlements(spec, language)),
        "checklist": _checklist(spec, language),
        "rules": _rows(_rules(spec, language)),
        "companions": _rows(_companions(spec, language)),
        "example_number": example.number,
        "example_title": _EXAMPLE,
        "example_stage": str(stage.number),
        "example_stage_name": say(stage.name, language),
        "example_files": _example_files(spec, example, language),
        "example_branch": _example_branch(spec, stage.number),
        "example_entry": inline(example),
        "title_case": heading(spec.name),
    }


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _cell(text: str) -> str:
    return text if r"\|" in text else text.replace("|", r"\|")


def _root(spec: Spec, language: str) -> Iterator[list[str]]:
    for path in spec.paths.values():
        if "/" not in path.path and not path.since:
            yield [f"`{path.path}{'/' if path.folder else ''}`", plain(say(path.holds, language))]


def _stages(spec: Spec, language: str) -> Iterator[list[str]]:
    for stage in spec.stages.values():
        folder = spec.derived({"stage": str(stage.number)}).get("stage_folder", "")
        substages = "<br>".join(f"{sub.number} {say(sub.name, language)}" for sub in stage.substages)
        yield [str(stage.number), say(stage.name, language), f"`{folder}/`", substages or "-"]


def _adds(spec: Spec, language: str) -> Iterator[list[str]]:
    for stage in spec.stages.values():
        added = [path for path in spec.paths.values() if path.since == stage.number and path.require != "no"]
        if stage.number and added:
            shown = "<br>".join(f"`{path.path}{'/' if path.folder else ''}`" for path in added)
            yield [str(stage.number), say(stage.name, language), shown]


def _names(kind: Kind) -> list[str]:
    return [template.show() for template in kind.templates if "language" not in template.holes]


def _kinds(spec: Spec, language: str) -> Iterator[list[str]]:
    for kind in spec.kinds.values():
        names = _names(kind)
        if names and not any(folder.text == "**" for folder in kind.folders):
            shown = "<br>".join(f"`{name}`" for name in names)
            yield [say(kind.name, language), shown, f"`{kind.example.rpartition('/')[2]}`"]


def _places(spec: Spec, language: str) -> Iterator[list[str]]:
    for kind in spec.kinds.values():
        if not any(folder.text == "**" for folder in kind.folders):
            folders = "<br>".join("`./`" if f.text == "." else f"`{f.show()}/`" for f in kind.folders)
            yield [say(kind.name, language), folders]


def _placeholders(spec: Spec, language: str) -> Iterator[list[str]]:
    templates = [t for kind in spec.kinds.values() for t in (*kind.templates, *kind.folders)]
    templates += [need for companion in spec.companions for need in companion.needs]
    used = {hole for template in (*templates, *(b.template for b in spec.branches)) for hole in template.holes}
    for name, placeholder in spec.placeholders.items():
        if name in used:
            yield [f"`<{name}>`", plain(say(placeholder.meaning, language))]


def _words(spec: Spec, language: str) -> Iterator[list[str]]:
    for of, words in spec.words.items():
        for word in words.values():
            yield [f"`<{of}>`", f"`{word.word}`", say(word.meaning, language)]


def _branches(spec: Spec, language: str) -> Iterator[list[str]]:
    for branch in spec.branches:
        yield [say(branch.meaning, language), f"`{branch.template.show()}`", f"`{branch.example}`"]


def _settlements(spec: Spec, language: str) -> Iterator[list[str]]:
    for one in spec.settlements:
        between = (f"§{part}" if part[:1].isdigit() else part for part in map(plain, one.between))
        yield ["<br>".join(between), plain(say(one.decision, language))]


def _checklist(spec: Spec, language: str) -> str:
    lines: list[str] = []
    group = ""
    for one in spec.checklist:
        if say(one.group, language) != group:
            group = say(one.group, language)
            lines += ["", f"**{group}**", ""] if lines else [f"**{group}**", ""]
        lines.append(f"- [ ] {plain(say(one.line, language))} ({', '.join(one.rules)})")
    return "\n".join(lines)


def _rules(spec: Spec, language: str) -> Iterator[list[str]]:
    for rule in spec.rules.values():
        if rule.severity != "off":
            yield [rule.code, f"§{rule.paragraph}", plain(say(rule.title, language)), plain(say(rule.reason, language))]


def _companions(spec: Spec, language: str) -> Iterator[list[str]]:
    for companion in spec.companions:
        shown = "<br>".join(f"`{need.show()}`" for need in companion.needs)
        yield [companion.rule, say(spec.rules[companion.rule].title, language), shown]


def _example(spec: Spec) -> Substage:
    """Return the substage that the worked example adds: the next one of the first stage that is no overview."""
    stage = next((stage for number, stage in spec.stages.items() if number), next(iter(spec.stages.values())))
    last = max((int(sub.number.partition(".")[2]) for sub in stage.substages), default=0)
    return Substage(f"{stage.number}.{last + 1}", _EXAMPLE, {"en": "cold start", "ko": "콜드 스타트"}, "")


def _example_files(spec: Spec, example: Substage, language: str) -> str:
    """Return the files of the worked example with the kind of each, as ``standard new`` makes them."""
    stage = int(example.number.partition(".")[0])
    required = {path.path for path in needed.of_stage(spec, stage)}
    made = [path for path, _ in needed.of_substage(spec, example, required.__contains__)]
    lines = []
    for path in made:
        kinds = spec.kinds_of(path)
        lines.append(f"{path:<66}  {say(kinds[0].kind.name, language) if kinds else ''}".rstrip())
    return "\n".join(lines)


def _example_branch(spec: Spec, stage: int) -> str:
    values = {hole: _EXAMPLE for branch in spec.branches for hole in branch.template.holes}
    first = next((branch.template for branch in spec.branches if "number" in branch.template.holes), None)
    return first.fill({**values, "number": str(stage)}) if first is not None else _EXAMPLE
