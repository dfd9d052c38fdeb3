"""Chooses the reader of a file by its name, or by its first line."""

import re
from collections.abc import Callable
from typing import Final

from movie_mlops.standard.references import dockerfile, markdown, pathlist, python, settings, shell, yaml
from movie_mlops.standard.references.page import Page
from movie_mlops.standard.references.reference import Reference

_READERS: Final[tuple[tuple[re.Pattern[str], Callable[[Page], None]], ...]] = (
    (re.compile(r"\.py$"), python.read),
    (re.compile(r"\.(?:sh|bash|zsh|bats|mk)$|^(?:GNU)?[Mm]akefile$|^[Jj]ustfile$|^\.envrc$"), shell.read),
    (re.compile(r"\.(?:md|markdown|mdx)$"), markdown.read),
    (re.compile(r"^(?:Dockerfile|Containerfile)(?:\..+)?$|\.[Dd]ockerfile$"), dockerfile.read),
    (re.compile(r"\.ya?ml$|^CITATION\.cff$"), yaml.read),
    (re.compile(r"\.(?:toml|json|ipynb|jsonc)$"), settings.read_strings),
    (
        re.compile(r"\.(?:ini|cfg|conf|properties)$|^\.(?:env(?:\..+)?|coveragerc|flake8|pylintrc|editorconfig)$"),
        settings.read_lines,
    ),
    (re.compile(r"ignore$|^\.gitattributes$|^CODEOWNERS$"), pathlist.read_patterns),
    (re.compile(r"^(?:requirements|constraints).*\.(?:txt|in)$"), pathlist.read_requirements),
    (re.compile(r"^(?:MANIFEST\.in|Procfile|Jenkinsfile)$|\.(?:rst|service)$"), pathlist.read_words),
)
_SHEBANG: Final = re.compile(r"#!\s*\S*?(?:env\s+(?:-S\s+)?)?(?P<program>bash|sh|zsh|dash|python)[\d.]*(?:\s|$)")


def reader_of(path: str, content: str = "") -> Callable[[Page], None] | None:
    """Return the reader for the file at ``path``; ``None`` where nothing of it is read."""
    name = path.rpartition("/")[2]
    for pattern, reader in _READERS:
        if pattern.search(name):
            return reader
    script = _SHEBANG.match(content) if "." not in name.lstrip(".") else None
    if script is None:
        return None
    return python.read if script.group("program") == "python" else shell.read


def references(path: str, content: str, exists: Callable[[str], bool]) -> list[Reference]:
    """Return every place in a file that names a path of the repository, by line and column.

    Args:
        path: The file, relative to the repository's root.
        content: Its text; undecodable bytes as surrogates.
        exists: Whether the repository has a file or a folder of this path.

    Returns:
        What resolves to a path that exists, and what must (``certain``) and does not.
    """
    reader = reader_of(path, content)
    if reader is None or "\0" in content:
        return []
    page = Page(path, content, exists)
    reader(page)
    return sorted(page.found)
