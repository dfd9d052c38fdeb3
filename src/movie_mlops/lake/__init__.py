"""The Delta tables: one commit per write, readable at any version, SQL over all of them, and their care."""

from movie_mlops.lake.compaction import CompactionReport, compact
from movie_mlops.lake.config import LakeConfig, S3Config
from movie_mlops.lake.diff import ColumnChange, TableDiff, diff
from movie_mlops.lake.erasure import ErasureReport, erase_rows, holding
from movie_mlops.lake.errors import CareError, ConflictError, LakeError, QueryError, StorageDownError, StorageError
from movie_mlops.lake.lake import Lake, TableInfo
from movie_mlops.lake.log import Commit
from movie_mlops.lake.pieces import pieces
from movie_mlops.lake.restoration import RestorationReport, restore
from movie_mlops.lake.schemas import BATCHES, EXTRAS, INTERACTIONS, KEYS, MOVIES, QUARANTINE, REPLAYS, SCHEMAS, USERS
from movie_mlops.lake.sealed import SEALED, Sealing, Seals
from movie_mlops.lake.sealing import seal_plain
from movie_mlops.lake.storage import open_storage
from movie_mlops.lake.tags import Tag, find_version, make_tag, moment_of, read_tag, remove_tag, tags
from movie_mlops.lake.uses import Uses
from movie_mlops.lake.vacuum import VacuumReport, vacuum
from movie_mlops.lake.verification import Defect, Verification, verify

__all__ = [
    "BATCHES",
    "EXTRAS",
    "INTERACTIONS",
    "KEYS",
    "MOVIES",
    "QUARANTINE",
    "REPLAYS",
    "SCHEMAS",
    "SEALED",
    "USERS",
    "CareError",
    "ColumnChange",
    "Commit",
    "CompactionReport",
    "ConflictError",
    "Defect",
    "ErasureReport",
    "Lake",
    "LakeConfig",
    "LakeError",
    "QueryError",
    "RestorationReport",
    "S3Config",
    "Sealing",
    "Seals",
    "StorageDownError",
    "StorageError",
    "TableDiff",
    "TableInfo",
    "Tag",
    "Uses",
    "VacuumReport",
    "Verification",
    "compact",
    "diff",
    "erase_rows",
    "find_version",
    "holding",
    "make_tag",
    "moment_of",
    "open_storage",
    "pieces",
    "read_tag",
    "remove_tag",
    "restore",
    "seal_plain",
    "tags",
    "vacuum",
    "verify",
]
