"""Paths in TOML, INI, JSON and .env: values that are a path, or a command that names one."""

import re
from typing import Final

from movie_mlops.standard.references.page import BESIDE_THEN_ROOT, ROOT_THEN_BESIDE, Page
from movie_mlops.standard.references.reference import BESIDE

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')
_KEY: Final = re.compile(r"^\s*[\"']?([\w.-]+)[\"']?\s*[=:]")
_FOLDER_KEYS: Final = frozenset({
    "testpaths", "pythonpath", "mypy_path", "files", "paths", "source", "src", "include", "exclude", "packages",
    "where", "omit", "script_location", "package_dir", "norecursedirs", "extend-exclude",
})  # fmt: skip
_OWN: Final = re.compile(
    r"(?:^|/)(?:pyproject\.toml|pytest\.ini|mypy\.ini|setup\.cfg|tox\.ini|package\.json|tsconfig.*)$"
)


def _bases(page: Page) -> tuple[str, ...]:
    return BESIDE_THEN_ROOT if _OWN.search(page.source) else ROOT_THEN_BESIDE


def read_strings(page: Page) -> None:
    """Read TOML or JSON: every string, and the key that it stands under."""
    bases = _bases(page)
    key = ""
    for line, text in page.numbered():
        named = _KEY.match(text)
        key = named.group(1) if named is not None else key
        if "'" not in text and '"' not in text:
            continue
        start = named.end() if named is not None else 0
        for match in _STRING.finditer(text, start):
            group = 1 if match.group(1) is not None else 2
            value, at = match.group(group), match.start(group)
            if key == "readme" and re.fullmatch(r"[\w./-]+\.(?:md|rst|txt)", value):
                page.path(line, at, value, (BESIDE,), must=True)
            elif value and "\\" not in value and "://" not in value:
                page.value(line, at, value, bases, bare=key in _FOLDER_KEYS)


def read_lines(page: Page) -> None:
    """Read INI, CFG or .env: what stands behind ``=``, and the lines that go on below it."""
    bases = _bases(page)
    key = ""
    for line, text in page.numbered():
        if text.lstrip().startswith(("#", ";", "[")):
            page.words(line, 0, text, bases)
            continue
        named = _KEY.match(text) if text[:1].strip() else None
        key = named.group(1) if named is not None else key
        start = named.end() if named is not None else 0
        if "://" not in text:
            page.value(line, start, text[start:], bases, bare=key in _FOLDER_KEYS)
