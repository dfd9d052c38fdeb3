"""What is in a file that is made: the template of its path, else of its kind, filled with the facts.

Templates lie in ``templates/paths/<path>.template`` and ``templates/kinds/<kind>.template``. ``@@word@@`` is a fact;
what stands between ``@@if word@@`` and ``@@end@@`` is there only where that fact is not empty.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from movie_mlops.standard.spec import Spec

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates"
_ENDING: Final = ".template"
_HOLE: Final = re.compile(r"@@(\w+)@@")
_PART: Final = re.compile(r"^@@if (\w+)@@\n(.*?)^@@end@@\n", re.DOTALL | re.MULTILINE)
_IN_PATH: Final = re.compile(r"@(\w+)@")

Facts = Mapping[str, str]
"""What stands in the holes."""


def filled(name: str, facts: Facts) -> str:
    """Return the template of that name (``kinds/setup``) with its holes filled.

    Raises:
        KeyError: A hole has no fact.
        FileNotFoundError: There is no such template.
    """
    text = (TEMPLATES / f"{name}{_ENDING}").read_text("utf-8")
    text = _PART.sub(lambda part: part[2] if facts.get(part[1]) else "", text)
    return _HOLE.sub(lambda hole: facts[hole[1]], text)


def content(spec: Spec, path: str, facts: Facts, *, kind: str = "") -> str:
    """Return what a new file holds: by its path, else by its kind; empty where neither has a template."""
    if has_own(path):
        return filled(f"paths/{path}", facts)
    kinds = [kind] if kind else [match.kind.id for match in spec.kinds_of(path)]
    for known in kinds:
        if (TEMPLATES / "kinds" / f"{known}{_ENDING}").is_file():
            return filled(f"kinds/{known}", facts)
    return ""


def has_own(path: str) -> bool:
    """Return whether a path has a template of its own."""
    return (TEMPLATES / "paths" / f"{path}{_ENDING}").is_file()


def inside(folder: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the files (path, text) that a new folder begins with, beside those that the layout names."""
    base = TEMPLATES / "paths"
    for template in sorted((base / folder).rglob(f"*{_ENDING}")):
        name = template.relative_to(base).as_posix().removesuffix(_ENDING)
        yield _IN_PATH.sub(lambda hole: facts[hole[1]], name), filled(f"paths/{name}", facts)
