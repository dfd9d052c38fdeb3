"""The names of what a substage and a stage need: all from the declaration's templates."""

from collections.abc import Callable, Iterator

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.render.testing import groups_of
from movie_mlops.standard.spec import Companion, LayoutPath, Spec, Substage
from movie_mlops.standard.template import Template

CONTAINERS = "compose"
"""The kind of a Compose file."""


def of_stage(spec: Spec, stage: int) -> Iterator[LayoutPath]:
    """Yield what git must hold once a stage is reached."""
    for layout in spec.paths.values():
        if layout.require == "index" and layout.since == stage and stage > 0:
            yield layout


def of_substage(
    spec: Spec, substage: Substage, exists: Callable[[str], bool], *, containers: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield the files that a substage needs, each with the code of the rule that asks for it.

    What the whole stage shares (its set-up) is not asked for again where one of its alternatives exists.

    Raises:
        UsageError: Containers are asked for, and the standard has no kind of file for them.
    """
    groups = groups_of(spec, substage)
    for companion in spec.companions:
        choices = [need.fill(groups) for need in companion.needs if need.can_fill(groups)]
        shared = not own(companion)
        known = next((path for path in choices if exists(path)), None)
        if shared and known is not None:
            continue
        required = [path for path in choices if shared and path in spec.paths]
        yield (required or choices)[0], companion.rule
    if containers:
        kind = spec.kinds.get(CONTAINERS)
        if kind is None:
            raise UsageError("The standard has no kind of file for containers.", next_step="Drop --containers.")
        path = _first(kind.templates, groups)
        folder = _first(kind.folders, groups)
        if not exists(f"{folder}/{path}"):
            yield f"{folder}/{path}", ""


def own(companion: Companion) -> bool:
    """Return whether a companion belongs to one substage alone."""
    return "substage" in companion.needs[0].holes


def _first(templates: tuple[Template, ...], groups: dict[str, str]) -> str:
    return next(template for template in templates if template.can_fill(groups)).fill(groups)
