"""Where files name paths of the repository, and how to write those paths anew after a move."""

from movie_mlops.standard.references.reading import Exists, claims, has_reader, references
from movie_mlops.standard.references.reference import Reference, rewritten

__all__ = ["Exists", "Reference", "claims", "has_reader", "references", "rewritten"]
