"""Chooses how a file is read for the paths that it names; a reader is imported when the first such file is read."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from movie_mlops.standard.references.reference import Reference

Exists = Callable[[str], bool]
"""Whether a project has a file or a folder of a path."""

ENDINGS: Final[Mapping[str, str]] = {
    "py": "python.read",
    "sh": "shell.read",
    "bash": "shell.read",
    "zsh": "shell.read",
    "bats": "shell.read",
    "mk": "shell.read",
    "md": "markdown.read",
    "markdown": "markdown.read",
    "mdx": "markdown.read",
    "dockerfile": "dockerfile.read",
    "yml": "yaml.read",
    "yaml": "yaml.read",
    "toml": "settings.read_strings",
    "json": "settings.read_strings",
    "jsonc": "settings.read_strings",
    "ipynb": "settings.read_strings",
    "ini": "settings.read_lines",
    "cfg": "settings.read_lines",
    "conf": "settings.read_lines",
    "properties": "settings.read_lines",
    "rst": "pathlist.read_words",
    "service": "pathlist.read_words",
}
"""The module of this package, and its function, that read files of an ending (lower case)."""

NAMES: Final[Mapping[str, str]] = {
    "Makefile": "shell.read",
    "GNUmakefile": "shell.read",
    "makefile": "shell.read",
    "justfile": "shell.read",
    ".envrc": "shell.read",
    "Dockerfile": "dockerfile.read",
    "Containerfile": "dockerfile.read",
    ".env": "settings.read_lines",
    ".coveragerc": "settings.read_lines",
    ".flake8": "settings.read_lines",
    ".gitattributes": "pathlist.read_patterns",
    "CODEOWNERS": "pathlist.read_patterns",
    "MANIFEST.in": "pathlist.read_words",
    "Procfile": "pathlist.read_words",
    "Jenkinsfile": "pathlist.read_words",
}

_BEGINNINGS: Final = (
    ("Dockerfile.", "dockerfile.read"),
    ("Containerfile.", "dockerfile.read"),
    (".env.", "settings.read_lines"),
    ("requirements", "pathlist.read_requirements"),
    ("constraints", "pathlist.read_requirements"),
)


def reader_of(path: str) -> str | None:
    """Return the module and the function that read a file of that name, or None."""
    name = path.rpartition("/")[2].rpartition("\t")[2]
    known = NAMES.get(name)
    if known is not None:
        return known
    ending = name.rpartition(".")[2].lower()
    for beginning, reader in _BEGINNINGS:
        if name.startswith(beginning) and (reader != "pathlist.read_requirements" or ending in {"txt", "in"}):
            return reader
    if name.startswith(".") and name.endswith("ignore"):
        return "pathlist.read_patterns"
    return ENDINGS.get(ending) if "." in name else None


def has_reader(path: str) -> bool:
    """Return whether a file of that name is read for references."""
    return reader_of(path) is not None


def references(path: str, content: str, exists: Exists) -> list[Reference]:
    """Return every place in a file that names a path of the repository, by line and column.

    Args:
        path: The file, relative to the repository's root.
        content: Its text; undecodable bytes as surrogates.
        exists: Whether the repository has a file or a folder of this path.

    Returns:
        What resolves to a path that exists, and what must (``certain``) and does not.
    """
    return _read(path, content, exists, claims=False)


def claims(path: str, content: str, exists: Exists) -> list[Reference]:
    """Return only the references that are certain; faster, because of nothing else it is asked whether it exists."""
    return [found for found in _read(path, content, exists, claims=True) if found.certain]


def _read(path: str, content: str, exists: Exists, *, claims: bool) -> list[Reference]:
    reader = reader_of(path) or _by_first_line(path, content)
    if reader is None or "\0" in content:
        return []
    from movie_mlops.standard.references.page import Page

    module, _, function = reader.partition(".")
    page = Page(path, content, exists, claims=claims)
    getattr(import_module(f"{__package__}.{module}"), function)(page)
    return sorted(page.found)


def _by_first_line(path: str, content: str) -> str | None:
    """Return how a script without an ending is read."""
    if not content.startswith("#!") or "." in path.rpartition("/")[2].lstrip("."):
        return None
    words = content.partition("\n")[0].replace("/", " ").split()
    programs = [word.rstrip("0123456789.") for word in words]
    if "python" in programs:
        return "python.read"
    return "shell.read" if {"sh", "bash", "zsh", "dash"} & set(programs) else None
