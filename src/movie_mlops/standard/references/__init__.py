"""Paths that files name: found by file type, and written anew after a move."""

from movie_mlops.standard.references.reading import has_reader, references
from movie_mlops.standard.references.reference import Reference

__all__ = ["Reference", "has_reader", "references"]
