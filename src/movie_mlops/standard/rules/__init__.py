"""One module per kind of rule; each says what in a survey breaks a rule of its kind."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from movie_mlops.standard.findings import Finding
from movie_mlops.standard.rules import companion, forbid, name, place, portability, reference, registry, require
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey

CHECKS: Final[Mapping[str, Callable[[Survey, Rule], Iterator[Finding]]]] = {
    "require": require.check,
    "forbid": forbid.check,
    "place": place.check,
    "name": name.check,
    "companion": companion.check,
    "registry": registry.check,
    "reference": reference.check,
    "portability": portability.check,
}
"""The checks of a tree; the rules of branches are judged by ``standard branch``."""

__all__ = ["CHECKS"]
