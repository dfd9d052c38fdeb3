"""What can go wrong in the lake."""

from movie_mlops.core.errors import MovieMlopsError


class LakeError(MovieMlopsError):
    """A table or version does not exist, or a write does not fit its table."""

    code = "lake"


class QueryError(LakeError):
    """An SQL query cannot be answered, or is not one that only reads."""

    code = "lake-query"
