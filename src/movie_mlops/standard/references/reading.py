"""Chooses how a file is read for the paths that it names; a reader is imported when the first such file is read."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from movie_mlops.standard.references.reference import Exists, Reference

READERS: Final[Mapping[str, str]] = {"md": "markdown", "markdown": "markdown"}
"""The module of this package that reads files of an ending (lower case)."""


def reader_of(path: str) -> str | None:
    """Return the name of the module that reads a file of that name, or None."""
    return READERS.get(path.rpartition(".")[2].lower())


def has_reader(path: str) -> bool:
    """Return whether a file of that name is read for references."""
    return reader_of(path) is not None


def references(path: str, content: str, exists: Exists) -> list[Reference]:
    """Return the paths that a file names, in order; none where nothing reads such a file."""
    name = reader_of(path)
    if name is None:
        return []
    found: list[Reference] = import_module(f"{__package__}.{name}").references(path, content, exists)
    return found
