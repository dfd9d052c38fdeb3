"""Feast as a second backend of features; it runs in an environment of its own and is imported nowhere here."""

from movie_mlops.features.feast.backend import FeastBackend
from movie_mlops.features.feast.changes import changes, exportable
from movie_mlops.features.feast.config import FeastConfig, RepositoryConfig
from movie_mlops.features.feast.errors import FeastError
from movie_mlops.features.feast.repository import Repository, export_repository

__all__ = [
    "FeastBackend",
    "FeastConfig",
    "FeastError",
    "Repository",
    "RepositoryConfig",
    "changes",
    "export_repository",
    "exportable",
]
