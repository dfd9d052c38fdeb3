"""The registry of schemas: a file for each version of what is in an envelope, never changed once it was used."""

from movie_mlops.events.schemas.compatible import narrowings
from movie_mlops.events.schemas.registry import SchemaVersion, check, propose, versions

__all__ = ["SchemaVersion", "check", "narrowings", "propose", "versions"]
