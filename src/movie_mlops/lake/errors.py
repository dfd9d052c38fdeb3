"""What can go wrong in the lake."""

from difflib import get_close_matches

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


def no_such_table(place: str, table: str, known: list[str]) -> LakeError:
    """Return the error for a table that a lake does not have, with the nearest that it has."""
    among = f"it has: {', '.join(known)}" if known else "it is empty"
    near = get_close_matches(table, known, n=1, cutoff=0.0)
    next_step = "Fill it first with: movie-mlops ingest load --source sample"
    if near:
        next_step = f"Did you mean {near[0]!r}? See them all with: movie-mlops lake tables"
    return LakeError(f"The lake {place} has no table {table!r} ({among}).", next_step=next_step)


class ConflictError(LakeError):
    """Another writer was faster; what was decided from an older version must be decided again."""

    code = "lake-conflict"
    retryable = True


def overtaken(table: str, after: int | None) -> ConflictError:
    """Return the error for a commit that would not be the very next one after version ``after``."""
    return ConflictError(
        f"Another writer changed table {table!r} after version {after}; nothing was written.",
        next_step="Read the table again, and decide again.",
    )


def first_line(error: Exception) -> str:
    """Return what an engine says; what follows is where in its own code it stood."""
    return str(error).strip().split("\n")[0]
