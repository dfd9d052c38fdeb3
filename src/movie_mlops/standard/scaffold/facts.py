"""What stands in the holes of the templates, for a substage, a stage and a file."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from movie_mlops.standard.findings import say
from movie_mlops.standard.render.testing import groups_of, heading, is_test
from movie_mlops.standard.spec import Kind, Spec, Stage, Substage
from movie_mlops.standard.template import Groups, Template

_BASH = ".sh"


def of_file(spec: Spec, path: str, base: Mapping[str, str]) -> dict[str, str]:
    """Return the facts for one file: those of the project and of what its name says."""
    groups = next((match.groups for match in spec.kinds_of(path)), {})
    name = path.rpartition("/")[2]
    depth = len(path.split("/")) - 1
    stage = _stage_of(spec, path, groups)
    facts = {
        **base,
        "path": path,
        "file": name,
        "depth": str(depth),
        "up": "/".join([".."] * depth) or ".",
        "stage": "" if stage is None else str(stage.number),
        "stage_name": "" if stage is None else say(stage.name, "en"),
    }
    if stage is not None and "substage" not in groups:
        facts["name"] = say(stage.name, "en")
        facts["word"] = f"stage-{stage.number}"
        facts["stage_option"] = f', "--stage", "{stage.number}"'
        facts["compose"] = _compose(spec, stage)
    for hole in ("purpose", "environment"):
        if hole in groups:
            word = spec.words.get(hole, {}).get(groups[hole])
            facts |= {"word": groups[hole], "name": heading(say(word.meaning, "en")) if word else groups[hole]}
            facts["stage_option"] = ""
    if stage is not None and "substage" in groups:
        facts |= of_substage(spec, stage, groups["substage"], base)
    return facts


def of_substage(spec: Spec, stage: Stage, substage: str, base: Mapping[str, str]) -> dict[str, str]:
    """Return the facts of a substage, or of a whole stage (``x``)."""
    number = f"{stage.number}.{substage}"
    known = spec.substages.get(number)
    groups = {"stage": str(stage.number), "substage": substage}
    pytest_globs = _widest(globs(spec, groups, lambda name: not name.endswith(_BASH)))
    bash_globs = _widest(globs(spec, groups, lambda name: name.endswith(_BASH)))
    whole = substage == "x"
    runner = base.get("runner", "") if not whole else ""
    command = [runner] if runner else ["./run_tests.sh", "--stage", str(stage.number), "--"]
    return {
        "number": f"stage {stage.number}" if whole else number,
        "name": heading(say(known.name if known is not None else stage.name, "en")),
        "whole": "yes" if whole else "",
        "single": "" if whole else "yes",
        "test_globs": " ".join(pytest_globs),
        "bash_globs": " ".join(bash_globs),
        "first_glob": pytest_globs[0] if pytest_globs else "",
        "test_patterns": "\n".join(f"    {json.dumps(glob)}," for glob in pytest_globs),
        "command": ", ".join(json.dumps(word) for word in command),
    }


def globs(spec: Spec, groups: Groups, wanted: Callable[[str], bool]) -> Iterator[str]:
    """Yield the patterns of the names that tests of a substage have; an ``x`` matches every substage."""
    values = dict(groups)
    both = [values["substage"], "x"] if values["substage"] != "x" else ["*"]
    for kind in spec.kinds.values():
        if is_test(kind):
            for template in kind.templates:
                if "substage" in template.holes and wanted(template.text):
                    for substage in both:
                        name = _glob(template, {**values, "substage": substage})
                        yield f"{kind.folders[0].text}/{name}"


def _widest(patterns: Iterable[str]) -> list[str]:
    """Return the patterns that no other one covers."""
    found = list(dict.fromkeys(patterns))
    return [one for one in found if not any(other != one and fnmatchcase(one, other) for other in found)]


def _glob(template: Template, values: dict[str, str]) -> str:
    known = {"stage": values["stage"], "substage": values["substage"]}
    parts = [p if i % 2 == 0 else known.get(p, "*") for i, p in enumerate(template.pieces)]
    return "".join(parts)


def of_project(spec: Spec, name: str, package: str) -> dict[str, str]:
    """Return the facts that every file of a project shares."""
    tests = [kind for kind in spec.kinds.values() if is_test(kind)]
    folders = list(dict.fromkeys(kind.folders[0].text.rpartition("/")[2] for kind in tests))
    # Shell variables; the second is not quoted, because it may be a star.
    shell = {"stage": '"$stage"', "substage": "${substage}"}
    patterns = _widest(_stage_globs(tests, shell))
    return {
        "project": name,
        "package": package,
        "kinds": "|".join(folders),
        "kinds_case": " | ".join(folders),
        "stage_globs": " ".join(patterns),
    }


def _stage_globs(tests: list[Kind], shell: dict[str, str]) -> Iterator[str]:
    for kind in tests:
        for template in kind.templates:
            if "substage" in template.holes and not template.text.endswith(_BASH):
                yield f"{kind.folders[0].text}/{_glob(template, shell)}"


def _stage_of(spec: Spec, path: str, groups: Groups) -> Stage | None:
    number = groups.get("stage", "")
    if number.isdecimal():
        return spec.stages.get(int(number))
    by_setup = next((stage for stage in spec.stages.values() if stage.setup == path), None)
    layout = spec.paths.get(path)
    return by_setup or (spec.stages.get(layout.since) if layout is not None and layout.since else None)


def _compose(spec: Spec, stage: Stage) -> str:
    kind = spec.kinds.get("compose")
    if kind is None:
        return ""
    groups = {"stage": str(stage.number)}
    name = next((template.fill(groups) for template in kind.templates if template.can_fill(groups)), "")
    return f"{kind.folders[0].text}/{name}"


def documents_of(spec: Spec, substage: Substage, paths: list[str]) -> dict[str, str]:
    """Return the facts that the files of a substage say of one another: where its scripts and documents are."""
    import posixpath

    groups = groups_of(spec, substage)
    facts = {"runner": "", "setup": "", "implementation": "", "testing": ""}
    for path in paths:
        kind = spec.kinds_of(path)[0].kind.id if spec.kinds_of(path) else ""
        if kind == "stage-runner":
            facts["runner"] = path
        elif kind == "testing-document":
            facts["testing"] = path
        elif kind == "stage-document":
            facts["implementation"] = path
    stage = spec.stages[int(groups["stage"])]
    default = next((one for one in paths if any(m.kind.id == "setup" for m in spec.kinds_of(one))), stage.setup)
    facts["setup"] = default
    if facts["testing"] and facts["implementation"]:
        facts["testing_name"] = posixpath.basename(facts["testing"])
        facts["testing_link"] = posixpath.relpath(facts["testing"], posixpath.dirname(facts["implementation"]))
    tests = [path for path in paths if any(is_test(match.kind) for match in spec.kinds_of(path))]
    facts["files"] = "\n".join(f"- `{path}`" for path in tests)
    return facts
