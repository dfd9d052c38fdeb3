"""Plans a new project: everything that the standard asks for, and a first substage that proves the project itself."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.loading import PROJECT, SHIPPED, load_spec, parse_spec
from movie_mlops.standard.render import rendering
from movie_mlops.standard.scaffold import facts, names
from movie_mlops.standard.scaffold.contents import content, inside
from movie_mlops.standard.scaffold.plan import Plan
from movie_mlops.standard.scaffold.registering import HEAD
from movie_mlops.standard.scaffold.substage import keepers, stage_files, substage_files
from movie_mlops.standard.scaffold.writing import STAGING, Planned
from movie_mlops.standard.spec import LayoutPath, Spec
from movie_mlops.standard.tree import Tree, folder

_FIRST: Final = "0.1"
"""The substage that proves the project itself."""
_TITLE: Final = "project"
_KOREAN: Final = "프로젝트"
_SECRET: Final = 0o600


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        stages: The stages that it has from its first day.
        package: The name of its Python package, or None for that of its folder.
        languages: The languages of its overview documents.
        into_existing: Whether it is added to what is there.
    """

    stages: tuple[int, ...] = (1,)
    package: str | None = None
    languages: tuple[str, ...] = ("en",)
    into_existing: bool = False


def plan_project(root: Path, request: Request) -> Plan:
    """Return what a new project consists of; nothing is written.

    Raises:
        UsageError: The folder is not empty, or a name or a stage cannot be used.
    """
    there = _there(root, into_existing=request.into_existing)
    name = _name(root, request)
    package = names.package(request.package or name.replace("-", "_"))
    own = (root / PROJECT).is_file()
    text = "" if own else _declaration(load_spec(None), request)
    spec = load_spec(root) if own else parse_spec(Path(SHIPPED).read_text("utf-8"), text)
    base = facts.of_project(spec, name, package) | _linked(spec, request)
    made = {} if own else {PROJECT: text}
    made |= _layout(spec, there, base)
    if not request.into_existing:
        made |= substage_files(spec, spec.substages[_FIRST], base, there, coming=made)
    for stage in request.stages:
        made |= stage_files(spec, there, base, stage)
    made |= keepers(spec, {*there.paths, *made}, request.stages)
    coming = Tree(root, sorted({*there.paths, *made}), kind="folder")
    for path, document in rendering.render(spec, coming, languages=request.languages, texts=made).files.items():
        if path not in there.files:
            made[path] = document
    planned = tuple(_planned(spec, path, made[path]) for path in sorted(made) if path not in there.files)
    kept = tuple(sorted(path for path in made if path in there.files))
    return Plan(name, planned, kept, _next_steps(root, request))


def _there(root: Path, *, into_existing: bool) -> Tree:
    if not os.path.lexists(root):
        return Tree(root, [], kind="folder")
    if not root.is_dir():
        raise UsageError(f"{root} is a file.", next_step="Name a folder, or one that does not exist yet.")
    with os.scandir(root) as entries:
        inside_it = [entry.name for entry in entries if not entry.name.startswith(STAGING)]
    if inside_it and not into_existing:
        raise UsageError(
            f"{root} is not empty: {min(inside_it)}" + (f" and {len(inside_it) - 1} more." if inside_it[1:] else "."),
            next_step="Choose another folder, or add what is missing with --into-existing; nothing is overwritten.",
        )
    found = folder(root)
    kept = [path for path in found.paths if not path.startswith(STAGING)]
    return Tree(root, kept, kind="folder")


def _name(root: Path, request: Request) -> str:
    name = "-".join(
        part for part in "".join(c if c.isascii() and c.isalnum() else " " for c in root.resolve().name).split()
    )
    if name:
        return name.lower()
    if request.package is None:
        raise UsageError(
            f"A Python package cannot be called '{root.resolve().name}'.",
            next_step="Name it in Latin letters: --package my_project.",
        )
    return request.package.replace("_", "-")


def _declaration(shipped: Spec, request: Request) -> str:
    """Return the text of a new project's declaration: the stages of the standard, with substages of its own."""
    for stage in request.stages:
        if stage not in shipped.stages:
            known = ", ".join(str(number) for number in shipped.stages)
            raise UsageError(f"Stage {stage} is not declared; there are {known}.", next_step="Correct --stages.")
    for language in request.languages:
        if language not in shipped.languages:
            known = ", ".join(shipped.languages)
            raise UsageError(f"The standard is not written in '{language}'.", next_step=f"Use one of: {known}.")
    quoted = ", ".join(f'"{language}"' for language in request.languages)
    numbers = ", ".join(str(stage) for stage in sorted(request.stages))
    lines = [HEAD.rstrip(), "# The next substage: movie-mlops standard new X.Y --title …"]
    lines += ["", "[standard]", f"languages = [{quoted}]"]
    if request.into_existing:
        # What is there may carry any number of the standard: none is taken away.
        return "\n".join(lines) + "\n"
    lines += [
        "",
        "[project]",
        "# The stages that are reached: what the standard asks of them is required from then on.",
        f"stages = [{numbers}]",
    ]
    for number in shipped.stages:
        lines += ["", "[[stage]]", f"number = {number}"]
        if number == 0:
            name = f'{{en = "{_TITLE}", ko = "{_KOREAN}"}}'
            lines += ["substages = [", f'  {{number = "{_FIRST}", title = "{_TITLE}", name = {name}}},', "]"]
        else:
            lines.append("substages = []")
    return "\n".join(lines) + "\n"


def _linked(spec: Spec, request: Request) -> dict[str, str]:
    """Return the facts of the README: where the overview documents are, and what the next substage may be."""
    stage = min((one for one in request.stages if one), default=1)
    next_one = len(spec.stages[stage].substages) + 1 if stage in spec.stages else 1
    links = {
        path.rpartition("/")[2].removesuffix(".md").replace("-", "_"): path
        for path in spec.paths
        if path.endswith(".md")
    }
    return {**links, "next": f"{stage}.{next_one}"}


def _layout(spec: Spec, there: Tree, base: dict[str, str]) -> dict[str, str]:
    """Return what every project has from its first day."""
    wanted = [one for one in spec.paths.values() if one.require != "no" and not one.since and one.forbid != one.require]
    made: dict[str, str] = {}
    for one in wanted:
        if not one.folder:
            made[one.path] = _text(spec, one, base, there)
    # What has a template and stands in the root comes too, whether the layout names it or not.
    made |= {path: text for path, text in inside("", base) if "/" not in path and path not in spec.paths}
    for one in wanted:
        if one.folder and not there.exists(one.path):
            # What the layout names comes by itself, from its stage on.
            made |= {path: text for path, text in inside(one.path, base) if path not in spec.paths}
    return made


def _text(spec: Spec, one: LayoutPath, base: dict[str, str], there: Tree) -> str:
    if one.require == "tree":
        template = f"{one.path}.template"
        if template in there.files:
            return there.read(template).decode("utf-8", "replace")
        return content(spec, template, facts.of_file(spec, template, base))
    return content(spec, one.path, facts.of_file(spec, one.path, base))


def _planned(spec: Spec, path: str, text: str) -> Planned:
    layout = spec.paths.get(path)
    if layout is not None and layout.require == "tree":
        return Planned(path, text, _SECRET)
    return Planned(path, text, 0o755 if text.startswith("#!") else 0o644)


def _next_steps(root: Path, request: Request) -> tuple[str, ...]:
    stage = min((one for one in request.stages if one), default=1)
    there = f"cd {root}" if root.resolve() != Path.cwd().resolve() else ""
    install = "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements-dev.txt"
    steps: Sequence[str] = (there, install, "./run_tests.sh", f"movie-mlops standard new {stage}.1 --title …")
    return tuple(step for step in steps if step)
