"""Projects that follow the standard, made from the declaration alone: for tests, and to measure how fast a check is."""

from collections.abc import Collection, Iterator
from itertools import cycle, islice
from pathlib import Path

from movie_mlops.standard.spec import Spec

Files = dict[str, str]
"""What is in each file, by path."""


def conforming(spec: Spec, substages: Collection[str]) -> Files:
    """Return the least project that has these substages and no finding; ``.env`` is not in it."""
    reached = {int(number.partition(".")[0]) for number in substages}
    files: Files = {}
    for layout in spec.paths.values():
        if layout.require == "index" and (not layout.since or layout.since in reached):
            files[f"{layout.path}/.gitkeep" if layout.folder else layout.path] = ""
    for number in substages:
        stage, _, substage = number.partition(".")
        title = spec.substages[number].title
        words = title.replace("-", "_")
        groups = spec.derived({"stage": stage, "substage": substage, "title": title, "feature": words, "system": words})
        for companion in spec.companions:
            files[companion.needs[0].fill(groups)] = f"# {title}\n"
    return files


def large(spec: Spec, *, files: int = 20_000, folders: int = 300) -> Files:
    """Return a conforming project of that size: a tenth numbered tests, a tenth documents, the rest code.

    Every document links to two that exist, every name of a test and a document is judged.
    """
    made = conforming(spec, list(spec.substages))
    numbers = list(spec.substages)
    kinds = ("tests/unit", "tests/integration", "tests/e2e")
    for index, number in enumerate(islice(cycle(numbers), files // 10)):
        made[f"{kinds[index % 3]}/test_{number.replace('.', '_')}_case_{index}.py"] = f"CASE = {index}\n"
    documents = list(_documents(spec, files // 10))
    for index, path in enumerate(documents):
        before = documents[index - 1].rpartition("/")
        made[path] = f"# {index}\n\n[before](../{before[0].rpartition('/')[2]}/{before[2]}) [start](../../README.md)\n"
    used = len({path.rpartition("/")[0] for path in made})
    packages = [f"src/package_{n // 20}/part_{n}" for n in range(max(folders - used, 1))]
    for index, package in enumerate(islice(cycle(packages), max(files - len(made), 0))):
        made[f"{package}/module_{index}.py"] = f"VALUE = {index}\n"
    return made


def write(root: Path, files: Files) -> None:
    """Write a project to a folder."""
    for folder in {path.rpartition("/")[0] for path in files}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (root / path).write_text(text, "utf-8")


def _documents(spec: Spec, count: int) -> Iterator[str]:
    for index, number in enumerate(islice(cycle(spec.substages), count)):
        folder = spec.derived({"stage": number.partition(".")[0]})["stage_folder"]
        yield f"docs/{folder}/{number}-topic-{index}-guide.md"
