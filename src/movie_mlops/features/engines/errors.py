"""What can go wrong where work is done elsewhere."""

from movie_mlops.core.errors import MovieMlopsError


class EngineError(MovieMlopsError):
    """The work cannot be done, or failed on a worker."""

    code = "engine"


class EngineDownError(EngineError):
    """The cluster does not answer, or no worker of it takes work."""

    code = "engine-down"
    retryable = True


class EngineMismatchError(EngineError):
    """A worker runs other versions than this process: what it makes would not be the same."""

    code = "engine-mismatch"


class EngineResourceError(EngineError):
    """A worker has too little memory or disk, and others did no better."""

    code = "engine-resources"
