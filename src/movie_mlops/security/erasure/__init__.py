"""Erasure: who was erased, and where a person's data lies."""

from movie_mlops.security.erasure.erased import ERASED, Erased, Erasure
from movie_mlops.security.erasure.places import PLACES, WITHOUT, Kind, Place, kept_for, reference

__all__ = ["ERASED", "PLACES", "WITHOUT", "Erased", "Erasure", "Kind", "Place", "kept_for", "reference"]
