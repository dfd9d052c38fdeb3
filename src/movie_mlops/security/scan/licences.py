"""Licences of installed packages, by what their own metadata says (PEP 639, trove classifiers, the older field)."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from typing import Final

from movie_mlops.security.scan.config import Licences
from movie_mlops.security.scan.findings import Finding

_CALLED: Final = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages call licences, by SPDX."""


def licence_findings(distributions: Iterable[Distribution], config: Licences) -> Iterator[Finding]:
    """Yield packages whose licence is not allowed, or not told."""
    for found in distributions:
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()
        if name in config.packages:
            continue
        told = licence_of(found)
        if not told:
            yield Finding("licence/unknown", name, 1, f"The package {name} does not tell its licence.")
        elif not is_allowed(told, config.allowed):
            yield Finding(
                "licence/refused", name, 1, f"The package {name} has the licence {told}, which is not allowed."
            )


def licence_of(found: Distribution) -> str:
    """Return a package's licence as an SPDX expression; empty where it tells none."""
    if expression := _field(found, "License-Expression"):
        return expression
    classifiers = [
        _CALLED.get(word := classifier.rpartition(" :: ")[2], word)
        for classifier in found.metadata.get_all("Classifier") or ()
        if classifier.startswith("License :: ") and not classifier.endswith("OSI Approved")
    ]
    if classifiers:
        # Two of them are a choice.
        return " OR ".join(classifiers)
    field = _field(found, "License").strip().partition("\n")[0]
    return _CALLED.get(field, field) if len(field) <= 80 else ""  # noqa: PLR2004 - the text of a licence is not its name


def _field(found: Distribution, name: str) -> str:
    return next(iter(found.metadata.get_all(name) or ()), "")


def is_allowed(expression: str, allowed: Iterable[str]) -> bool:
    """Return whether an SPDX expression leaves a choice that is allowed; what follows WITH only gives more rights."""
    known = set(allowed)
    words = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", re.sub(r"\s+", " ", expression))

    def either() -> bool:
        found = both()
        while words and words[0] == "OR":
            words.pop(0)
            # Both sides are read, whatever the first one is.
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while words and words[0] == "AND":
            words.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        word = words.pop(0) if words else ""
        if word != "(":
            return word.partition(" WITH ")[0] in known
        found = either()
        return bool(words) and words.pop(0) == ")" and found

    return either() and not words
