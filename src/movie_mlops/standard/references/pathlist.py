"""Lists of paths, one a line: .gitignore and its kin, CODEOWNERS, MANIFEST.in, requirements files."""

import re
from typing import Final

from movie_mlops.standard.references.page import ROOT_THEN_BESIDE, Page
from movie_mlops.standard.references.reference import BESIDE

_ENTRY: Final = re.compile(r"^\s*!?/?(?P<path>[^\s#!/][^\s]*)")
_OPTION: Final = re.compile(r"^\s*(?:-r|-c|-e|--requirement|--constraint|--editable)[\s=]+(?P<path>[^\s#\[]+)")


def read_patterns(page: Page) -> None:
    """Read ignore files, attributes and owners; a pattern that is a real path is a reference, and claims nothing."""
    base = "" if page.source.rpartition("/")[2] == "CODEOWNERS" else BESIDE
    for line, text in page.numbered():
        match = _ENTRY.match(text)
        if match is None or text.lstrip().startswith("#"):
            continue
        path = match.group("path")
        anchored = "/" in path.rstrip("/") or text.lstrip(" !").startswith("/")
        page.path(line, match.start("path"), path, (base,), likely=anchored)


def read_requirements(page: Page) -> None:
    """Read a requirements file: what it includes must exist."""
    for line, text in page.numbered():
        match = _OPTION.match(text)
        if match is not None and "://" not in match.group("path"):
            page.path(line, match.start("path"), match.group("path"), (BESIDE, ""), must=True)


def read_words(page: Page) -> None:
    """Read anything else that names paths word by word: MANIFEST.in, Procfile, plain text."""
    for line, text in page.numbered():
        page.words(line, 0, text, ROOT_THEN_BESIDE)
