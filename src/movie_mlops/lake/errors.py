"""What can go wrong in the lake."""

from movie_mlops.core.errors import MovieMlopsError


class LakeError(MovieMlopsError):
    """A table or version does not exist, or a write does not fit its table."""

    code = "lake"


class QueryError(LakeError):
    """An SQL query cannot be answered, or is not one that only reads."""

    code = "lake-query"


class StorageError(LakeError):
    """The storage under the lake refuses: no such bucket, or keys that it does not accept."""

    code = "lake-storage"


class StorageDownError(StorageError):
    """The storage under the lake does not answer."""

    code = "lake-storage-down"
    retryable = True


class CareError(LakeError):
    """Compaction or vacuum cannot be done without risk to what the lake holds."""

    code = "lake-care"
