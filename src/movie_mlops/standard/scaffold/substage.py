"""Plans a new substage: every file that the standard asks for, its declaration, and the documents that show it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.findings import say
from movie_mlops.standard.loading import PROJECT
from movie_mlops.standard.render import rendering, testing
from movie_mlops.standard.render.documents import documents
from movie_mlops.standard.scaffold import facts, names
from movie_mlops.standard.scaffold.contents import content, has_own
from movie_mlops.standard.scaffold.paths import of_stage, of_substage
from movie_mlops.standard.scaffold.plan import Plan
from movie_mlops.standard.scaffold.registering import Declared, NewStage, declared
from movie_mlops.standard.scaffold.writing import Planned
from movie_mlops.standard.spec import Spec, Stage, Substage
from movie_mlops.standard.tree import Tree


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        number: The number of the substage: ``1.4``.
        title: Its title, as a person writes it; None takes the title that is declared already.
        name_ko: Its Korean name, or None.
        containers: Whether it needs a Compose file.
        stage_name: The name of its stage, where that is to be declared too.
    """

    number: str
    title: str | None = None
    name_ko: str | None = None
    containers: bool = False
    stage_name: str | None = None


def plan_substage(root: Path, spec: Spec, tree: Tree, request: Request) -> Plan:
    """Return what a new substage needs; nothing is written.

    Raises:
        UsageError: The number is taken or not declared, a name is reserved, or the declaration cannot be edited.
    """
    number = names.number(request.number)
    stage = spec.stages.get(number.stage)
    new_stage = _new_stage(spec, number, stage, request)
    _refuse_taken(spec, tree, number)
    substage = _substage(spec, number, request)
    own = _own(root)
    after = declared(own, spec, substage, new_stage=new_stage)
    base = facts.of_project(after.spec, root.resolve().name, "")
    texts = substage_files(after.spec, substage, base, tree, containers=request.containers)
    planned = [_planned(path, text) for path, text in texts.items()]
    if after.text != (own or ""):
        planned.append(Planned(PROJECT, after.text, replaces=None if own is None else own.encode()))
        planned += _rendered_again(root, spec, after)
    return Plan(
        f"{substage.number} {say(substage.name, 'en')} ({say(after.spec.stages[number.stage].name, 'en')})",
        tuple(planned),
        (),
        _next_steps(after.spec, substage, planned),
    )


def substage_files(
    spec: Spec,
    substage: Substage,
    base: Mapping[str, str],
    tree: Tree,
    *,
    containers: bool = False,
    coming: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the files that a substage needs and that are not there, with what each holds.

    Args:
        spec: The declaration, with the substage in it.
        substage: The substage.
        base: The facts of the project.
        tree: The files that are there.
        containers: Whether it needs a Compose file.
        coming: Files that are made beside these.
    """
    ready = coming or {}
    stage = int(substage.number.partition(".")[0])
    made = {path: text for path, text in stage_files(spec, tree, base, stage).items() if path not in ready}

    def exists(path: str) -> bool:
        return path in made or path in ready or _there(tree, path)

    own = [path for path, _ in of_substage(spec, substage, exists, containers=containers)]
    shared = {**base, **facts.documents_of(spec, substage, own)}
    # The general set-up is known to be safe twice, which the integration test then proves; others prove their own.
    new = shared["setup"] in own or shared["setup"] in made
    shared["setup_made"] = "yes" if new and not has_own(shared["setup"]) else ""
    document = testing.path_of(spec, substage, own.__contains__)
    for path in own:
        if path != document:
            made[path] = content(spec, path, facts.of_file(spec, path, shared))
    if document in own:
        everything = {**ready, **made}
        tests = testing.numbered_tests(spec, {*tree.paths, *everything})[substage.number]
        made[document] = rendering.test_document(spec, substage, tests, tree, {**everything, document: ""})[1]
    return made | keepers(spec, {*tree.paths, *ready, *made}, (stage,))


def stage_files(spec: Spec, tree: Tree, base: Mapping[str, str], stage: int) -> dict[str, str]:
    """Return the files that a stage needs from its first day and that are not there."""
    setup = spec.stages[stage].setup
    found: dict[str, str] = {}
    for layout in of_stage(spec, stage):
        if not layout.folder and not _there(tree, layout.path):
            kind = "setup" if layout.path == setup else ""
            found[layout.path] = content(spec, layout.path, facts.of_file(spec, layout.path, base), kind=kind)
    return found


def keepers(spec: Spec, paths: set[str], stages: Iterable[int]) -> dict[str, str]:
    """Return a file for each folder that git must hold and that would be empty, so that it is kept."""
    wanted = [one for one in spec.paths.values() if one.folder and one.require == "index"]
    reached = [one.path for one in wanted if not one.since or one.since in stages]
    return {f"{folder}/.gitkeep": "" for folder in reached if not any(path.startswith(f"{folder}/") for path in paths)}


def _there(tree: Tree, path: str) -> bool:
    return path in tree.files or tree.on_disk(path)


def _new_stage(spec: Spec, number: names.Number, stage: Stage | None, request: Request) -> NewStage | None:
    if stage is not None:
        if request.stage_name is not None:
            raise UsageError(
                f"Stage {number.stage} is declared already: {say(stage.name, 'en')}.", next_step="Drop --stage-name."
            )
        return None
    if request.stage_name is None:
        known = ", ".join(str(one) for one in spec.stages)
        raise UsageError(
            f"Stage {number.stage} is not declared; there are {known}.",
            next_step="Correct the number, or declare the stage with --stage-name NAME.",
        )
    slug = names.title(spec, request.stage_name, what="stage-name")
    taken = next((one for one in spec.stages.values() if one.slug == slug), None)
    if taken is not None:
        raise UsageError(f"Stage {taken.number} is called '{slug}' already.", next_step="Use its number.")
    words = slug.replace("-", " ")
    return NewStage(slug, dict.fromkeys(spec.languages, words))


def _refuse_taken(spec: Spec, tree: Tree, number: names.Number) -> None:
    carrying = sorted(
        path
        for path in tree.paths
        if any(
            match.kind.counts
            and match.groups.get("substage") == str(number.substage)
            and match.groups.get("stage") == str(number.stage)
            for match in spec.kinds_of(path)
        )
    )
    if carrying:
        free = _free(spec, number)
        raise UsageError(
            f"{number} exists: {carrying[0]}" + (f" and {len(carrying) - 1} more." if len(carrying) > 1 else "."),
            next_step=f"The next free number is {free}.",
        )


def _free(spec: Spec, number: names.Number) -> str:
    stage = spec.stages.get(number.stage)
    taken = [int(sub.number.partition(".")[2]) for sub in (stage.substages if stage else ())]
    return f"{number.stage}.{max([number.substage, *taken]) + 1}"


def _substage(spec: Spec, number: names.Number, request: Request) -> Substage:
    """Return the substage: as it is declared ahead of its files, or as it is asked for."""
    known = spec.substages.get(str(number))
    if known is not None:
        if request.title is None or names.title(spec, request.title) == known.title:
            return known
        raise UsageError(
            f"{number} is declared as '{known.title}'.",
            next_step=f"Use --title {known.title}, or the next free number: {_free(spec, number)}.",
        )
    if request.title is None:
        raise UsageError(f"{number} has no title yet.", next_step="Add --title, for example --title cold-start.")
    title = names.title(spec, request.title)
    twin = next(
        (one for one in spec.substages.values() if one.title == title and one.number.startswith(f"{number.stage}.")),
        None,
    )
    if twin is not None:
        raise UsageError(f"{twin.number} is called '{title}' already.", next_step="Use another title.")
    words = request.title.strip() if " " in request.title else title.replace("-", " ")
    name = dict.fromkeys(spec.languages, words)
    if request.name_ko is not None:
        name["ko"] = _one_line(request.name_ko)
    return Substage(str(number), title, name, "")


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise UsageError("A name is one line of text.", next_step="Write it without control characters.")
    return text.strip()


def _own(root: Path) -> str | None:
    try:
        return (root / PROJECT).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def _rendered_again(root: Path, spec: Spec, after: Declared) -> list[Planned]:
    """Return the rendered documents that the new declaration changes, where they are up to date with the old one."""
    found = []
    for language in spec.languages:
        old, new = documents(spec, language), documents(after.spec, language)
        for path in new:
            try:
                there = (root / path).read_bytes()
            except OSError:
                continue
            wanted = rendering.headed(language, new[path])
            # What was changed by hand, or was behind before, is for 'render' to speak about.
            as_rendered = path in old and there == rendering.headed(language, old[path]).encode()
            if as_rendered and wanted != rendering.headed(language, old[path]):
                found.append(Planned(path, wanted, replaces=there))
    return found


def _planned(path: str, text: str) -> Planned:
    return Planned(path, text, 0o755 if text.startswith("#!") else 0o644)


def _next_steps(spec: Spec, substage: Substage, planned: list[Planned]) -> tuple[str, ...]:
    made = [one.path for one in planned]
    runner = facts.documents_of(spec, substage, made)["runner"]
    folders = " ".join(dict.fromkeys(path.partition("/")[0] for path in made))
    return tuple(step for step in (runner, f"git add {folders}", "movie-mlops standard check") if step)
