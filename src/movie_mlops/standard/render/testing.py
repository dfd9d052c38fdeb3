"""The test document of a substage: what its tests promise, how each is proved, and the command that runs it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from movie_mlops.standard.findings import say
from movie_mlops.standard.render.promises import TestFile, of_bash, of_python
from movie_mlops.standard.spec import Kind, Spec, Substage
from movie_mlops.standard.template import Groups

DOCUMENT: Final = "testing-document"
"""The kind of a test document."""
_TEST: Final = "-test"
_CODE: Final = re.compile(r"(`+[^`]+`+)")


class Found(NamedTuple):
    """A file of tests of a substage; ``whole`` where it proves its whole stage."""

    kind: Kind
    path: str
    whole: bool


def is_test(kind: Kind) -> bool:
    """Return whether a kind of file is a kind of test."""
    return kind.id.endswith(_TEST)


def numbered_tests(spec: Spec, paths: Iterable[str]) -> dict[str, list[Found]]:
    """Return the tests of each substage that is declared; those of a whole stage count for each of its substages."""
    folders: dict[str, bool] = {}
    of_one: dict[str, list[Found]] = {}
    of_stage: dict[str, list[Found]] = {}
    for path in sorted(paths):
        folder = path.rpartition("/")[0]
        if folder not in folders:
            folders[folder] = any(is_test(match.kind) for match in spec.kinds_in(folder))
        if not folders[folder]:
            continue
        for kind, groups in spec.kinds_of(path):
            if is_test(kind) and "substage" in groups:
                stage, substage = groups["stage"], groups["substage"]
                if substage == "x":
                    of_stage.setdefault(stage, []).append(Found(kind, path, whole=True))
                elif f"{stage}.{substage}" in spec.substages:
                    of_one.setdefault(f"{stage}.{substage}", []).append(Found(kind, path, whole=False))
                break
    return {
        number: [*of_one[number], *of_stage.get(number.partition(".")[0], ())]
        for number in spec.substages
        if number in of_one
    }


def path_of(spec: Spec, substage: Substage, exists: Callable[[str], bool]) -> str:
    """Return where the test document of a substage is, or where it goes; empty where there are no such documents."""
    groups = groups_of(spec, substage)
    kind = spec.kinds.get(DOCUMENT)
    if kind is None:
        return ""
    name = next(template for template in kind.templates if template.can_fill(groups)).fill(groups)
    places = [f"{folder.fill(groups)}/{name}" for folder in kind.folders]
    return next((place for place in places if exists(place)), places[0])


def groups_of(spec: Spec, substage: Substage) -> Groups:
    """Return what stands in the holes of the names of a substage's files."""
    stage, _, number = substage.number.partition(".")
    groups = {"stage": stage, "substage": number, "title": substage.title}
    for hole in ("feature", "system"):
        if hole in spec.placeholders:
            groups[hole] = (spec.placeholders[hole].joined or "_").join(substage.title.split("-"))
    return spec.derived(groups)


def document(
    spec: Spec, substage: Substage, tests: Iterable[Found], texts: Mapping[str, str], *, beside: str = ""
) -> tuple[str, list[str]]:
    """Return the test document of a substage, and a line for each test that says nothing.

    Args:
        spec: The declaration.
        substage: The substage.
        tests: Its files of tests.
        texts: What is in each of them.
        beside: A link to the implementation document, relative to this one; empty where there is none.
    """
    stage = spec.stages[int(substage.number.partition(".")[0])]
    silent: list[str] = []
    lines = [
        f"# {substage.number} {heading(say(substage.name, 'en'))}: testing",
        "",
        f"Stage {stage.number}, {say(stage.name, 'en')}."
        + (f" How it works: [{beside.rpartition('/')[2]}]({beside})." if beside else ""),
        "",
        "## How to run it",
        "",
        "```bash",
        f"./run_tests.sh --stage {substage.number}",
        f"./run_tests.sh --stage {substage.number} -- -k NAME    # one test",
        "```",
    ]
    by_kind: dict[str, list[Found]] = {}
    for found in tests:
        by_kind.setdefault(found.kind.id, []).append(found)
    for kind in spec.kinds.values():
        if kind.id in by_kind:
            lines += _kind(kind, substage, by_kind[kind.id], texts, silent)
    return "\n".join(lines) + "\n", silent


def heading(name: str) -> str:
    """Return a name as a heading begins: with a capital."""
    return name[:1].upper() + name[1:]


def _kind(
    kind: Kind, substage: Substage, tests: list[Found], texts: Mapping[str, str], silent: list[str]
) -> Iterator[str]:
    folder = kind.folders[0].text.rpartition("/")[2]
    yield from ("", f"## {heading(say(kind.name, 'en'))}s", "")
    yield f"`./run_tests.sh --stage {substage.number} --kind {folder}`" if kind.id != "bash-test" else "`bash FILE`"
    for found in tests:
        read = of_bash if found.path.endswith(".sh") else of_python
        yield from _file(read(found.path, texts[found.path]), found, substage, silent)


def _file(file: TestFile, found: Found, substage: Substage, silent: list[str]) -> Iterator[str]:
    stage = substage.number.partition(".")[0]
    yield from ("", f"### `{file.path.rpartition('/')[2]}`", "")
    about = plain(file.about)
    if found.whole:
        about = f"{about} (Proves the whole of stage {stage}: `./run_tests.sh --stage {stage}.x`)".strip()
    if about:
        yield from (about, "")
    if file.broken:
        silent.append(f"{file.path}: {file.broken}, so its tests cannot be listed")
        yield f"Cannot be read: {file.broken}."
        return
    for promise in file.promises:
        numbers = f"**{', '.join(promise.numbers)}** " if promise.numbers else ""
        proof = "".join(f", {part}" for part in promise.proof)
        if not promise.text:
            silent.append(f"{file.path}:{promise.line}: {promise.test} has no docstring, so its promise is unknown")
        words = plain(promise.text) or "*No promise is written.*"
        yield f"- {numbers}{words} <sub>`{promise.test}`{proof}</sub>"
    if not file.promises:
        yield "No test."


def plain(text: str) -> str:
    """Return a sentence so that Markdown shows it as it was written; code between back-ticks stays code."""
    parts = _CODE.split(text)
    return "".join(
        part if index % 2 else re.sub(r"([\\*<>\[\]|#]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", part)
        for index, part in enumerate(parts)
    )
