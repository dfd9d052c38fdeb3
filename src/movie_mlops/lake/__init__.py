"""The Delta tables: one commit per write, readable at any version, SQL over all of them."""

from movie_mlops.lake.config import LakeConfig
from movie_mlops.lake.errors import LakeError, QueryError
from movie_mlops.lake.lake import Commit, Lake, TableInfo
from movie_mlops.lake.schemas import INTERACTIONS, MOVIES, QUARANTINE, SCHEMAS

__all__ = [
    "INTERACTIONS",
    "MOVIES",
    "QUARANTINE",
    "SCHEMAS",
    "Commit",
    "Lake",
    "LakeConfig",
    "LakeError",
    "QueryError",
    "TableInfo",
]
