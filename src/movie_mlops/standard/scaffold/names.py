"""The numbers and names that a person gives: what is right, and the nearest right one for what is not."""

import re
from typing import Final, NamedTuple

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.spec import Spec

_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,2})\.([1-9][0-9]{0,2})")
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(?:[ _-]+[A-Za-z0-9]+)*")
_DEVICES: Final = re.compile(r"con|prn|aux|nul|(?:com|lpt)[1-9]")
_LONGEST: Final = 48
# Words that a name of the standard is read by: "x" is every substage, the others end the names of documents and tests.
_TAKEN: Final = frozenset({"x", "testing", "implementation", "complete-workflow"})


class Number(NamedTuple):
    """The number of a substage."""

    stage: int
    substage: int

    def __str__(self) -> str:
        """Return it as it is written: ``3.1``."""
        return f"{self.stage}.{self.substage}"


def number(text: str) -> Number:
    """Return the number of a substage.

    Raises:
        UsageError: It is none.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise UsageError(f"'{text}' is not the number of a substage.", next_step="Write stage and substage: 1.4.")
    return Number(int(found[1]), int(found[2]))


def title(spec: Spec, text: str, *, what: str = "title") -> str:
    """Return a title as names carry it: ``Git workflow`` becomes ``git-workflow``.

    Raises:
        UsageError: It is reserved, or cannot be part of a path everywhere.
    """
    if not _PLAIN.fullmatch(text):
        near = "-".join(re.findall("[a-z0-9]+", text.lower()))
        raise UsageError(
            f"{text!r} cannot be a {what}: letters, digits and single spaces or hyphens alone are safe in every path.",
            next_step=f"Use '{near}'."
            if near
            else "Use words such as 'git-workflow'; --name-ko takes the Korean name.",
        )
    made = "-".join(re.split("[ _-]+", text.lower()))
    if made in _TAKEN or _DEVICES.fullmatch(made):
        why = "Windows keeps it for a device" if _DEVICES.fullmatch(made) else "the standard gives it another meaning"
        raise UsageError(f"'{made}' is reserved: {why}.", next_step=f"Use '{made}-{what}' or another word.")
    if len(made) > _LONGEST:
        raise UsageError(
            f"The {what} has {len(made)} characters; paths stay short with at most {_LONGEST}.",
            next_step="Shorten it.",
        )
    holes = [hole for hole in ("title", "feature", "system") if hole in spec.placeholders]
    for hole in holes:
        placeholder = spec.placeholders[hole]
        if not re.fullmatch(placeholder.pattern, joined(spec, hole, made)):
            raise UsageError(f"'{made}' cannot be a {what}: it begins with a digit.", next_step="Begin with a word.")
    return made


def joined(spec: Spec, hole: str, made: str) -> str:
    """Return the words of a title as a placeholder joins them."""
    return (spec.placeholders[hole].joined or "-").join(made.split("-"))


def package(text: str) -> str:
    """Return the name of a Python package.

    Raises:
        UsageError: It is none.
    """
    import keyword
    import sys

    if not re.fullmatch("[a-z][a-z0-9]*(?:_[a-z0-9]+)*", text) or keyword.iskeyword(text) or _DEVICES.fullmatch(text):
        near = "_".join(re.findall("[a-z0-9]+", text.lower())).lstrip("0123456789_")
        usable = near and not keyword.iskeyword(near) and not _DEVICES.fullmatch(near)
        raise UsageError(
            f"{text!r} cannot be the name of a Python package.",
            next_step=f"Use --package {near if usable else 'my_project'}.",
        )
    if text in sys.stdlib_module_names:
        raise UsageError(f"'{text}' is a module of Python itself.", next_step=f"Use --package {text}_project.")
    return text
